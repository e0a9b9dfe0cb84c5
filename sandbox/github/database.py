"""The SQLite file that keeps everything but git objects.

One connection, one lock: writers of SQLite take turns anyway, and a transaction here is a few milliseconds.
No subprocess and no network may happen inside a transaction.
"""

from __future__ import annotations

import sqlite3
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sandbox.github.schema import SCHEMA

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Row = dict[str, Any]


class Database:
    """Rows in, rows out; a row is a plain dictionary."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.RLock()
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._connection.row_factory = _as_dictionary
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA foreign_keys = ON")
        self._connection.executescript(SCHEMA)

    def close(self) -> None:
        """Close the file; the object is of no use afterwards."""
        with self._lock:
            self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make everything inside one change; inner transactions join the outer one."""
        with self._lock:
            if self._connection.in_transaction:
                yield
                return
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def all(self, sql: str, *values: object) -> list[Row]:
        """Return every row of a query."""
        with self._lock:
            return self._connection.execute(sql, values).fetchall()

    def one(self, sql: str, *values: object) -> Row | None:
        """Return the first row of a query, or None."""
        with self._lock:
            row: Row | None = self._connection.execute(sql, values).fetchone()
            return row

    def get(self, sql: str, *values: object) -> Row:
        """Return the row that must be there."""
        row = self.one(sql, *values)
        if row is None:
            raise LookupError(f"no row for {sql!r} with {values!r}")
        return row

    def count(self, sql: str, *values: object) -> int:
        """Return the single number that a query answers."""
        return int(next(iter(self.get(sql, *values).values())))

    def execute(self, sql: str, *values: object) -> int:
        """Run one statement and return how many rows it touched."""
        with self._lock:
            return self._connection.execute(sql, values).rowcount

    def insert(self, table: str, **values: object) -> int:
        """Add a row and return its id."""
        columns, marks = ", ".join(values), ", ".join("?" * len(values))
        sql = f"INSERT INTO {table} ({columns}) VALUES ({marks})"  # noqa: S608 - names are ours, values are bound
        with self._lock:
            return self._connection.execute(sql, tuple(values.values())).lastrowid or 0

    def update(self, table: str, row_id: int, **values: object) -> None:
        """Change columns of the row with this id."""
        changes = ", ".join(f"{column} = ?" for column in values)
        self.execute(f"UPDATE {table} SET {changes} WHERE id = ?", *values.values(), row_id)  # noqa: S608 - as above


def _as_dictionary(cursor: sqlite3.Cursor, row: tuple[Any, ...]) -> Row:
    return {column[0]: value for column, value in zip(cursor.description, row, strict=True)}
