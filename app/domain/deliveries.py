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
    `acked_version` says which version of our reading of deliveries it was worked off by.
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
