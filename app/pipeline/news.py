"""News: what is heard of at this moment, and whether it still is news.

A delivery may be worked off again long after it came. Reports that bear a time of their own are compared by
it; of those that bear none, the delivery that was received last counts, but for one that was missed and sent
again: of that we know when it was sent first.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from app.domain.deliveries import Delivery, DeliveryStatus
from app.domain.events import Event
from app.ports import Transaction


@dataclass(frozen=True, slots=True)
class News:
    """A report on its way into our memory. `told_by` is None where we looked ourselves."""

    tx: Transaction
    at: datetime
    told_by: Delivery | None = None

    @property
    def is_replay(self) -> bool:
        """It was worked off before."""
        return self.told_by is not None and self.told_by.is_replay

    @property
    def first_at(self) -> datetime:
        """When it was worked off first: what came about later is newer than it."""
        first_at = self.told_by.processed_at if self.told_by else None
        return first_at or self.at

    def tell(self, event: Event) -> None:
        """Write a fact down that changes nothing else, and so is not known from what it changed."""
        if self.told_by is None:
            self.tx.events.append(event)
        elif not (self.is_replay and self.told_by.status is DeliveryStatus.PROCESSED):
            self.tx.events.append(replace(event, key=self.told_by.fact_key(event.tag)))

    def is_latest(self, repository_id: int, of: str) -> bool:
        """Tell whether no later delivery told this of a repository; ask while its app is held."""
        number = self.told_by.id if self.told_by else None
        if self.told_by is None or number is None:
            return True
        name, sent_at = f"repository:{repository_id}:{of}", self._sent_late_at(self.told_by)
        known = self.tx.marks.get(name)
        # Of what was worked off before marks were kept, nobody wrote down what came after it.
        is_old = self.is_replay if known is None else _is_before(known, number, sent_at)
        if not is_old:
            at = sent_at or self.told_by.received_at
            self.tx.marks.set(name, f"{number} {at.isoformat()}")
        return not is_old

    def _sent_late_at(self, told_by: Delivery) -> datetime | None:
        """Return when it was sent first, if it was missed then: what was sent later came before it."""
        missed = self.tx.missed.known([told_by.guid]).get(told_by.guid)
        return missed.sent_at if missed else None


def _is_before(known: str, number: int, sent_at: datetime | None) -> bool:
    """Tell whether a delivery comes before the one of a mark: by when both were sent, if it was missed."""
    known_number, _, known_at = known.partition(" ")
    if sent_at is not None and known_at and number != int(known_number):
        return sent_at < datetime.fromisoformat(known_at)
    return number < int(known_number)
