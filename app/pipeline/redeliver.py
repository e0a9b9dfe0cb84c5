"""Redeliver: what the code host sent and we do not have is asked for again, until the inbox has it.

A sweep reads the host's list of deliveries from where it stopped, writes down what the inbox does not know,
and asks for what is due, the oldest first. What does not come, or comes without a signature, is read from the
list instead. Everything may run twice: a delivery is kept once.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

from app.domain.apps import App, AppStatus
from app.domain.deliveries import Delivery, DeliverySource
from app.domain.events import Event, Tag
from app.domain.jobs import Job
from app.domain.redelivery import Attempt, Looked, Missed, MissedState
from app.domain.urgency import in_background
from app.errors import RateLimited, RemoteMissing, RemoteRefused, RemoteUnavailable
from app.pipeline.known import known_app
from app.ports import Clock, Records, Sights, Steps, Transaction
from app.ports.redelivery import APP_HOOK, Hook, HookDeliveries

INTERVAL: Final = timedelta(minutes=1)
FETCHED_HEADER: Final = "X-Branchline-Fetched"
# The subject of jobs that are about all apps.
ALL_APPS: Final = "deliveries"
_LEASE: Final = timedelta(minutes=5)
# Deliveries are sent out of order and listed late, and clocks differ.
_OVERLAP: Final = timedelta(minutes=15)
_PAGES_AT_ONCE: Final = 20
_ASKED_AT_ONCE: Final = 50
# So often in one pass, and it is the host that is away and not one delivery that it cannot show.
_MOST_FAILURES: Final = 3
_APPS_AT_ONCE: Final = 5
_KEPT: Final = timedelta(days=30)
_TOO_OLD: Final = "older than the host sends again"
_NEXT: Final = "redelivery:next"
_TURN: Final = "redelivery:turn"


@dataclass(frozen=True, slots=True)
class Redeliverer:
    """Ports and values. The host sends nothing again that is older than `window`.

    `has_own_hook` says that one webhook, an App's, hears of every repository; else each has one, to
    `webhook_url`.
    """

    records: Records
    host: HookDeliveries
    sights: Sights
    clock: Clock
    webhook_url: str
    has_own_hook: bool
    window: timedelta = timedelta(days=3)


@dataclass(slots=True)
class Outcome:
    """What a pass came to: pages that were read, and deliveries by what was found or done.

    `refused` says what the host would not do, each in a sentence.
    """

    pages: int = 0
    missed: int = 0
    asked: int = 0
    recovered: int = 0
    fetched: int = 0
    expired: int = 0
    lost: int = 0
    refused: list[str] = field(default_factory=list)


def sweep(to: Redeliverer) -> Outcome | None:
    """Look and ask, unless another process did so within the last minute, or does; then None."""
    now = to.clock()
    with to.records.begin() as tx:
        following = tx.marks.get(_NEXT, lock=True)
        if following is not None and now < datetime.fromisoformat(following):
            return None
        tx.marks.set(_NEXT, (now + _LEASE).isoformat())
    try:
        return _passed(to)
    finally:
        with to.records.begin() as tx:
            tx.marks.set(_NEXT, (now + INTERVAL).isoformat())


def redeliver(job: Job, steps: Steps, to: Redeliverer) -> dict[str, Any]:
    """Look again as far back as is wanted, at one app's deliveries or at all, and ask for what is missing."""
    since = datetime.fromisoformat(job.arguments["since"]) if "since" in job.arguments else None

    def look() -> dict[str, Any]:
        outcome = _passed(to, since)
        return {name: getattr(outcome, name) for name in Outcome.__slots__}

    return {"deliveries": steps.run("look for what was missed", look)}


def redeliver_repository(app: App, to: Redeliverer) -> Outcome:
    """Look at once at what one app's repository sent, and ask for what is missing of it.

    Does nothing where one webhook hears of every repository: the sweep looks at that.
    """
    outcome = Outcome()
    if not to.has_own_hook:
        _look_at_app(app, to, outcome)
        _close_arrived(to, outcome)
        _ask_for_due(to, outcome, app_id=app.id)
    return outcome


def _passed(to: Redeliverer, since: datetime | None = None) -> Outcome:
    """Look and ask. What could not be looked at keeps nobody from asking for what is known to be missed."""
    outcome, failure = Outcome(), None
    with in_background():
        try:
            _look_at_all(to, outcome, since)
        except RateLimited:
            raise
        except RemoteUnavailable as error:
            failure = error
        _close_arrived(to, outcome)
        _ask_for_due(to, outcome)
    with to.records.begin() as tx:
        tx.missed.forget(to.clock() - _KEPT)
    if failure is not None:
        raise failure
    return outcome


def _look_at_all(to: Redeliverer, outcome: Outcome, since: datetime | None) -> None:
    """Look at the one webhook that hears of every repository, or at those whose turn it is.

    Raises:
        RemoteUnavailable: some of it could not be looked at now.
    """
    if to.has_own_hook:
        try:
            _look(APP_HOOK, None, to, outcome, since)
        except RemoteRefused as refused:
            outcome.refused.append(refused.message)
        return
    failures = list[RemoteUnavailable]()
    for app in _whose_turn_it_is(to):
        try:
            _look_at_app(app, to, outcome, since)
        except RateLimited:
            raise
        except RemoteUnavailable as error:  # one that cannot be shown has the same neighbours each time
            failures.append(error)
    if failures:
        raise failures[-1]


