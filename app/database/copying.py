"""The copy of a whole database into another one, empty and of the same schema: from SQLite to PostgreSQL.

Our tables only: what the job engine keeps is about jobs under way, and there must be none. The source is shut
to writers meanwhile, and not changed.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from sqlalchemy import Connection, Engine, Table, delete, func, insert, select, text

from app.database import people_models, release_models, reliability_models, worker_models
from app.database.models import Base, JobRow
from app.database.schema import REVISIONS, check_schema
from app.database.session import exclusive, translated
from app.domain.jobs import JobStatus
from app.errors import Conflict

# Each database has its own of it.
_OWN: Final = frozenset({"event_epoch"})
# Migrations write into it; what the source says of itself holds.
_FILLED: Final = frozenset({"marks"})
_AT_ONCE: Final = 1000
_UNDER_WAY: Final = (JobStatus.QUEUED, JobStatus.PROCESSING)
# The modules are named so that their tables are known here.
_MODELS: Final = (people_models, release_models, reliability_models, worker_models)


def copy_database(source: Engine, target: Engine) -> dict[str, int]:
    """Copy every row and return how many of each table, in one transaction of the target.

    Raises:
        Conflict: the target is not empty, the schemas differ, or jobs are unfinished.
        RemoteUnavailable: one of them does not answer, or is not migrated.
    """
    for engine in (source, target):
        check_schema(engine)
    with _both(source, target) as (old, new):
        _refuse_what_cannot_be(old, new)
        copied = {table.name: _copy(table, old, new) for table in _tables()}
        for table in _tables():
            _continue_numbers(table, new)
        return copied


@contextmanager
def _both(source: Engine, target: Engine) -> Iterator[tuple[Connection, Connection]]:
    with translated(source.url), exclusive(source).connect() as old, old.begin() as reading:
        with translated(target.url), target.begin() as new:
            yield old, new
        reading.rollback()


def _tables() -> list[Table]:
    return [table for table in Base.metadata.sorted_tables if table.name not in _OWN]


def _refuse_what_cannot_be(old: Connection, new: Connection) -> None:
    schemas = [connection.scalars(select(REVISIONS.c.revision)).all() for connection in (old, new)]
    if set(schemas[0]) != set(schemas[1]):
        raise Conflict("copying the database: source and target have different schemas: upgrade both")
    unfinished = old.scalar(select(func.count()).where(JobRow.status.in_(_UNDER_WAY)))
    if unfinished:
        raise Conflict(f"copying the database: {unfinished} jobs are unfinished: let them end first")
    for_people = [table for table in _tables() if table.name not in _FILLED]
    full = [table.name for table in for_people if new.execute(select(table).limit(1)).first() is not None]
    if full:
        raise Conflict(f"copying the database: the target is not empty: {', '.join(full)}")


def _copy(table: Table, old: Connection, new: Connection) -> int:
    copied = 0
    if table.name in _FILLED:
        new.execute(delete(table))
    rows = old.execution_options(yield_per=_AT_ONCE).execute(select(table)).mappings()
    for part in rows.partitions():
        new.execute(insert(table), [dict(row) for row in part])
        copied += len(part)
    return copied


def _continue_numbers(table: Table, new: Connection) -> None:
    """Have PostgreSQL number new rows behind those that were copied; SQLite does so by itself."""
    numbered = [column for column in table.primary_key if column is table.autoincrement_column]
    if new.dialect.name != "postgresql" or not numbered:
        return
    sequence: Any = new.scalar(
        text("SELECT pg_get_serial_sequence(:table, :column)"),
        {"table": table.name, "column": numbered[0].name},
    )
    if sequence is not None:
        highest = new.scalar(select(func.max(numbered[0])))
        new.execute(
            text("SELECT setval(CAST(:sequence AS regclass), :highest, :is_used)"),
            {"sequence": sequence, "highest": highest or 1, "is_used": highest is not None},
        )
