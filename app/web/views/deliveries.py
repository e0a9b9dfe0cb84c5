"""Deliveries as JSON."""

from datetime import datetime
from typing import Any

from app.domain.deliveries import Delivery
from app.web.views.base import View


class DeliveryView(View):
    """A delivery without its body."""

    guid: str
    source: str
    event: str
    status: str
    attempts: int
    error: str | None
    received_at: datetime
    processed_at: datetime | None
    acked_version: int | None

    @classmethod
    def of(cls, delivery: Delivery) -> "DeliveryView":
        """Return the view of a delivery."""
        return cls(**_delivery_fields(delivery))


class DeliveryDetailView(DeliveryView):
    """A delivery with the headers that were kept and its body as text."""

    headers: dict[str, str]
    content: str

    @classmethod
    def whole(cls, delivery: Delivery) -> "DeliveryDetailView":
        """Return the whole view of a delivery."""
        return cls(
            **_delivery_fields(delivery),
            headers=dict(delivery.headers),
            content=delivery.body.decode("utf-8", "replace"),
        )


def _delivery_fields(delivery: Delivery) -> dict[str, Any]:
    names = (
        "guid",
        "source",
        "event",
        "status",
        "attempts",
        "error",
        "received_at",
        "processed_at",
        "acked_version",
    )
    return {name: getattr(delivery, name) for name in names}


class DeliveriesView(View):
    """A page of deliveries."""

    items: list[DeliveryView]
    next_cursor: str | None


class ReplayView(View):
    """How many deliveries are worked off again, or would be, and where the next part begins."""

    number: int
    next: int | None
    dry_run: bool


class ReceivedView(View):
    """That a delivery was kept; `known` says that it was kept before."""

    delivery: str
    known: bool
