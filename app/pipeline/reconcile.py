"""Reconcile: what nobody told us of is found, in passes over everything, and healed app by app.

A pass is one job in small steps: a hundred apps, or a thousand scripts, at a time. Killed at any point it
goes on there. It looks and writes down; what an app's policy lets heal is done by a job of that app, which
looks again. Two passes at once, or one twice, end alike.
"""

import logging
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

from app.domain.apps import App, Heal
from app.domain.drift import ASKED_ONE_BY_ONE, NOBODY, SCRIPT_KINDS, Drift, Kind
from app.domain.jobs import Job, JobStatus, JobType
from app.domain.passes import (
    APPS_PER_CALL,
    ASKED_PER_PASS,
    CALLS_PER_ASKED,
    CLOUDFLARE_PAUSE_SECONDS,
    GITHUB_PAUSE_SECONDS,
    SUSPECTS_PER_PASS,
    Estimate,
)
from app.errors import NotFound, RateLimited, RemoteMissing, RemoteRefused, RemoteUnavailable
from app.pipeline.drift_notes import Reach, end, note, note_failed
from app.pipeline.known import known_app
from app.pipeline.reconcile_app import reconcile_app, write_down
from app.pipeline.reconcile_heal import Healed, heal_script
from app.pipeline.reconcile_look import (
    FEW,
    Reconciler,
    look_at_repositories,
    look_at_scripts,
    look_at_settings,
    look_for_absent,
)
from app.ports import Records, Steps, Transaction

log = logging.getLogger(__name__)

_AT_ONE_GLANCE: Final = frozenset(Kind) - SCRIPT_KINDS - ASKED_ONE_BY_ONE
_NEXT: Final = "reconcile:next"
_UNDER_WAY: Final = "reconcile:pass"
_TURN: Final = "reconcile:turn"
_HEALED_PER_PASS: Final = 500
_PAGE: Final = 100
_OVER: Final = frozenset({JobStatus.COMPLETED, JobStatus.FAILED})


def reconcile(job: Job, steps: Steps, to: Reconciler) -> dict[str, Any]:
    """Look at one app, or at everything."""
    return reconcile_app(job, steps, to) if job.app_id != NOBODY else _pass(job, steps, to)


def estimate(tx: Transaction, namespaces: int) -> Estimate:
    """Return what a pass would take by now."""
    return Estimate.of(tx.survey.count_apps(), tx.standing.count(), namespaces)


def request_reconcile(
    tx: Transaction, app: App, *, actor: str | None = None, heal: Heal | None = None
) -> Job:
    """Ask for a look at one app; `heal` is for this look alone, instead of the app's own policy."""
    arguments = {"heal": heal.value} if heal else {}
    return tx.jobs.enqueue(JobType.RECONCILE, app.id, arguments, actor=actor)


def request_pass(tx: Transaction, *, actor: str | None = None) -> Job:
    """Ask for a pass over everything; one that is under way is answered with."""
    known = tx.marks.get(_UNDER_WAY, lock=True)
    if known is not None:
        try:
            job = tx.jobs.get(known)
        except NotFound:
            job = None
        if job is not None and job.status not in _OVER:
            return job
    job = tx.jobs.enqueue(JobType.RECONCILE, NOBODY, {}, actor=actor)
    tx.marks.set(_UNDER_WAY, job.id)
    return job


def schedule(records: Records, at: datetime, every: timedelta | None) -> Job | None:
    """Ask for a pass when it is time for one, whichever process says so first.

    With `every` None there is none by itself. A platform that just began has nothing to look for yet.
    """
    if every is None:
        return None
    with records.begin() as tx:
        following = tx.marks.get(_NEXT, lock=True)
        if following is not None and at < datetime.fromisoformat(following):
            return None
        tx.marks.set(_NEXT, (at + every).isoformat())
        return None if following is None else request_pass(tx)


# ---------------------------------------------------------------------------------------------- one pass


def _pass(job: Job, steps: Steps, to: Reconciler) -> dict[str, Any]:
    began = datetime.fromisoformat(steps.run("begin", lambda: to.clock().isoformat()))
    apps, suspects = _look_at_apps(job, began, steps, to)
    _ask_one_by_one(job, suspects, steps, to)
    scripts = sum(_look_at_namespace(job, it, began, steps, to) for it in to.platform.all_namespaces)
    asked = _heal_apps(job, steps, to)
    healed = _heal_orphans(job, steps, to)
    return {"apps": apps, "scripts": scripts, "appsToHeal": asked, "healed": healed}


