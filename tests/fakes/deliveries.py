"""The inbox over the dicts of `memory`, and what was worked off of it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from app.domain.deliveries import Delivery, DeliveryFilter, DeliveryStatus
from app.errors import NotFound
from app.ports import Page
from app.ports.memory import EVERYTHING
from tests.fakes.memory import Memory, page_of

_REPLAYED: Final = {DeliveryStatus.PROCESSED, DeliveryStatus.IGNORED, DeliveryStatus.FAILED}
_DISCARDED: Final = {DeliveryStatus.PROCESSED, DeliveryStatus.IGNORED, DeliveryStatus.DUPLICATE}


class FakeDeliveries:
    """`ports.Deliveries`."""

    def __init__(self, memory: Memory) -> None:
        self._deliveries = memory.deliveries
        self._try_at = memory.try_at

    def add(self, delivery: Delivery) -> bool:
        key = (delivery.source, delivery.guid)
        if key in self._deliveries:
            return False
        number = 1 + max((it.id or 0 for it in self._deliveries.values()), default=0)
        self._keep(replace(delivery, id=number), None)
        return True

    def waiting(self, now: datetime, *, limit: int) -> Sequence[Delivery]:
        due = [
            (at, delivery.id or 0, delivery)
            for key, delivery in self._deliveries.items()
            if (at := self._try_at.get(key)) is not None and at <= now
        ]
        return [delivery for _, _, delivery in sorted(due, key=lambda item: item[:2])][:limit]

    def save(self, delivery: Delivery, *, try_at: datetime | None = None) -> None:
        known = self._deliveries.get((delivery.source, delivery.guid))
        if known is None:
            raise NotFound(f"saving delivery {delivery.guid}: there is none", code="delivery:not-found")
        self._keep(replace(delivery, id=known.id), try_at)

    def get(self, guid: str) -> Delivery:
        found = [delivery for delivery in self._deliveries.values() if delivery.guid == guid]
        if not found:
            raise NotFound(f"looking for delivery {guid}: there is none", code="delivery:not-found")
        return found[-1]

    def has_twin(self, delivery: Delivery) -> bool:
        done = {DeliveryStatus.PROCESSED, DeliveryStatus.IGNORED}
        return delivery.body_sha256 is not None and any(
            (it.body_sha256, it.source) == (delivery.body_sha256, delivery.source)
            and it.id != delivery.id
            and it.status in done
            for it in self._deliveries.values()
        )

    def list(
        self, wanted: DeliveryFilter = EVERYTHING, *, cursor: str | None = None, limit: int = 50
    ) -> Page:
        shown = [replace(it, body=b"") for it in self._deliveries.values() if wanted.takes(it)]
        # Numbers as text that sorts like them: every list here has cursors of one kind.
        return page_of(shown, lambda delivery: (delivery.received_at, f"{delivery.id:020}"), cursor, limit)

    def _keep(self, delivery: Delivery, try_at: datetime | None) -> None:
        key = (delivery.source, delivery.guid)
        self._deliveries[key] = delivery
        if delivery.status in {DeliveryStatus.WAITING, DeliveryStatus.FAILED}:
            self._try_at[key] = try_at or delivery.received_at
        else:
            self._try_at.pop(key, None)


class FakePastDeliveries:
    """`ports.PastDeliveries`."""

    def __init__(self, memory: Memory) -> None:
        self._deliveries = memory.deliveries
        self._try_at = memory.try_at

    def find(self, wanted: DeliveryFilter, *, after: int = 0, limit: int) -> Sequence[int]:
        found = (it for it in self._deliveries.values() if it.status in _REPLAYED and wanted.takes(it))
        return sorted(number for it in found if (number := it.id or 0) > after)[:limit]

    def last_try(self) -> datetime | None:
        return max(self._try_at.values(), default=None)

    def try_again(self, times: Mapping[int, datetime]) -> None:
        for key, delivery in self._deliveries.items():
            if (number := delivery.id or 0) in times:
                self._try_at[key] = times[number]

    def discard(self, before: datetime, *, limit: int) -> int:
        old = [
            key
            for key, it in self._deliveries.items()
            if it.received_at < before and it.status in _DISCARDED and key not in self._try_at
        ]
        oldest = sorted(old, key=lambda key: self._deliveries[key].received_at)[:limit]
        for key in oldest:
            del self._deliveries[key]
        return len(oldest)
