"""Replay: deliveries that were worked off are worked off again, one by its guid or many by a filter.

Nothing is done here but to give them a time; the inbox does the rest. Many are given theirs a part at a time
and spread, so that what comes in meanwhile does not wait behind them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from app.domain.deliveries import Delivery, DeliveryFilter, DeliveryStatus
from app.domain.events import Event, Tag
from app.errors import Conflict
from app.ports import Transaction

# Few enough that what comes in meanwhile is worked off between them.
PER_SECOND: Final = 50
_SUBJECT: Final = "deliveries"


@dataclass(frozen=True, slots=True)
class Part:
    """How many deliveries a part of a replay takes, and behind which the next begins; None at the end."""

    number: int
    next_after: int | None


def replay_one(tx: Transaction, guid: str, *, actor: str, at: datetime) -> Delivery:
    """Have a delivery worked off again now.

    Raises:
        NotFound: there is none.
        Conflict: its very body came before under another guid, and counted then.
    """
    delivery = tx.deliveries.get(guid)
    if delivery.status is DeliveryStatus.DUPLICATE:
        raise Conflict(
            f"replaying delivery {guid}: it is a duplicate: replay the one that came first",
            code="delivery:duplicate",
        )
    if delivery.id is not None:
        tx.past_deliveries.try_again({delivery.id: at})
    _note(tx, guid, actor, at, {"number": 1})
    return delivery


def replay_part(
    tx: Transaction, wanted: DeliveryFilter, *, after: int, limit: int, actor: str, at: datetime
) -> Part:
    """Have the next `limit` deliveries of a filter worked off again, spread over the time to come."""
    found = tx.past_deliveries.find(wanted, after=after, limit=limit)
    if found:
        begin = max(at, tx.past_deliveries.last_try() or at)
        times = {it: begin + timedelta(seconds=place / PER_SECOND) for place, it in enumerate(found)}
        tx.past_deliveries.try_again(times)
        _note(tx, _SUBJECT, actor, at, {"number": len(found), "wanted": _told(wanted)})
    return Part(len(found), found[-1] if len(found) == limit else None)


def part_of(tx: Transaction, wanted: DeliveryFilter, *, after: int, limit: int) -> Part:
    """Return what `replay_part` would take; nothing changes."""
    found = tx.past_deliveries.find(wanted, after=after, limit=limit)
    return Part(len(found), found[-1] if len(found) == limit else None)


def _note(tx: Transaction, subject: str, actor: str, at: datetime, payload: Mapping[str, Any]) -> None:
    tx.events.append(Event(Tag.DELIVERY_REPLAY_REQUESTED, subject, actor, at, payload))


def _told(wanted: DeliveryFilter) -> dict[str, Any]:
    """Return a filter as JSON, without what does not matter to it."""
    told = {
        "status": wanted.status,
        "source": wanted.source,
        "event": wanted.event,
        "since": wanted.since and wanted.since.isoformat(),
        "until": wanted.until and wanted.until.isoformat(),
        "olderThan": wanted.older_than,
    }
    return {name: value for name, value in told.items() if value is not None}