def _look_at_apps(job: Job, began: datetime, steps: Steps, to: Reconciler) -> tuple[int, list[str]]:
    """Look at all repositories; return how many apps there are, and some that show drift."""
    number, suspects, cursor = 0, list[str](), None
    while True:
        looked = steps.run("look at apps", partial(_look_at_page, job, began, cursor, to))
        number, cursor = number + looked["apps"], looked["cursor"]
        suspects = (suspects + looked["suspects"])[:SUSPECTS_PER_PASS]
        if cursor is None:
            return number, suspects
        steps.sleep(GITHUB_PAUSE_SECONDS)


def _look_at_page(job: Job, began: datetime, cursor: str | None, to: Reconciler) -> dict[str, Any]:
    with to.records.read() as tx:
        page = tx.apps.list(cursor=cursor, limit=APPS_PER_CALL)
    looked = look_at_repositories(page.items, began, to)
    with to.records.begin() as tx:
        drifts = note(tx, looked.found, Reach(looked.app_ids, _AT_ONE_GLANCE), to.clock(), job.id)
    suspects = list(dict.fromkeys(it.app_id for it in drifts if not it.is_given_up))
    return {
        "apps": len(page.items),
        "cursor": page.next_cursor,
        "suspects": suspects[:SUSPECTS_PER_PASS],
    }


def _ask_one_by_one(job: Job, suspects: Sequence[str], steps: Steps, to: Reconciler) -> None:
    """Ask for more about apps that show drift, and about those that it was asked for longest ago."""
    turn = steps.run("see whose turn it is", lambda: _whose_turn_it_is(to))
    for app_id in dict.fromkeys([*suspects, *turn["apps"]]):
        steps.run(f"ask about {app_id}", partial(_ask_about, job, app_id, to))
        steps.sleep(GITHUB_PAUSE_SECONDS * CALLS_PER_ASKED)
    steps.run("pass the turn on", lambda: _pass_turn_on(turn["cursor"], to))


def _whose_turn_it_is(to: Reconciler) -> dict[str, Any]:
    with to.records.read() as tx:
        page = tx.apps.list(cursor=tx.marks.get(_TURN) or None, limit=ASKED_PER_PASS)
    return {"apps": [app.id for app in page.items], "cursor": page.next_cursor}


def _pass_turn_on(cursor: str | None, to: Reconciler) -> None:
    with to.records.begin() as tx:
        tx.marks.set(_TURN, cursor or "")


def _ask_about(job: Job, app_id: str, to: Reconciler) -> int:
    with to.records.read() as tx:
        app = known_app(tx, app_id)
    if app is None:
        return 0
    try:
        found = look_at_settings(app, to)
    except RateLimited:
        raise
    except RemoteRefused:  # the repository is gone, or we may not ask: nothing follows
        return 0
    except RemoteUnavailable as error:  # nothing follows either, and all others are to have their turn
        log.warning("%s", error.message)
        return 0
    with to.records.begin() as tx:
        return len(note(tx, found, Reach([app_id], ASKED_ONE_BY_ONE), to.clock(), job.id))


# ----------------------------------------------------------------------------------------------- scripts


def _look_at_namespace(job: Job, namespace: str, began: datetime, steps: Steps, to: Reconciler) -> int:
    """Look at all scripts of a namespace; only then is told which are not there."""
    number: int = 0
    cursor: str | None = None
    while True:
        look = partial(_look_at_scripts, job, namespace, began, cursor, to)
        looked = steps.run(f"look at scripts in {namespace}", look)
        if looked is None:
            return number  # nothing is concluded
        number, cursor = number + looked["scripts"], looked["cursor"]
        if cursor is None:
            break
        steps.sleep(CLOUDFLARE_PAUSE_SECONDS)
    after: str | None = ""
    while after is not None:
        look_for = partial(_look_for_absent, job, namespace, began, after, to)
        after = steps.run(f"look for what is gone from {namespace}", look_for)
    steps.run(f"see what is over in {namespace}", partial(_end_unseen, job, namespace, began, to))
    return number


def _look_at_scripts(
    job: Job, namespace: str, began: datetime, cursor: str | None, to: Reconciler
) -> dict[str, Any] | None:
    """Look at a page; None when there is no such namespace, from which nothing follows."""
    try:
        page = to.scripts.listing(namespace, cursor)
    except RemoteMissing:
        return None
    _note_scripts(job, look_at_scripts(page, namespace, began, to), to)
    return {"scripts": len(page.scripts), "cursor": page.next_cursor}


def _look_for_absent(job: Job, namespace: str, began: datetime, after: str, to: Reconciler) -> str | None:
    with to.records.read() as tx:
        absent = tx.standing.unseen(namespace, began, after=after)
    _note_scripts(job, look_for_absent(absent, namespace, to), to)
    return absent[-1].script if absent else None


def _note_scripts(job: Job, found: Sequence[Drift], to: Reconciler) -> None:
    if found:
        reach = Reach({it.app_id for it in found}, ())
        with to.records.begin() as tx:
            note(tx, found, reach, to.clock(), job.id)


