"""Deliveries that were worked off: found without their bodies, given a time to be tried again, deleted."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import bindparam, delete, func, select, update
from sqlalchemy.orm import Session

from app.database.deliveries import matching
from app.database.models import DeliveryRow
from app.domain.deliveries import DeliveryFilter, DeliveryStatus

_REPLAYED: Final = (DeliveryStatus.PROCESSED, DeliveryStatus.IGNORED, DeliveryStatus.FAILED)
_DISCARDED: Final = (DeliveryStatus.PROCESSED, DeliveryStatus.IGNORED, DeliveryStatus.DUPLICATE)


class SqlPastDeliveries:
    """`ports.PastDeliveries` within one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def find(self, wanted: DeliveryFilter, *, after: int = 0, limit: int) -> Sequence[int]:
        """Return the ids of those that a replay may take, in order, behind `after`."""
        statement = select(DeliveryRow.id).where(DeliveryRow.id > after, *matching(wanted))
        ordered = statement.where(DeliveryRow.status.in_(_REPLAYED)).order_by(DeliveryRow.id).limit(limit)
        return self._session.scalars(ordered).all()

    def last_try(self) -> datetime | None:
        """Return the latest time that any delivery waits for."""
        # The condition is the partial index's: it is its last entry.
        return self._session.scalar(
            select(func.max(DeliveryRow.try_at)).where(DeliveryRow.try_at.is_not(None))
        )

    def try_again(self, times: Mapping[int, datetime]) -> None:
        """Have deliveries worked off again from these times on; the rows are written once, together."""
        if not times:
            return
        table = DeliveryRow.__table__
        again = (
            update(DeliveryRow).where(table.c.id == bindparam("number")).values(try_at=bindparam("moment"))
        )
        rows = [{"number": number, "moment": moment} for number, moment in times.items()]
        self._session.connection().execute(again, rows)

    def discard(self, before: datetime, *, limit: int) -> int:
        """Let up to `limit` go that were received before that and want no work."""
        old = (
            select(DeliveryRow.id)
            .where(DeliveryRow.received_at < before, DeliveryRow.try_at.is_(None))
            .where(DeliveryRow.status.in_(_DISCARDED))
            .order_by(DeliveryRow.received_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        numbers = self._session.scalars(old).all()
        if numbers:
            gone = delete(DeliveryRow).where(DeliveryRow.id.in_(numbers))
            self._session.execute(gone, execution_options={"synchronize_session": False})
        return len(numbers)
