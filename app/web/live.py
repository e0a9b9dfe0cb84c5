"""One stream of events: what its reader missed, from the database, and then what the follower tells."""

import json
import threading
from collections.abc import Generator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Final

from app.domain.events import Place, Selection
from app.errors import BranchlineError, Gone, RemoteUnavailable, UserError
from app.ports import Records
from app.web.event_stream import message, passed, retry_after
from app.web.following import Follower, Subscription, Told
from app.web.outside import Gate, Shares
from app.web.watch import Heard, Watch

_RETRY_SECONDS: Final = 2.0
_PAGE: Final = 200
# Who opens all pages that they can leaves some to others.
_SHARES: Final = 4
_SMALLEST_SHARE: Final = 8
# When a process ends all its readers come to another one, and the API is to find a connection all the same.
_CATCHING_UP: Final = threading.BoundedSemaphore(4)


@dataclass(frozen=True, slots=True)
class Live:
    """Who follows the record, and how many may be told: in all, and of one person's or token's.

    `heard` is whom they all heard of.
    """

    follower: Follower
    gate: Gate
    shares: Shares
    heard: Heard = field(default_factory=Heard)

    @classmethod
    def of(cls, follower: Follower, places: int) -> "Live":
        """Let so many be told at once."""
        shares = Shares(max(_SMALLEST_SHARE, places // _SHARES), "follow events")
        return cls(follower, Gate(places, "follow events"), shares)


def follow(
    chosen: Selection,
    last: Place | None,
    live: Live,
    records: Records,
    *,
    watch: Watch,
    opened: ExitStack,
) -> Generator[bytes, None, None]:
    """Begin to tell what comes behind `last`, or from now on; `opened` is to be closed when it is over.

    Raises:
        RemoteUnavailable: the database is away.
    """
    lost = _lost(last, live.follower, records)
    subscription = live.follower.subscribe(chosen, None if lost else last)
    opened.callback(live.follower.leave, subscription)
    if lost is not None:
        return _told(_reset(lost, subscription), subscription, watch)
    if last is not None and last < subscription.since:
        return _told(_missed(chosen, last, subscription, records), subscription, watch)
    return _told((), subscription, watch)


def _lost(last: Place | None, follower: Follower, records: Records) -> Gone | None:
    """Return why nothing can come behind a place, which no fact has that is there now."""
    if last is None or last <= follower.place:
        return None
    with records.read() as tx:
        try:
            tx.events.page(Selection(), after=last, limit=1)
        except Gone as gone:
            return gone
    return None


def _told(
    missed: Generator[bytes, None, None] | Sequence[bytes], subscription: Subscription, watch: Watch
) -> Generator[bytes, None, None]:
    try:
        yield retry_after(_RETRY_SECONDS)
        yield from missed
        yield passed(str(subscription.since))
        while (taken := _taken(subscription, watch.wait_seconds)) is not None:
            news, place = taken
            if told := watch.pick(news):
                yield b"".join(it.text for it in told)
            elif watch.wait_seconds is None:
                yield passed(str(place))
    except (RemoteUnavailable, UserError):
        return  # it comes back, and goes on behind what it has, or is told why it may not


def _taken(subscription: Subscription, seconds: float | None) -> tuple[Sequence[Told], Place] | None:
    return subscription.take() if seconds is None else subscription.take(seconds)


def _missed(
    chosen: Selection, last: Place, subscription: Subscription, records: Records
) -> Generator[bytes, None, None]:
    """Yield what is behind `last` and up to where the follower was, page by page."""
    try:
        while last < subscription.since:
            with _CATCHING_UP, records.read() as tx:
                page = tx.events.page(chosen, after=last, limit=_PAGE)
            news = [told for told in map(Told.of, page) if told.place <= subscription.since]
            yield b"".join(told.text for told in news)
            if len(news) < _PAGE:
                return
            last = news[-1].place
    except Gone as gone:
        yield from _reset(gone, subscription)


def _reset(why: BranchlineError, subscription: Subscription) -> Sequence[bytes]:
    """Return the event by which a reader learns that it cannot be told everything, and where it goes on."""
    data = json.dumps({"code": why.error_code, "message": why.message})
    return [message(data, str(subscription.since), "reset")]
