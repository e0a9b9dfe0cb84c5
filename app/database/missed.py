"""Missed deliveries in the database."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import and_, delete, select
from sqlalchemy.orm import Session

from app.database.models import DeliveryRow
from app.database.reliability_models import MissedDeliveryRow
from app.database.rows import insert_if_new, replace_known, several
from app.domain.deliveries import DeliverySource
from app.domain.redelivery import Missed

_COLUMNS: Final = (
    *("guid", "app_id", "event", "sent_at", "attempt_id", "status_code", "seen_at", "is_redelivery"),
    *("state", "tries", "try_at", "reason"),
)


class SqlMissedDeliveries:
    """`ports.MissedDeliveries` within one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def unheard(self, guids: Collection[str]) -> Collection[str]:
        """Return those of the code host's deliveries that the inbox does not have."""
        statement = select(DeliveryRow.guid).where(
            DeliveryRow.guid.in_(guids), DeliveryRow.source == DeliverySource.GITHUB
        )
        return set(guids) - set(self._session.scalars(statement))

    def known(self, guids: Collection[str]) -> Mapping[str, Missed]:
        """Return those that are known to be missed, or to have been, by guid."""
        statement = select(MissedDeliveryRow).where(MissedDeliveryRow.guid.in_(guids))
        return {row.guid: _missed(row) for row in several(self._session, statement)}

    def save(self, missed: Missed) -> None:
        """Keep it, new or known."""
        values = {name: getattr(missed, name) for name in _COLUMNS}
        if not insert_if_new(self._session, MissedDeliveryRow, values):
            replace_known(self._session, MissedDeliveryRow, MissedDeliveryRow.guid == missed.guid, values)

    def due(self, now: datetime, *, app_id: str | None = None, limit: int = 100) -> Sequence[Missed]:
        """Return open ones that may be asked for at `now`, those sent first first; of one app, or of all."""
        due = and_(MissedDeliveryRow.try_at.is_not(None), MissedDeliveryRow.try_at <= now)
        statement = select(MissedDeliveryRow).where(due)
        if app_id is not None:
            statement = statement.where(MissedDeliveryRow.app_id == app_id)
        ordered = statement.order_by(MissedDeliveryRow.sent_at, MissedDeliveryRow.attempt_id)
        return [_missed(row) for row in several(self._session, ordered.limit(limit))]

    def arrived(self, *, limit: int = 1000) -> Sequence[Missed]:
        """Return open ones that the inbox has by now."""
        theirs = and_(DeliveryRow.guid == MissedDeliveryRow.guid, DeliveryRow.source == DeliverySource.GITHUB)
        statement = select(MissedDeliveryRow).join(DeliveryRow, theirs)
        still_open = statement.where(MissedDeliveryRow.try_at.is_not(None)).limit(limit)
        return [_missed(row) for row in several(self._session, still_open)]

    def forget(self, before: datetime) -> None:
        """Let those go that were sent `before` and are not open."""
        over = and_(MissedDeliveryRow.try_at.is_(None), MissedDeliveryRow.sent_at < before)
        self._session.execute(delete(MissedDeliveryRow).where(over))


def _missed(row: MissedDeliveryRow) -> Missed:
    values: dict[str, Any] = {name: getattr(row, name) for name in _COLUMNS}
    return Missed(**values)
