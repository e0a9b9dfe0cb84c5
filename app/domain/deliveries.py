"""Deliveries: webhooks as they were received, kept before anything is done about them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class DeliverySource(StrEnum):
    """Who sent it."""

    GITHUB = "github"
    WORKFLOW = "workflow"


class DeliveryStatus(StrEnum):
    """What became of it."""

    WAITING = "waiting"
    PROCESSED = "processed"
    IGNORED = "ignored"  # an event that we do not handle: kept, not an error
    FAILED = "failed"  # its work failed; it is tried again later
    DUPLICATE = "duplicate"  # its very body came before under another guid, and counted then


@dataclass(frozen=True, slots=True)
class Delivery:
    """One webhook. `guid` is the sender's id, `headers` an allow-list of them, `body` the very bytes.

    `body_sha256` is the body's SHA-256 in hex, which a sender who changes the guid cannot change.
    `acked_version` says which version of our reading of deliveries it was worked off by last, and
    `processed_at` when it was worked off for the first time.
    """

    guid: str
    source: DeliverySource
    event: str
    headers: Mapping[str, str]
    body: bytes
    received_at: datetime
    status: DeliveryStatus = DeliveryStatus.WAITING
    attempts: int = 0
    error: str | None = None
    processed_at: datetime | None = None
    id: int | None = None
    body_sha256: str | None = None
    acked_version: int | None = None

    @property
    def is_replay(self) -> bool:
        """It was worked off before: what it reports is known, and may be old."""
        return self.processed_at is not None

    def fact_key(self, tag: str) -> str:
        """Return the key of a fact that this delivery tells: told once, under whatever guid it comes."""
        return f"{self.body_sha256 or self.guid}:{tag}"


@dataclass(frozen=True, slots=True)
class DeliveryFilter:
    """Which deliveries; what is None does not matter. They were received from `since` on and before `until`.

    `older_than` is a version of our reading: those that an older one worked off.
    """

    status: DeliveryStatus | None = None
    source: DeliverySource | None = None
    event: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    older_than: int | None = None

    def takes(self, delivery: Delivery) -> bool:
        """Tell whether a delivery is one of them."""
        told = delivery.received_at
        return (
            self.status in {None, delivery.status}
            and self.source in {None, delivery.source}
            and self.event in {None, delivery.event}
            and (self.since is None or told >= self.since)
            and (self.until is None or told < self.until)
            and (self.older_than is None or (delivery.acked_version or 0) < self.older_than)
        )