def _end_unseen(job: Job, namespace: str, began: datetime, to: Reconciler) -> int:
    """Call over what was found of this namespace's scripts before, and not by this pass."""
    over = [
        drift
        for drift in _all_open(to)
        if drift.kind in SCRIPT_KINDS
        and drift.subject.startswith(f"{namespace}/")
        and drift.seen_at is not None
        and drift.seen_at < began
    ]
    for drift in over:
        with to.records.begin() as tx:
            end(tx, drift, to.clock(), job.id)
    return len(over)


def _all_open(to: Reconciler) -> Iterator[Drift]:
    cursor: str | None = None
    while True:
        with to.records.read() as tx:
            page = tx.drifts.list(cursor=cursor, limit=_PAGE)
        yield from page.items
        cursor = page.next_cursor
        if cursor is None:
            return


# --------------------------------------------------------------------------------------------- to be healed


def _heal_apps(job: Job, steps: Steps, to: Reconciler) -> int:
    """Ask for a look at each app of which something may be healed, so many at most in one pass."""
    app_ids: list[str] = steps.run("see what may be healed", lambda: _apps_to_heal(job, to))
    for start in range(0, len(app_ids), _PAGE):
        some = app_ids[start : start + _PAGE]
        steps.run("ask for healing", partial(_request_healing, some, job, to))
    return len(app_ids)


def _apps_to_heal(job: Job, to: Reconciler) -> list[str]:
    """Return apps of which something may be healed; of those that are gone nothing differs any more."""
    policies, found = dict[str, Heal | None](), dict[str, None]()
    for drift in _all_open(to):
        app_id = drift.app_id
        if not app_id.startswith("app_"):
            continue
        if app_id not in policies:
            policies[app_id] = _policy_of(app_id, to)
        policy = policies[app_id]
        if policy is None:
            with to.records.begin() as tx:
                end(tx, drift, to.clock(), job.id)
        elif drift.may_be_healed(policy) and len(found) < _HEALED_PER_PASS:
            found[app_id] = None
    return list(found)


def _policy_of(app_id: str, to: Reconciler) -> Heal | None:
    with to.records.read() as tx:
        app = known_app(tx, app_id)
    return None if app is None else app.heal or to.platform.heal


def _request_healing(app_ids: Sequence[str], job: Job, to: Reconciler) -> int:
    with to.records.begin() as tx:
        under_way = {
            it.app_id for it in tx.jobs.unfinished() if it.type is JobType.RECONCILE and it.id != job.id
        }
        asked = [app_id for app_id in app_ids if app_id not in under_way]
        for app_id in asked:
            tx.jobs.enqueue(JobType.RECONCILE, app_id, {})
    return len(asked)


def _heal_orphans(job: Job, steps: Steps, to: Reconciler) -> int:
    """Heal scripts of workers, and of nobody: these have no job of their own, and the platform's policy."""
    found: list[list[str]] = steps.run("see which scripts may be healed", lambda: _scripts_to_heal(to))
    healed = 0
    for owner_id, kind, subject in found:
        drift = partial(_heal_script, job, owner_id, kind, subject, to)
        healed += steps.run(f"heal {kind} {subject}", drift)
    return healed


def _scripts_to_heal(to: Reconciler) -> list[list[str]]:
    found = [
        drift
        for drift in _all_open(to)
        if not drift.app_id.startswith("app_") and drift.may_be_healed(to.platform.heal)
    ]
    believed = found if _are_known(found, to) else [it for it in found if it.app_id != NOBODY]
    return [[it.app_id, it.kind.value, it.subject] for it in believed[:_HEALED_PER_PASS]]


def _are_known(found: Sequence[Drift], to: Reconciler) -> bool:
    """Tell whether scripts are nobody's: where we know of fewer than that, our memory is not theirs.

    It may be new, or an older one that was restored: then they are live, and somebody's.
    """
    nobodys = sum(it.app_id == NOBODY for it in found)
    with to.records.read() as tx:
        known = tx.standing.count()
    is_ours = nobodys < FEW or nobodys <= known
    if not is_ours:
        log.warning("%s scripts are nobody's, and %s are known: none is deleted", nobodys, known)
    return is_ours


def _heal_script(job: Job, owner_id: str, kind: str, subject: str, to: Reconciler) -> int:
    with to.records.read() as tx:
        known = {it.key: it for it in tx.drifts.of([owner_id])}
    drift = known.get((owner_id, Kind(kind), subject))
    if drift is None:
        return 0
    try:
        healed = Healed(did=heal_script(drift, to))
    except (RemoteRefused, NotFound) as refused:
        with to.records.begin() as tx:
            note_failed(tx, drift, refused.message, to.clock())
        return 0
    return write_down(drift, healed, job, to)
