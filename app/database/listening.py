"""The record as it grows: PostgreSQL tells of new facts, an SQLite file is looked at many times a second.

Both only say that there may be something new; what it is, is read. So a lost notification, or a connection
that broke, costs time and never a fact. For one thread.
"""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import takewhile
from typing import Any, Final

import psycopg
from sqlalchemy import Engine, select

from app.database.event_order import is_after, is_settled
from app.database.events import SqlEvents, event_of
from app.database.models import EventRow
from app.database.session import reading, translated
from app.domain.events import Place
from app.errors import RemoteUnavailable
from app.ports import EventFeed, News

CHANNEL: Final = "branchline_events"
_AT_ONCE: Final = 500
_LOOK_SECONDS: Final = 0.02


def feed_of(engine: Engine) -> EventFeed:
    """Return the feed of a database; nothing connects yet."""
    return (NotifiedFeed if engine.dialect.name == "postgresql" else PolledFeed)(engine)


class _Feed:
    """What both have in common: reading, and a connection of its own that no pool counts."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection: Any = None

    def newest(self) -> Place:
        """Return the place of the newest fact."""
        with reading(self._engine) as session:
            return SqlEvents(session).newest()

    def read(self, after: Place) -> News:
        """Return what came next, up to the first fact that something may still come before."""
        with reading(self._engine) as session:
            statement = select(EventRow, is_settled(session)).where(is_after(session, after))
            ordered = statement.order_by(EventRow.position, EventRow.id).limit(_AT_ONCE)
            rows = session.execute(ordered).all()
            settled = [event_of(row) for row, _ in takewhile(lambda pair: pair[1], rows)]
        return News(settled, is_all=len(settled) == len(rows) < _AT_ONCE)

    def close(self) -> None:
        """Let the connection go; waiting opens another one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _opened(self) -> Any:
        """Return the driver's connection, which is in no transaction."""
        if self._connection is None:
            with translated(self._engine.url):
                pooled = self._engine.raw_connection()
            self._connection = pooled.driver_connection
            pooled.detach()
        return self._connection

    @contextmanager
    def _noticing_loss(self) -> Iterator[None]:
        try:
            yield
        except (psycopg.Error, sqlite3.Error) as error:
            self.close()
            raise RemoteUnavailable(
                "following events: the database does not answer", code="database:unavailable"
            ) from error


class NotifiedFeed(_Feed):
    """`ports.EventFeed` in PostgreSQL, where a trigger notifies of every transaction that wrote a fact."""

    def wait(self, seconds: float) -> None:
        """Return when one was notified of; at once when it was not listened until now."""
        is_listening = self._connection is not None
        with self._noticing_loss():
            connection: psycopg.Connection[Any] = self._opened()
            if not is_listening:
                connection.autocommit = True
                connection.execute(f"LISTEN {CHANNEL}")
            elif not list(connection.notifies(timeout=seconds, stop_after=1)):
                # A server that went away without a word is noticed by this alone.
                connection.execute("SELECT 1")


class PolledFeed(_Feed):
    """`ports.EventFeed` in an SQLite file, which says whether anybody else changed it."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self._version = -1

    def close(self) -> None:
        """Let the connection go; what another one says of changes is not to be compared."""
        super().close()
        self._version = -1

    def wait(self, seconds: float) -> None:
        """Return when the file was changed since the last time."""
        deadline = time.monotonic() + seconds
        while not self._has_changed() and time.monotonic() < deadline:
            time.sleep(_LOOK_SECONDS)

    def _has_changed(self) -> bool:
        # https://www.sqlite.org/pragma.html#pragma_data_version
        with self._noticing_loss():
            connection: sqlite3.Connection = self._opened()
            (version,) = connection.execute("PRAGMA data_version").fetchone()
        before, self._version = self._version, version
        return bool(version != before)