def _whose_turn_it_is(to: Redeliverer) -> Sequence[App]:
    """Return the apps that were looked at longest ago: a few, the ones behind those of the last pass."""
    with to.records.begin() as tx:
        page = tx.apps.list(cursor=tx.marks.get(_TURN) or None, limit=_APPS_AT_ONCE)
        tx.marks.set(_TURN, page.next_cursor or "")
    return [app for app in page.items if app.is_reachable and app.status is not AppStatus.DELETING]


def _look_at_app(app: App, to: Redeliverer, outcome: Outcome, since: datetime | None = None) -> None:
    """Look at the webhook of one repository; what is wrong with it is for others to find and to mend."""
    if not app.is_reachable:
        return
    try:
        hook = _hook_of(app, to)
        if hook is not None:
            _look(hook, app.id, to, outcome, since)
    except RemoteRefused as refused:
        if isinstance(refused, RemoteMissing):
            _forget_hook(app, to)
        outcome.refused.append(refused.message)


def _hook_of(app: App, to: Redeliverer) -> Hook | None:
    """Return the app's webhook; the host is asked for it once, and after it was found to be gone."""
    with to.records.read() as tx:
        looked = _looked(tx, app.id, to)
    if looked.hook_id is not None:
        return Hook(app.repository_name, looked.hook_id)
    webhook = to.sights.webhook(app.repository_name, to.webhook_url)
    if webhook is None:
        return None
    with to.records.begin() as tx:
        _keep(tx, app.id, replace(_looked(tx, app.id, to), hook_id=webhook.id))
    return Hook(app.repository_name, webhook.id)


def _forget_hook(app: App, to: Redeliverer) -> None:
    with to.records.begin() as tx:
        _keep(tx, app.id, replace(_looked(tx, app.id, to), hook_id=None, cursor=None, began_at=None))


def _look(
    hook: Hook, app_id: str | None, to: Redeliverer, outcome: Outcome, since: datetime | None = None
) -> None:
    """Read a webhook's list from where the last look stopped; a long one goes on with the next pass."""
    if since is not None:
        _look_further_back(app_id, since, to)
    for _ in range(_PAGES_AT_ONCE):
        if not _read_page(hook, app_id, to, outcome):
            return


def _look_further_back(app_id: str | None, since: datetime, to: Redeliverer) -> None:
    with to.records.begin() as tx:
        looked = _looked(tx, app_id, to)
        _keep(tx, app_id, Looked(min(since, looked.until), hook_id=looked.hook_id))


def _read_page(hook: Hook, app_id: str | None, to: Redeliverer, outcome: Outcome) -> bool:
    """Read a page and write down what was missed on it; tell whether there is more to read."""
    now = to.clock()
    with to.records.read() as tx:
        told, looked = tx.marks.get(_mark(app_id)), _looked(tx, app_id, to)
    page = to.host.sent(hook, looked.cursor)
    outcome.pages += 1
    is_far_enough = any(it.delivered_at < looked.until - _OVERLAP for it in page.attempts)
    cursor = None if is_far_enough else page.next_cursor
    with to.records.begin() as tx:
        _write_down(tx, page.attempts, app_id, to, outcome)
        if tx.marks.get(_mark(app_id), lock=True) != told:
            return True  # somebody else went on meanwhile, or wants to look further back: go on from there
        _keep(tx, app_id, looked.gone_on(cursor, now))
    return cursor is not None


def _write_down(
    tx: Transaction, attempts: Sequence[Attempt], app_id: str | None, to: Redeliverer, outcome: Outcome
) -> None:
    """Keep what the inbox does not have; whether the host thinks that it arrived does not matter."""
    now, by_guid = to.clock(), defaultdict[str, list[Attempt]](list)
    for attempt in attempts:
        by_guid[attempt.guid].append(attempt)
    unheard = tx.missed.unheard(by_guid)
    known = tx.missed.known(unheard)
    for guid in unheard:
        seen = Missed.of(by_guid[guid], app_id, now)
        before = known.get(guid)
        if before is not None:
            tx.missed.save(before.seen_again(seen))
        elif seen.is_too_old(now, to.window):
            outcome.expired += 1
            _give_up(tx, seen, MissedState.EXPIRED, _TOO_OLD, now)
        else:
            outcome.missed += 1
            tx.missed.save(seen)


def _close_arrived(to: Redeliverer, outcome: Outcome) -> None:
    with to.records.begin() as tx:
        for missed in tx.missed.arrived():
            outcome.recovered += 1
            tx.missed.save(missed.closed(MissedState.RECOVERED))


