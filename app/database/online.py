"""Changes of tables while older processes go on serving: short waits for locks, indexes that lock nobody out.

In PostgreSQL a change that waits for a table makes everybody wait who comes after it, readers too. So no
change waits long: it gives up, lets the others pass, and is tried again. SQLite has one writer at a time
anyway, and its readers wait for none. Which changes there are is not known here.
"""

import random
import time
from collections.abc import Callable, Sequence
from typing import Final

import psycopg.errors
from alembic import op
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

# What a request may have to wait for one change, beside the change itself.
LOCK_SECONDS: Final = 0.4
_PAUSE_SECONDS: Final = (0.5, 1.5)
_IN_USE: Final = (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected)


def patiently(change: Callable[[], None], for_seconds: float) -> None:
    """Try `change` again while what it needs is in use; the last error leaves after `for_seconds`."""
    deadline = time.monotonic() + for_seconds
    while True:
        try:
            return change()
        except OperationalError as error:
            if not isinstance(error.orig, _IN_USE) or time.monotonic() > deadline:
                raise
        time.sleep(random.uniform(*_PAUSE_SECONDS))  # noqa: S311 - spreads, keeps no secret


def create_index(
    name: str, table: str, columns: Sequence[str], *, unique: bool = False, where: str | None = None
) -> None:
    """Create an index on a table that may be large, in a migration that does nothing else.

    PostgreSQL cannot do it in a transaction, so every call has to be one that may be repeated.
    https://www.postgresql.org/docs/current/sql-createindex.html#SQL-CREATEINDEX-CONCURRENTLY
    """
    context = op.get_context()
    condition = None if where is None else text(where)
    if context.dialect.name != "postgresql":
        op.create_index(name, table, columns, unique=unique, if_not_exists=True, sqlite_where=condition)
        return
    with context.autocommit_block():
        # It waits for transactions that began before it, and nobody waits for it.
        op.execute("SET lock_timeout = 0")
        try:
            _drop_unfinished(name)
            op.create_index(
                name,
                table,
                columns,
                unique=unique,
                if_not_exists=True,
                postgresql_concurrently=True,
                postgresql_where=condition,
            )
        finally:
            op.execute("RESET lock_timeout")


def _drop_unfinished(name: str) -> None:
    """Drop what an attempt left behind that did not come to its end: it slows writers and helps no reader."""
    invalid = text(
        "SELECT 1 FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid "
        "WHERE relname = :name AND NOT indisvalid"
    )
    if op.get_bind().execute(invalid, {"name": name}).first() is not None:
        op.drop_index(name, postgresql_concurrently=True)
