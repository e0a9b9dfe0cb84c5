"""Facts and archives as JSON."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from app.domain.archives import Archive, fields
from app.domain.events import Event
from app.web.views.base import View


class EventView(View):
    """A fact; `place` is what to go on from, and facts of one app happened in the order of their ids."""

    id: int
    place: str
    tag: str
    subject: str
    app_id: str | None
    actor: str
    cause: str | None
    at: datetime
    payload: dict[str, Any]

    @classmethod
    def of(cls, event: Event) -> "EventView":
        """Return the view of a fact."""
        return cls.model_validate(fields(event))


class EventsView(View):
    """A page of facts; `nextCursor` is the place to ask with for the next one, in the same direction."""

    items: list[EventView]
    next_cursor: str | None

    @classmethod
    def page(cls, events: Sequence[Event], limit: int) -> "EventsView":
        """Return the view of one more fact than was asked for, if there is one."""
        shown = [EventView.of(event) for event in events[:limit]]
        return cls(items=shown, next_cursor=shown[-1].place if len(events) > limit else None)


class ArchiveView(View):
    """Facts that left the database, from the first to the last."""

    first_id: int
    last_id: int
    first_at: datetime
    last_at: datetime
    number: int
    sha256: str
    archived_at: datetime

    @classmethod
    def of(cls, archive: Archive) -> "ArchiveView":
        """Return the view of an archive."""
        return cls(
            first_id=archive.first.id,
            last_id=archive.last.id,
            first_at=archive.first_at,
            last_at=archive.last_at,
            number=archive.number,
            sha256=archive.sha256,
            archived_at=archive.archived_at,
        )


class ArchivesView(View):
    """All archives, oldest first."""

    items: list[ArchiveView]