def _ask_for_due(to: Redeliverer, outcome: Outcome, app_id: str | None = None) -> None:
    """Ask for what is due, the oldest first: what is left longest is nearest to being too old.

    One that the host cannot send or show is put off, so that it holds up no others until those are too old.

    Raises:
        RemoteUnavailable: some of it could not be asked for now; it is put off.
    """
    with to.records.read() as tx:
        due = tx.missed.due(to.clock(), app_id=app_id, limit=_ASKED_AT_ONCE)
        hooks = {it.app_id: _known_hook(tx, it.app_id, to) for it in due}
    failures = list[RemoteUnavailable]()
    for missed in due:
        try:
            _ask_for_one(missed, hooks[missed.app_id], to, outcome)
        except RateLimited:
            raise
        except RemoteUnavailable as error:
            failures.append(error)
            with to.records.begin() as tx:
                tx.missed.save(missed.asked(to.clock()))
        if len(failures) == _MOST_FAILURES:
            break
    if failures:
        raise failures[-1]


def _ask_for_one(missed: Missed, hook: Hook | None, to: Redeliverer, outcome: Outcome) -> None:
    if missed.is_too_old(to.clock(), to.window):
        outcome.expired += 1
        with to.records.begin() as tx:
            _give_up(tx, missed, MissedState.EXPIRED, _TOO_OLD, to.clock())
    elif hook is None:
        with to.records.begin() as tx:
            tx.missed.save(missed.asked(to.clock()))  # its webhook may be found again
    elif missed.is_to_be_fetched:
        _fetch(missed, hook, to, outcome)
    else:
        _ask(missed, hook, to, outcome)


def _known_hook(tx: Transaction, app_id: str | None, to: Redeliverer) -> Hook | None:
    if app_id is None:
        return APP_HOOK
    app, looked = known_app(tx, app_id), _looked(tx, app_id, to)
    if app is None or not app.is_reachable or looked.hook_id is None:
        return None
    return Hook(app.repository_name, looked.hook_id)


def _ask(missed: Missed, hook: Hook, to: Redeliverer, outcome: Outcome) -> None:
    """Have it sent again, or read it where the host refuses to, or takes no more writes for now."""
    try:
        to.host.again(hook, missed.attempt_id)
    except (RemoteRefused, RateLimited):
        _fetch(missed, hook, to, outcome)
        return
    outcome.asked += 1
    asked = missed.asked(to.clock())
    payload = {"event": asked.event, "sentAt": asked.sent_at.isoformat(), "tries": asked.tries}
    with to.records.begin() as tx:
        tx.missed.save(asked)
        tx.events.append(_fact(Tag.DELIVERY_REDELIVERY_REQUESTED, asked, to.clock(), payload))


def _fetch(missed: Missed, hook: Hook, to: Redeliverer, outcome: Outcome) -> None:
    """Put it into the inbox as the host keeps it; it comes over a connection that we opened, from its API."""
    try:
        headers, body = to.host.fetch(hook, missed.attempt_id)
    except RemoteMissing as missing:
        outcome.lost += 1
        with to.records.begin() as tx:
            _give_up(tx, missed, MissedState.LOST, missing.message, to.clock())
        return
    except RemoteRefused as refused:  # it is there, and a person can let us have it
        outcome.refused.append(refused.message)
        with to.records.begin() as tx:
            tx.missed.save(missed.asked(to.clock()))
        return
    outcome.fetched += 1
    now = to.clock()
    delivery = Delivery(
        guid=missed.guid,
        source=DeliverySource.GITHUB,
        event=missed.event,
        headers={**headers, FETCHED_HEADER: str(missed.attempt_id)},
        body=body,
        received_at=now,
        body_sha256=hashlib.sha256(body).hexdigest(),
    )
    with to.records.begin() as tx:
        tx.deliveries.add(delivery)
        tx.missed.save(missed.closed(MissedState.FETCHED))
        payload = {"event": missed.event, "sentAt": missed.sent_at.isoformat(), "tries": missed.tries}
        tx.events.append(_fact(Tag.DELIVERY_FETCHED, missed, now, payload))


def _fact(tag: Tag, missed: Missed, at: datetime, payload: dict[str, Any]) -> Event:
    return Event(
        tag,
        missed.guid,
        "clock",
        at,
        payload,
        app_id=missed.app_id,
        key=f"{tag}:{missed.guid}:{missed.tries}",
    )


def _give_up(tx: Transaction, missed: Missed, state: MissedState, reason: str, at: datetime) -> None:
    """Write down that it will not come any more; reconciling finds what it would have told."""
    tx.missed.save(missed.closed(state, reason))
    payload = {"event": missed.event, "sentAt": missed.sent_at.isoformat(), "why": reason}
    tx.events.append(_fact(Tag.DELIVERY_LOST, missed, at, payload))


def _looked(tx: Transaction, app_id: str | None, to: Redeliverer) -> Looked:
    """Return how far a webhook's list was read; before the first look, as far as the host sends again."""
    told = tx.marks.get(_mark(app_id))
    return Looked(to.clock() - to.window) if told is None else Looked.from_told(json.loads(told))


def _keep(tx: Transaction, app_id: str | None, looked: Looked) -> None:
    tx.marks.set(_mark(app_id), json.dumps(looked.told()))


def _mark(app_id: str | None) -> str:
    return f"redelivery:{app_id or 'app-hook'}"
