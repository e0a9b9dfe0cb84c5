"""Engines and transactions: how SQLite and PostgreSQL are opened, and what their failures are called here.

SQLite: write-ahead log, every commit on disk before it is answered, one writer that takes its lock when it
begins. PostgreSQL: bounded pool, every statement and every wait for a lock ends by itself.
"""

import json
import random
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Final

import psycopg
import sqlalchemy
from sqlalchemy import URL, Connection, Engine, event, make_url
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import Session
from sqlalchemy.pool import ConnectionPoolEntry

from app.errors import RemoteUnavailable

_LOCK_TIMEOUT_SECONDS: Final = 5.0
_STATEMENT_TIMEOUT_SECONDS: Final = 15.0
_IDLE_TIMEOUT_SECONDS: Final = 60.0
_CONNECT_TIMEOUT_SECONDS: Final = 5
_POOL_RECYCLE_SECONDS: Final = 1800

# How a connection's next transaction begins in SQLite; writers wait for their turn before they look.
_BEGIN_OPTION: Final = "branchline_begin"
_WRITE: Final = "BEGIN IMMEDIATE"
_PAUSE_SECONDS: Final = (0.0005, 0.003)
# https://www.sqlite.org/rescode.html: waiting, or a mended disk, makes these go away.
_SQLITE_UNAVAILABLE: Final = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
    }
)
_PRIMARY_CODE: Final = 0xFF


def create_engine(
    url: str,
    *,
    lock_timeout_seconds: float = _LOCK_TIMEOUT_SECONDS,
    connect_timeout_seconds: int = _CONNECT_TIMEOUT_SECONDS,
    is_repeated: bool = False,
) -> Engine:
    """Return an engine for `sqlite:///…` or `postgresql+psycopg://…`; nothing connects yet.

    Waiting for another's lock ends after `lock_timeout_seconds`. Make one per process, after forking. Whoever
    tries again by himself (`is_repeated`) need not have each connection asked whether it still lives.
    """
    address = make_url(url)
    arguments = (
        _sqlite_arguments(lock_timeout_seconds)
        if address.get_backend_name() == "sqlite"
        else _postgresql_arguments(lock_timeout_seconds, connect_timeout_seconds)
    )
    if is_repeated:
        arguments["pool_pre_ping"] = False
    # Parameters stay out of error texts: they are other people's payloads.
    dump = partial(json.dumps, allow_nan=False, separators=(",", ":"))
    engine = sqlalchemy.create_engine(address, hide_parameters=True, json_serializer=dump, **arguments)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", partial(_prepare_sqlite, lock_timeout_seconds))
        event.listen(engine, "begin", partial(_begin_sqlite, lock_timeout_seconds))
    return engine


@contextmanager
def writing(engine: Engine) -> Iterator[Session]:
    """Open a transaction that may write: committed on leaving, undone when an exception leaves."""
    with _transaction(engine.execution_options(**{_BEGIN_OPTION: _WRITE})) as session:
        yield session


@contextmanager
def reading(engine: Engine) -> Iterator[Session]:
    """Open a transaction that sees one moment and waits for no writer; the database refuses its writes."""
    options: dict[str, Any] = {}
    if engine.dialect.name == "postgresql":
        options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    with _transaction(engine.execution_options(**{_BEGIN_OPTION: "BEGIN"}, **options)) as session:
        yield session


@contextmanager
def committing(engine: Engine) -> Iterator[Connection]:
    """Open a transaction as `writing` does, for whoever needs no session."""
    with translated(engine.url), engine.execution_options(**{_BEGIN_OPTION: _WRITE}).begin() as connection:
        yield connection


@contextmanager
def translated(url: URL) -> Iterator[None]:
    """Raise RemoteUnavailable instead of the database's own errors that time may mend; others pass."""
    try:
        yield
    except SQLAlchemyError as error:
        if not _is_unavailable(error):
            raise
        # Not the address as it was given: it may hold a password.
        raise RemoteUnavailable(
            f"using database {_place(url)}: {_reason(error, url)}", code="database:unavailable"
        ) from error


def is_full(error: RemoteUnavailable) -> bool:
    """Tell whether room is what the database lacks: waiting for a moment does not help."""
    cause = error.__cause__.orig if isinstance(error.__cause__, DBAPIError) else None
    code = getattr(cause, "sqlite_errorcode", 0) & _PRIMARY_CODE
    return code in {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR} or isinstance(cause, psycopg.errors.DiskFull)


def exclusive(engine: Engine) -> Engine:
    """Return the engine with transactions that shut everyone else out of an SQLite file."""
    return engine.execution_options(**{_BEGIN_OPTION: "BEGIN EXCLUSIVE"})


