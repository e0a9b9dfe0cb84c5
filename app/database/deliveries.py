"""The inbox of deliveries in the database.

A row that still wants work has a time from which it may be tried; that time is all a worker looks for.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import and_, select
from sqlalchemy.orm import Session, defer

from app.database.cursors import Cursor
from app.database.models import DeliveryRow
from app.database.rows import insert_if_new, one, replace_known, several
from app.domain.deliveries import Delivery, DeliveryStatus
from app.errors import NotFound
from app.ports import Page

_WANTS_WORK: Final = frozenset({DeliveryStatus.WAITING, DeliveryStatus.FAILED})


class SqlDeliveries:
    """`ports.Deliveries` within one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, delivery: Delivery) -> bool:
        """Keep it; False when its source and guid are known already, and nothing changes."""
        return insert_if_new(self._session, DeliveryRow, values_of(delivery))

    def waiting(self, now: datetime, *, limit: int) -> Sequence[Delivery]:
        """Return and hold those that may be tried at `now`, longest due first; none that another holds."""
        statement = (
            select(DeliveryRow)
            .where(DeliveryRow.try_at.is_not(None), DeliveryRow.try_at <= now)
            .order_by(DeliveryRow.try_at, DeliveryRow.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        return [_delivery(row, row.body) for row in several(self._session, statement)]

    def save(self, delivery: Delivery, *, try_at: datetime | None = None) -> None:
        """Replace what is kept of it; one that still wants work is not tried before `try_at`."""
        key = and_(DeliveryRow.guid == delivery.guid, DeliveryRow.source == delivery.source)
        if not replace_known(self._session, DeliveryRow, key, values_of(delivery, try_at=try_at)):
            raise _not_found("saving", delivery.guid)

    def get(self, guid: str) -> Delivery:
        """Return it by the sender's id, the newest when two senders chose the same. Raises NotFound."""
        statement = select(DeliveryRow).where(DeliveryRow.guid == guid).order_by(DeliveryRow.id.desc())
        row = one(self._session, statement)
        if row is None:
            raise _not_found("looking for", guid)
        return _delivery(row, row.body)

    def list(self, *, cursor: str | None = None, limit: int = 50) -> Page:
        """Return a page of deliveries, newest first, without their bodies, which may be large."""
        statement = select(DeliveryRow).options(defer(DeliveryRow.body)).order_by(DeliveryRow.id.desc())
        if cursor is not None:
            statement = statement.where(DeliveryRow.id < Cursor.decode(cursor).number)
        rows = several(self._session, statement.limit(limit + 1))
        items = [_delivery(row, b"") for row in rows[:limit]]
        return Page(items, _cursor(items[-1]) if len(rows) > limit else None)


def _not_found(doing: str, guid: str) -> NotFound:
    shown = guid[:60]
    return NotFound(f"{doing} delivery {shown}: there is none", code="delivery:not-found", guid=shown)


def _cursor(delivery: Delivery) -> str:
    return Cursor(delivery.received_at, str(delivery.id)).encode()


def values_of(delivery: Delivery, *, try_at: datetime | None = None) -> dict[str, Any]:
    """Return the columns of a delivery; one that wants work is tried from `try_at` on, at once without."""
    wants_work = delivery.status in _WANTS_WORK
    return {
        "guid": delivery.guid,
        "source": delivery.source,
        "event": delivery.event,
        "headers": dict(delivery.headers),
        "body": delivery.body,
        "received_at": delivery.received_at,
        "status": delivery.status,
        "attempts": delivery.attempts,
        "error": delivery.error,
        "processed_at": delivery.processed_at,
        "try_at": (try_at or delivery.received_at) if wants_work else None,
        "body_sha256": delivery.body_sha256,
        "acked_version": delivery.acked_version,
    }


def _delivery(row: DeliveryRow, body: bytes) -> Delivery:
    return Delivery(
        guid=row.guid,
        source=row.source,
        event=row.event,
        headers=row.headers,
        body=body,
        received_at=row.received_at,
        status=row.status,
        attempts=row.attempts,
        error=row.error,
        processed_at=row.processed_at,
        id=row.id,
        body_sha256=row.body_sha256,
        acked_version=row.acked_version,
    )
