"""The deliveries that were worked off: to be worked off again, or let go."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from app.domain.deliveries import DeliveryFilter


class PastDeliveries(Protocol):
    """What a replay and the retention need; no body is read for it."""

    def find(self, wanted: DeliveryFilter, *, after: int = 0, limit: int) -> Sequence[int]:
        """Return the ids of those that a replay may take, in order, behind `after`.

        Not those that wait for work anyway, and not those whose very body came before.
        """

    def last_try(self) -> datetime | None:
        """Return the latest time that any delivery waits for; None when none does."""

    def try_again(self, times: Mapping[int, datetime]) -> None:
        """Have deliveries, by id, worked off again from these times on."""

    def discard(self, before: datetime, *, limit: int) -> int:
        """Let up to `limit` go that were received before that and want no work; return how many."""
