"""Migrations: bring a database to the schema that this version needs, once, however many ask for it.

The versions lie in `migrations/`, beside the package in a source tree and in an installed one. They are
written by hand; a test compares what they make with the models. The job engine makes and upgrades its own
tables, which are left alone here.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text

import app
from app.database.session import create_engine, exclusive, translated

MIGRATIONS: Final = Path(app.__file__).resolve().parent.parent / "migrations"
_LOCK_TIMEOUT_SECONDS: Final = 60.0
_LOCK_KEY: Final = 0x6272616E63686C69  # "branchli": whoever upgrades this database holds it

# What the job engine and its workers make beside our tables (in PostgreSQL most of it in a schema).
ENGINE_TABLES: Final = frozenset(
    {
        "application_versions",
        "dbos_migrations",
        "event_dispatch_kv",
        "job_workers",
        "notifications",
        "operation_outputs",
        "queues",
        "streams",
        "workflow_events",
        "workflow_events_history",
        "workflow_input",
        "workflow_output",
        "workflow_schedules",
        "workflow_status",
    }
)


def _is_ours(name: str | None, kind: str, _parents: Mapping[str, str | None]) -> bool:
    return kind != "table" or name not in ENGINE_TABLES


# How models and database are compared, in migrations and in the test that finds them equal.
COMPARISON: Final[Mapping[str, Any]] = {"include_name": _is_ours, "compare_type": True}


def upgrade(url: str) -> None:
    """Bring the database to `head()`; it does nothing when it is there.

    Whoever comes second waits a minute for the first. All versions are one transaction: all or none.

    Raises:
        RemoteUnavailable: the database is away, or someone else's upgrade takes too long.
    """
    with _locked(url) as connection:
        command.upgrade(_config(connection), "head")


def current(url: str) -> str | None:
    """Return the version that the database is at; None when it is empty."""
    engine = create_engine(url)
    try:
        with translated(engine.url), engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision()
    finally:
        engine.dispose()


def head() -> str:
    """Return the version that this code needs."""
    revision = ScriptDirectory.from_config(_config()).get_current_head()
    if revision is None:
        raise LookupError(f"no migrations in {MIGRATIONS}")
    return revision


@contextmanager
def _locked(url: str) -> Iterator[Connection]:
    """Open a transaction that no other upgrade of this database shares."""
    engine = create_engine(url, lock_timeout_seconds=_LOCK_TIMEOUT_SECONDS)
    try:
        with translated(engine.url), exclusive(engine).begin() as connection:
            _wait_for_turn(engine, connection)
            yield connection
    finally:
        engine.dispose()


def _wait_for_turn(engine: Engine, connection: Connection) -> None:
    if engine.dialect.name != "postgresql":
        return  # BEGIN EXCLUSIVE has waited already
    # An index on a large table takes longer than any statement of ours.
    connection.execute(text("SET LOCAL statement_timeout = 0"))
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK_KEY})


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config
