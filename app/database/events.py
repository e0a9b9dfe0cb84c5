"""The append-only record in the database."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from app.database.event_choice import choice
from app.database.event_order import is_after, is_before, is_settled
from app.database.models import EventRow
from app.database.reliability_models import EventArchiveRow
from app.database.rows import insert_if_new, one, several
from app.domain.causes import current_cause
from app.domain.events import Event, Place, Selection, Tag
from app.errors import Gone

_TAGS: Final = {tag.value: tag for tag in Tag}
_OLDEST_FIRST: Final = (EventRow.position, EventRow.id)
_NEWEST_FIRST: Final = (EventRow.position.desc(), EventRow.id.desc())


class SqlEvents:
    """`ports.Events` within one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def append(self, event: Event) -> None:
        """Write a fact down, unless its key says that it was told."""
        values = {
            "tag": str(event.tag),
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
        return [event_of(row) for row in several(self._session, statement.limit(limit))]

    def page(
        self, chosen: Selection, *, after: Place | None = None, before: Place | None = None, limit: int = 50
    ) -> Sequence[Event]:
        """Return facts, newest first, or oldest first behind `after`. Raises Gone."""
        conditions = [is_settled(self._session)]
        if after is not None:
            self._check_known(after)
            conditions.append(is_after(self._session, after))
        if before is not None:
            conditions.append(is_before(self._session, before))
        order = _NEWEST_FIRST if after is None else _OLDEST_FIRST
        statement = choice(self._session, chosen, conditions, order=order, limit=limit)
        return [event_of(row) for row in several(self._session, statement.order_by(*order).limit(limit))]

    def newest(self) -> Place:
        """Return the place of the newest fact, be it that it is archived."""
        settled = select(EventRow).where(is_settled(self._session)).order_by(*_NEWEST_FIRST)
        row = one(self._session, settled)
        return self._archived() if row is None else Place(row.position, row.id)

    def last_of_each(self, app_id: str, tag: Tag, *, until: datetime) -> Sequence[Event]:
        """Return the last fact of each of an app's subjects that had come about by then."""
        return self._of_each(func.max(EventRow.id), app_id, tag, EventRow.at <= until)

    def first_of_each(self, app_id: str, tag: Tag, *, since: datetime) -> Sequence[Event]:
        """Return the first fact of each of an app's subjects that came about later."""
        return self._of_each(func.min(EventRow.id), app_id, tag, EventRow.at > since)

    def _of_each(
        self, which: ColumnElement[int], app_id: str, tag: Tag, when: ColumnElement[bool]
    ) -> Sequence[Event]:
        ids = select(which).where(EventRow.app_id == app_id, EventRow.tag == str(tag), when)
        statement = select(EventRow).where(EventRow.id.in_(ids.group_by(EventRow.subject)))
        return [event_of(row) for row in several(self._session, statement.order_by(EventRow.id))]

    def _check_known(self, place: Place) -> None:
        """Check that all behind a place is there. Raises Gone."""
        if place < self._archived():
            raise Gone("reading events: what came next is archived", code="event:archived")
        if place > self.newest():
            raise Gone("reading events: there is no such place any more", code="event:lost-place")

    def _archived(self) -> Place:
        row = self._session.execute(
            select(EventArchiveRow.last_position, EventArchiveRow.last_id)
            .order_by(EventArchiveRow.last_position.desc(), EventArchiveRow.last_id.desc())
            .limit(1)
        ).first()
        return Place(0, 0) if row is None else Place(*row)


def event_of(row: EventRow) -> Event:
    """Return a row as the fact that it is."""
    return Event(
        tag=_TAGS.get(row.tag, row.tag),
        subject=row.subject,
        actor=row.actor,
        at=row.at,
        payload=row.payload,
        id=row.id,
        app_id=row.app_id,
        cause=row.cause,
        key=row.key,
        place=Place(row.position, row.id),
    )
