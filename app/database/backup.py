"""Backups of an SQLite database, and whether a database is whole. PostgreSQL has tools of its own for both.

A backup is one file: what was committed before it began, and nothing of what came later. What the bundle
store holds is not in it.
"""

import os
import sqlite3
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import Engine, make_url
from sqlalchemy.exc import DatabaseError

from app.database.session import translated
from app.errors import InvalidInput, RemoteUnavailable

# As in app/database/event_order.py for PostgreSQL: further than the facts go that a backup may lack.
_MARGIN: Final = 2**32
_GO_ON_BEHIND: Final = "UPDATE sqlite_sequence SET seq = seq + ? WHERE name = 'events'"


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup that is whole and on the disk."""

    path: Path
    size_bytes: int
    seconds: float


def back_up(url: str, target: Path) -> Backup:
    """Copy the database to `target` as it is at one moment, while others write.

    What was there under that name is replaced when the copy is whole, checked and on the disk.

    Raises:
        InvalidInput: it is no SQLite database, or `target` is the database itself.
        RemoteUnavailable: the database or the disk does not let us.
    """
    source = _file_of(url)
    if target.exists() and target.samefile(source):
        raise InvalidInput(f"backing up to {target}: that is the database itself")
    began = time.monotonic()
    with _telling(f"backing up to {target}"), _draft(target) as draft:
        _copy(source, draft)
        _settle(draft, target)
        return Backup(target, target.stat().st_size, time.monotonic() - began)


def damages(engine: Engine) -> Sequence[str]:
    """Return what is wrong with the database's own structures; PostgreSQL's are not looked at."""
    if engine.dialect.name != "sqlite":
        return []
    try:
        with translated(engine.url), engine.connect() as connection:
            found = [str(row[0]) for row in connection.exec_driver_sql("PRAGMA integrity_check")]
    except DatabaseError as error:  # it cannot even be read to its end
        return [str(error.orig)]
    return [] if found == ["ok"] else found


def _file_of(url: str) -> Path:
    address = make_url(url)
    if address.get_backend_name() != "sqlite" or not address.database:
        raise InvalidInput("backing up: DATABASE_URL is no SQLite file; use pg_dump (docs/operating.md)")
    path = Path(address.database)
    if not path.is_file():
        raise RemoteUnavailable(f"backing up {path}: it is not there", code="database:unavailable")
    return path


def _copy(source: Path, draft: Path) -> None:
    with closing(sqlite3.connect(source)) as database, closing(sqlite3.connect(draft)) as copy:
        # In one go, so in one read transaction: with the write-ahead log no writer waits for it.
        database.backup(copy, pages=-1)
        copy.execute("PRAGMA journal_mode = DELETE")  # one file, whoever copies it on
        _let_facts_go_on(copy)
        [found] = copy.execute("PRAGMA quick_check(1)").fetchone()
    if found != "ok":
        raise sqlite3.DatabaseError(f"the copy is damaged: {found}")


def _let_facts_go_on(copy: sqlite3.Connection) -> None:
    """Have the facts of whoever goes on from a copy come after all that were written since it was made.

    Followers know some of those: facts with the same numbers would be taken for known.
    """
    with copy:
        if copy.execute("SELECT 1 FROM sqlite_master WHERE name = 'sqlite_sequence'").fetchone():
            copy.execute(_GO_ON_BEHIND, (_MARGIN,))


@contextmanager
def _draft(target: Path) -> Iterator[Path]:
    """Make a file beside the target that only we may read, and let it not outlive us."""
    descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    os.close(descriptor)
    try:
        yield Path(name)
    finally:
        for suffix in ("", "-journal"):
            with suppress(OSError):
                Path(name + suffix).unlink(missing_ok=True)


def _settle(draft: Path, target: Path) -> None:
    _sync(draft)
    draft.replace(target)
    _sync(target.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _telling(doing: str) -> Iterator[None]:
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        raise RemoteUnavailable(f"{doing}: {error}", code="database:unavailable") from error
