"""The inbox of deliveries in the database.

A row that still wants work has a time from which it may be tried; that time is all a worker looks for.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.orm import Session, defer

from app.database.cursors import Cursor
from app.database.models import DeliveryRow
from app.database.rows import insert_if_new, one, replace_known, several
from app.domain.deliveries import Delivery, DeliveryFilter, DeliveryStatus
from app.errors import NotFound
from app.ports import Page
from app.ports.memory import EVERYTHING

_WANTS_WORK: Final = frozenset({DeliveryStatus.WAITING, DeliveryStatus.FAILED})
_DONE: Final = (DeliveryStatus.PROCESSED, DeliveryStatus.IGNORED)
_LOCK_DIGITS: Final = 15  # as many as fit into PostgreSQL's 63 bits


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

    def has_twin(self, delivery: Delivery) -> bool:
        """Tell whether its body was worked off under another guid; nobody else is told until the end."""
        if delivery.body_sha256 is None:
            return False
        if self._session.get_bind().dialect.name == "postgresql":
            # Two that work off the same body at once would both find that nobody has.
            number = int(delivery.body_sha256[:_LOCK_DIGITS], 16)
            self._session.execute(select(func.pg_advisory_xact_lock(number)))
        twin = select(DeliveryRow.id).where(
            DeliveryRow.body_sha256 == delivery.body_sha256,
            DeliveryRow.source == delivery.source,
            DeliveryRow.id != delivery.id,
            DeliveryRow.status.in_(_DONE),
        )
        return self._session.execute(twin.limit(1)).first() is not None

    def list(
        self, wanted: DeliveryFilter = EVERYTHING, *, cursor: str | None = None, limit: int = 50
    ) -> Page:
        """Return a page of deliveries, newest first, without their bodies, which may be large."""
        statement = select(DeliveryRow).options(defer(DeliveryRow.body)).order_by(DeliveryRow.id.desc())
        statement = statement.where(*matching(wanted))
        if cursor is not None:
            statement = statement.where(DeliveryRow.id < Cursor.decode(cursor).number)
        rows = several(self._session, statement.limit(limit + 1))
        items = [_delivery(row, b"") for row in rows[:limit]]
        return Page(items, _cursor(items[-1]) if len(rows) > limit else None)


def matching(wanted: DeliveryFilter) -> Sequence[ColumnElement[bool]]:
    """Return the conditions of a filter."""
    row, conditions = DeliveryRow, list[ColumnElement[bool]]()
    for column, value in (
        (row.status, wanted.status),
        (row.source, wanted.source),
        (row.event, wanted.event),
    ):
        if value is not None:
            conditions.append(column == value)
    if wanted.since is not None:
        conditions.append(row.received_at >= wanted.since)
    if wanted.until is not None:
        conditions.append(row.received_at < wanted.until)
    if wanted.older_than is not None:
        conditions.append(func.coalesce(row.acked_version, 0) < wanted.older_than)
    return conditions


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
