"""What the API takes that asks for events."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel

from app.domain.callers import Reach
from app.domain.events import Place, Selection

_Word = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, populate_by_name=True)


class SelectionQuery(_Form):
    """Which facts: of a subject, of an app, by somebody, with a tag; one that ends in a colon begins some."""

    subject: _Word | None = None
    app: _Word | None = None
    tag: _Word | None = None
    actor: _Word | None = None
    after: _Word | None = None

    def selection(self, owner_id: str | None, reach: Reach) -> Selection:
        """Return which facts are meant, of whom `app` names. Raises InvalidInput."""
        return Selection(self.subject, owner_id, self.tag, self.actor, reach)


class EventsQuery(SelectionQuery):
    """Which page: newest first and `before` a place, or oldest first `after` one."""

    before: _Word | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 50


class ArchivePath(_Form):
    """`number` is the id of the first fact of an archive."""

    number: Annotated[int, Field(ge=1, lt=2**53)]


def place_of(text: str | None) -> Place | None:
    """Read a place. Raises InvalidInput."""
    return Place.parse(text) if text is not None else None
