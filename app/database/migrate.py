"""Migrations: bring a database to the schema that this version needs, once, however many ask for it.

Older processes may serve meanwhile and afterwards: docs/decisions/0012-the-schema-grows-before-it-shrinks.md.

The versions lie in `migrations/`, beside the package in a source tree and in an installed one. They are
written by hand; a test compares what they make with the models. The job engine makes and upgrades its own
tables, which are left alone here.
"""

import random
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import Script, ScriptDirectory
from sqlalchemy import Connection, Engine, delete, insert, text

import app
from app.database.online import LOCK_SECONDS, patiently
from app.database.schema import REVISIONS
from app.database.session import create_engine, exclusive, translated
from app.errors import RemoteUnavailable

MIGRATIONS: Final = Path(app.__file__).resolve().parent.parent / "migrations"
_TURN_SECONDS: Final = 60.0
_LOOK_SECONDS: Final = (0.1, 0.3)
_PATIENCE_SECONDS: Final = 120.0
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
    return kind != "table" or name not in ENGINE_TABLES | {REVISIONS.name}


# How models and database are compared, in migrations and in the test that finds them equal.
COMPARISON: Final[Mapping[str, Any]] = {"include_name": _is_ours, "compare_type": True}


def upgrade(url: str, to: str = "head") -> None:
    """Bring the database to `head()`, or to an older version; it does nothing when it is there.

    Whoever comes second waits a minute for the first. In SQLite all versions are one transaction; in
    PostgreSQL each is one, so that no lock is held longer than its own change takes. A database that a newer
    release has taken further is left as it is.

    Raises:
        RemoteUnavailable: the database is away, someone else's upgrade takes too long, or others use a table
            so much that it could not be changed within two minutes. Running it again goes on from there.
    """
    with _alone(url) as connection:
        if _knows(_applied(connection)):
            patiently(lambda: command.upgrade(_config(connection), to), _PATIENCE_SECONDS)
            _write_down(connection)


def current(url: str) -> str | None:
    """Return the version that the database is at; None when it is empty."""
    engine = create_engine(url)
    try:
        with translated(engine.url), engine.connect() as connection:
            return _applied(connection)
    finally:
        engine.dispose()


def head() -> str:
    """Return the version that this code needs."""
    revision = ScriptDirectory.from_config(_config()).get_current_head()
    if revision is None:
        raise LookupError(f"no migrations in {MIGRATIONS}")
    return revision


@contextmanager
def _alone(url: str) -> Iterator[Connection]:
    """Open a connection while no one else upgrades this database; in SQLite, a transaction for all of it."""
    is_sqlite = url.startswith("sqlite")
    engine = create_engine(url, lock_timeout_seconds=_TURN_SECONDS if is_sqlite else LOCK_SECONDS)
    try:
        with translated(engine.url):
            if is_sqlite:
                with exclusive(engine).begin() as connection:
                    yield connection
            else:
                with engine.connect() as connection:
                    _wait_for_turn(connection, engine)
                    yield connection
    finally:
        engine.dispose()


def _wait_for_turn(connection: Connection, engine: Engine) -> None:
    """Take the lock of upgrades for as long as this connection lives.

    It is asked for again and again instead of waited for: an index that is made meanwhile waits for every
    transaction that is open, also for one that waits for it.
    """
    # An index on a large table takes longer than any statement of ours.
    connection.execute(text("SET statement_timeout = 0"))
    connection.commit()  # else it is taken back with the first look in vain
    deadline = time.monotonic() + _TURN_SECONDS
    while not connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": _LOCK_KEY}):
        connection.rollback()
        if time.monotonic() > deadline:
            place = engine.url.set(query={}).render_as_string(hide_password=True)
            raise RemoteUnavailable(
                f"upgrading {place}: another upgrade holds it", code="database:unavailable"
            )
        time.sleep(random.uniform(*_LOOK_SECONDS))  # noqa: S311 - spreads, keeps no secret
    connection.commit()


def _write_down(connection: Connection) -> None:
    """List what is applied now, for those that serve."""
    rows = _rows(_applied(connection))
    REVISIONS.create(connection, checkfirst=True)
    connection.execute(delete(REVISIONS))
    connection.execute(insert(REVISIONS), rows)
    if connection.dialect.name == "postgresql":
        connection.commit()


def _applied(connection: Connection) -> str | None:
    revision = MigrationContext.configure(connection).get_current_revision()
    if connection.dialect.name == "postgresql":
        connection.rollback()  # Alembic begins a transaction of its own for each version, or none
    return revision


def _knows(revision: str | None) -> bool:
    known = {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}
    return revision is None or revision in known


def _rows(applied: str | None) -> list[dict[str, Any]]:
    scripts = list(ScriptDirectory.from_config(_config()).iterate_revisions(applied, "base"))[::-1]
    places = {script.revision: place for place, script in enumerate(scripts, start=1)}
    return [
        {"revision": name, "place": place, "serves_from": places.get(_serves_from(script), 1)}
        for script, (name, place) in zip(scripts, places.items(), strict=True)
    ]


def _serves_from(script: Script) -> str:
    """Return the oldest revision whose code may serve: a migration says so that takes something away."""
    return str(getattr(script.module, "serves_from", ""))


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config
