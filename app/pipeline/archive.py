"""Archive: facts that are old enough move out of the database, whole days of them, into the bundle store.

They are written there, read back, told as archived, and only then do they go, the last two in one
transaction. So after a crash at any point each of them is in one place at least, and in one archive at most.
A busy day has several archives.
"""

from collections.abc import Sequence
from datetime import datetime, time, timedelta
from typing import Final

from app.domain.archives import Archive, packed, unpacked
from app.domain.events import Event
from app.errors import Broken
from app.ports import Bundles, Records

# What one archive holds at most is held in memory while it is made.
_AT_ONCE: Final = 10_000


def archive(records: Records, bundles: Bundles, days: int, at: datetime, *, at_once: int = _AT_ONCE) -> int:
    """Archive the oldest facts, those of days that ended before so many others; return how many that were.

    0 days are for ever. May be repeated, and done by several processes at once.
    """
    if days == 0:
        return 0
    today = datetime.combine(at.date(), time.min, tzinfo=at.tzinfo)
    before = today - timedelta(days=days)
    with records.read() as tx:
        events = tx.archives.due(before, limit=at_once)
    if not events:
        return 0
    kept = Archive.of(events, _kept(events, bundles), at)
    with records.begin() as tx:
        return kept.number if tx.archives.keep(kept) else 0


def _kept(events: Sequence[Event], bundles: Bundles) -> str:
    """Keep facts in the bundle store and read them back; return their SHA-256."""
    sha256, _ = bundles.write([packed(events)])
    with bundles.open(sha256) as stored:
        found = [fact["id"] for fact in unpacked(stored)]
    if found != [event.id for event in events]:
        raise Broken(f"archiving events: {sha256} does not hold what was written")
    return sha256
