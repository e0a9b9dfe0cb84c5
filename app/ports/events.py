"""The append-only record: written in our transactions, read by page, followed as it grows, archived."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from app.domain.archives import Archive
from app.domain.events import Event, Place, Selection, Tag


class Events(Protocol):
    """The append-only record."""

    def append(self, event: Event) -> None:
        """Write a fact down; one whose key is known was told before, and nothing changes."""

    def about(self, subject: str, *, limit: int = 100) -> Sequence[Event]:
        """Return the newest facts about a subject, newest first."""

    def page(
        self, chosen: Selection, *, after: Place | None = None, before: Place | None = None, limit: int = 50
    ) -> Sequence[Event]:
        """Return facts up to `before`, newest first, or oldest first behind `after`.

        Of a place that was given out, nothing comes to light before it later.

        Raises:
            Gone: something behind `after` is archived, or there is no such place since a restore.
        """

    def newest(self) -> Place:
        """Return the place of the newest fact, be it that it is archived."""

    def last_of_each(self, app_id: str, tag: Tag, *, until: datetime) -> Sequence[Event]:
        """Return the last fact of each of an app's subjects that had come about by then."""

    def first_of_each(self, app_id: str, tag: Tag, *, since: datetime) -> Sequence[Event]:
        """Return the first fact of each of an app's subjects that came about later."""


class EventArchives(Protocol):
    """The facts that left our memory, and those that are to."""

    def due(self, before: datetime, *, limit: int) -> Sequence[Event]:
        """Return the oldest facts, in their order, up to the first that is not older than that."""

    def keep(self, archive: Archive) -> bool:
        """Write an archive down and let its facts go; False when somebody else did, and nothing changes."""

    def list(self) -> Sequence[Archive]:
        """Return all archives, oldest first."""

    def get(self, first_id: int) -> Archive:
        """Return the archive that begins with this fact. Raises NotFound."""


@dataclass(frozen=True, slots=True)
class News:
    """Facts in their order; `is_all` unless more are known of that are not settled, or not read yet."""

    events: Sequence[Event]
    is_all: bool


class EventFeed(Protocol):
    """The record as it grows, for one thread that follows it."""

    def newest(self) -> Place:
        """Return the place of the newest fact."""

    def read(self, after: Place) -> News:
        """Return what came next."""

    def wait(self, seconds: float) -> None:
        """Return as soon as there may be something new, and at the latest after so long."""

    def close(self) -> None:
        """Let go of what waiting takes; it may be waited again."""
