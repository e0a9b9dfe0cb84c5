"""The append-only record in the database."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.database.models import EventRow
from app.database.rows import insert_if_new, several
from app.domain.causes import current_cause
from app.domain.events import Event


class SqlEvents:
    """`ports.Events` within one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def append(self, event: Event) -> None:
        """Write a fact down, unless its key says that it was told."""
        values = {
            "tag": event.tag,
            "subject": event.subject,
            "actor": event.actor,
            "at": event.at,
            "payload": dict(event.payload),
            "app_id": event.owner_id,
            "cause": event.cause or current_cause(),
            "key": event.key,
        }
        insert_if_new(self._session, EventRow, values)

    def about(self, subject: str, *, limit: int = 100) -> Sequence[Event]:
        """Return the newest facts about a subject, newest first."""
        statement = select(EventRow).where(EventRow.subject == subject).order_by(EventRow.id.desc())
        return [_event(row) for row in several(self._session, statement.limit(limit))]


def _event(row: EventRow) -> Event:
    return Event(
        tag=row.tag,
        subject=row.subject,
        actor=row.actor,
        at=row.at,
        payload=row.payload,
        id=row.id,
        app_id=row.app_id,
        cause=row.cause,
        key=row.key,
        place=f"{row.position}-{row.id}",
    )
