"""The one order of events: which of them readers may see already, and how it goes on after a restore.

PostgreSQL lets many write at once: who drew its number first may commit last. So a fact's position is the
number of its transaction, and readers see only positions below the oldest transaction that is still open: no
fact comes to light before one that they know. What is open in other databases of the same server counts too.
SQLite has one writer at a time, and there positions are 0 and ids tell the order alone.

https://www.postgresql.org/docs/current/functions-info.html#FUNCTIONS-INFO-SNAPSHOT
"""

from typing import Final

from sqlalchemy import ColumnElement, Connection, Engine, and_, literal_column, text, true, tuple_
from sqlalchemy.orm import Session

from app.database.models import EventRow
from app.database.session import translated
from app.domain.events import Place

# Further than the transactions go that a dump may lack: what followers saw of those is not taken for known.
_MARGIN: Final = 2**32
_OLDEST_OPEN: Final = (
    """pg_snapshot_xmin(pg_current_snapshot())::text::bigint + (SELECT "offset" FROM event_epoch)"""
)
_BEHIND: Final = text(
    "SELECT last - next FROM (SELECT greatest("
    "(SELECT max(position) FROM events), (SELECT max(last_position) FROM event_archives)) AS last, "
    "pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS next, "
    """"offset" FROM event_epoch) AS here WHERE last >= next + "offset" """
)


def is_settled(session: Session) -> ColumnElement[bool]:
    """Return the condition that nothing can come to light any more before a fact."""
    if session.get_bind().dialect.name != "postgresql":
        return true()
    return EventRow.position < literal_column(_OLDEST_OPEN)


def is_after(session: Session, place: Place) -> ColumnElement[bool]:
    """Return the condition that a fact comes after a place."""
    if session.get_bind().dialect.name != "postgresql":
        # SQLite would go through the whole index for a comparison of pairs.
        return and_(EventRow.position == 0, EventRow.id > place.id)
    return tuple_(EventRow.position, EventRow.id) > (place.position, place.id)


def is_before(session: Session, place: Place) -> ColumnElement[bool]:
    """Return the condition that a fact comes before a place."""
    if session.get_bind().dialect.name != "postgresql":
        return and_(EventRow.position == 0, EventRow.id < place.id)
    return tuple_(EventRow.position, EventRow.id) < (place.position, place.id)


def continue_order(engine: Engine) -> bool:
    """Have new facts come after all that are there; tell whether that needed anything.

    It does after a dump came back into a server that counts its transactions from a lower number. May be
    repeated, and called while others write.
    """
    if engine.dialect.name != "postgresql":
        return False
    with translated(engine.url), engine.begin() as connection:
        if _behind(connection) is None:
            return False
        # Whoever is writing facts comes to their end first.
        connection.execute(text("LOCK TABLE events IN SHARE ROW EXCLUSIVE MODE"))
        behind = _behind(connection)
        if behind is not None:
            connection.execute(text("""UPDATE event_epoch SET "offset" = :new"""), {"new": behind + _MARGIN})
    return behind is not None


def _behind(connection: Connection) -> int | None:
    """Return how far transactions' numbers are behind the last position; None when they are beyond it."""
    found: int | None = connection.scalar(_BEHIND)
    return found