@contextmanager
def _transaction(engine: Engine) -> Iterator[Session]:
    with translated(engine.url), Session(engine, autoflush=False) as session, session.begin():
        # Begins now and not with the first statement, so that a locked database is noticed here.
        session.connection()
        yield session


def _sqlite_arguments(lock_timeout_seconds: float) -> dict[str, Any]:
    # Opening a file is cheap, so few connections are kept: each holds pages, statements and the schema.
    connect = {"timeout": lock_timeout_seconds, "check_same_thread": False, "cached_statements": 24}
    return {"pool_size": 2, "max_overflow": 20, "connect_args": connect}


def _postgresql_arguments(lock_timeout_seconds: float, connect_timeout_seconds: int) -> dict[str, Any]:
    milliseconds = {
        "lock_timeout": lock_timeout_seconds,
        "statement_timeout": _STATEMENT_TIMEOUT_SECONDS,
        "idle_in_transaction_session_timeout": _IDLE_TIMEOUT_SECONDS,
    }
    return {
        "pool_size": 5,
        "max_overflow": 10,
        "pool_timeout": connect_timeout_seconds,
        "pool_pre_ping": True,
        "pool_recycle": _POOL_RECYCLE_SECONDS,
        "connect_args": {
            "connect_timeout": connect_timeout_seconds,
            "tcp_user_timeout": int(_STATEMENT_TIMEOUT_SECONDS * 1000),
            "fallback_application_name": "branchline",
            "options": " ".join(f"-c {name}={int(value * 1000)}" for name, value in milliseconds.items()),
        },
    }


def _prepare_sqlite(
    lock_timeout_seconds: float, raw: sqlite3.Connection, _entry: ConnectionPoolEntry
) -> None:
    # The driver's own transactions begin too late (before the first write): we begin them ourselves.
    raw.isolation_level = None
    raw.execute(f"PRAGMA busy_timeout = {int(lock_timeout_seconds * 1000)}")
    raw.execute("PRAGMA journal_mode = WAL")
    raw.execute("PRAGMA synchronous = FULL")
    raw.execute("PRAGMA foreign_keys = ON")
    # Half a megabyte instead of two for each connection; the system keeps the pages of the file anyway.
    raw.execute("PRAGMA cache_size = -512")


def _begin_sqlite(lock_timeout_seconds: float, connection: Connection) -> None:
    begin = connection.get_execution_options().get(_BEGIN_OPTION)
    # Only `reading` says plain BEGIN; who uses the engine directly may write.
    _driver_of(connection).execute(f"PRAGMA query_only = {int(begin == 'BEGIN')}")
    if begin == _WRITE:
        _begin_in_turn(connection, lock_timeout_seconds)
    else:
        connection.exec_driver_sql(begin or "BEGIN")


def _begin_in_turn(connection: Connection, lock_timeout_seconds: float) -> None:
    """Wait for the write lock in short random pauses.

    SQLite's own wait grows to 100 ms between two looks: a busy neighbour then takes the lock again and again
    in between, and a webhook waits for seconds.
    """
    raw = _driver_of(connection)
    raw.execute("PRAGMA busy_timeout = 0")
    deadline = time.monotonic() + lock_timeout_seconds
    try:
        # Straight to the driver: what an error costs above it, thousands of times a second, is felt.
        while time.monotonic() < deadline:
            try:
                raw.execute(_WRITE)
            except sqlite3.OperationalError:
                time.sleep(random.uniform(*_PAUSE_SECONDS))  # noqa: S311 - spreads writers, keeps no secret
            else:
                return
        connection.exec_driver_sql(_WRITE)
    finally:
        raw.execute(f"PRAGMA busy_timeout = {int(lock_timeout_seconds * 1000)}")


def _driver_of(connection: Connection) -> sqlite3.Connection:
    raw = connection.connection.driver_connection
    assert isinstance(raw, sqlite3.Connection)  # noqa: S101 - for the type: only SQLite's engines come here
    return raw


def _is_unavailable(error: SQLAlchemyError) -> bool:
    if isinstance(error, PoolTimeoutError):
        return True
    if not isinstance(error, DBAPIError):
        return False
    cause = error.orig
    if isinstance(cause, sqlite3.Error):
        return (getattr(cause, "sqlite_errorcode", 0) & _PRIMARY_CODE) in _SQLITE_UNAVAILABLE
    # psycopg calls lost connections, timeouts, deadlocks and shutdowns "operational".
    return error.connection_invalidated or isinstance(cause, psycopg.OperationalError)


def _reason(error: SQLAlchemyError, url: URL) -> str:
    cause = error.orig if isinstance(error, DBAPIError) else error
    text = " ".join(str(cause).split())
    return text.replace(str(url.password), "***") if url.password else text


def _place(url: URL) -> str:
    return url.set(query={}).render_as_string(hide_password=True)
