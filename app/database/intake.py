"""The intake: deliveries are kept on disk before anybody is told so, those of the same moment in one commit.

Nothing is known before its commit is done, so a process that is killed at any moment owes nothing. What a
delivery means is not known here, and nothing waits for those who work deliveries off.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Final

from sqlalchemy import Connection, Engine, select, text, tuple_, update

from app.database.deliveries import values_of
from app.database.gathering import Gathering
from app.database.models import DeliveryRow
from app.database.outages import PATIENCE_SECONDS, Outage
from app.database.session import committing, create_engine, is_full
from app.domain.deliveries import Delivery, DeliverySource, DeliveryStatus
from app.errors import BranchlineError, RemoteUnavailable

# Together less than what GitHub's ten seconds leave beside the patience.
LOCK_SECONDS: Final = 1.0
_CONNECT_SECONDS: Final = 2
_LOOK_LOCK_SECONDS: Final = 0.2
_PAUSE_SECONDS: Final = 0.05
_AT_ONCE: Final = 64

_Key = tuple[str, DeliverySource]


@dataclass(slots=True, eq=False)
class _Letter:
    """A delivery on its way to the disk, and what became of it: new, known or an error."""

    key: _Key
    values: tuple[Any, ...]
    began_at: float
    is_new: bool | None = None
    error: Exception | None = field(default=None, repr=False)


class SqlIntake:
    """`ports.Intake` in the database of `engine`, of which it needs one connection."""

    def __init__(self, engine: Engine, outage: Outage, *, patience_seconds: float = PATIENCE_SECONDS) -> None:
        self._engine = engine
        self._outage = outage
        self._patience_seconds = patience_seconds
        self._statements = _Statements(engine)
        self._gathering = Gathering(self._commit, at_once=_AT_ONCE)

    def keep(self, delivery: Delivery) -> bool:
        """Return once it is on disk; False when it was known. One that failed is tried again at once.

        Raises:
            RemoteUnavailable: the database is full, or was away for longer than a sender waits.
        """
        self._outage.check()
        row = self._statements.row(values_of(delivery))
        letter = _Letter((delivery.guid, delivery.source), row, time.monotonic())
        self._gathering.do(letter, self._patience_seconds)
        if letter.error is not None:
            raise letter.error
        if letter.is_new is None:
            self._outage.failed(letter.began_at)
            raise RemoteUnavailable("keeping a delivery: the database hangs", code="database:unavailable")
        return letter.is_new

    def _commit(self, letters: Sequence[_Letter]) -> None:
        """Settle letters, each with what became of it."""
        began_at = letters[0].began_at
        try:
            self._settle(letters, began_at)
        except BranchlineError as error:
            _fail(letters, error)
        except Exception as error:  # noqa: BLE001 - whoever brought it is told
            self._settle_singly(letters, error, began_at)

    def _settle_singly(self, letters: Sequence[_Letter], error: Exception, began_at: float) -> None:
        """Let no letter fail for another one that the database does not take."""
        if len(letters) == 1:
            _fail(letters, error)
            return
        for letter in letters:
            try:
                self._settle([letter], began_at)
            except Exception as its_own:  # noqa: BLE001 - whoever brought it is told
                _fail([letter], its_own)

    def _settle(self, letters: Sequence[_Letter], began_at: float) -> None:
        """Write letters, again and again until it works, or nobody waits for it any more."""
        while True:
            try:
                new = self._write(letters)
            except RemoteUnavailable as error:
                if is_full(error):
                    raise
                if time.monotonic() - began_at > self._patience_seconds:
                    self._outage.failed(began_at)
                    raise
                self._outage.check()
                time.sleep(_PAUSE_SECONDS)
            else:
                break
        self._outage.ended()
        for letter in letters:
            letter.is_new = letter.key in new
            new.discard(letter.key)

    def _write(self, letters: Sequence[_Letter]) -> set[_Key]:
        """Commit letters and return which of them are new."""
        # In one order everywhere: two processes with the same deliveries would wait for each other.
        ordered = sorted(letters, key=lambda letter: letter.key)
        with committing(self._engine) as connection:
            rows = [letter.values for letter in ordered]
            found = connection.exec_driver_sql(self._statements.insert(len(rows)), tuple(chain(*rows)))
            new = {(guid, DeliverySource(source)) for guid, source in found}
            if known := {letter.key for letter in ordered} - new:
                _try_again(connection, known)
        return new


def intake_engine(url: str) -> Engine:
    """Return an engine whose waits are short enough to be repeated within a sender's patience."""
    return create_engine(
        url,
        lock_timeout_seconds=LOCK_SECONDS,
        connect_timeout_seconds=_CONNECT_SECONDS,
        is_repeated=True,
    )


def outage_of(url: str) -> Outage:
    """Return what notices an outage of a database, with a connection of its own for looking."""
    engine = create_engine(
        url, lock_timeout_seconds=_LOOK_LOCK_SECONDS, connect_timeout_seconds=_CONNECT_SECONDS
    )

    def look() -> None:
        with committing(engine) as connection:
            connection.execute(text("SELECT 1"))

    return Outage(look)


class _Statements:
    """How deliveries are written, in the driver's words: SQLAlchemy takes as long as the database for it.

    What a value looks like there is still told by the column's type, as everywhere else.
    """

    def __init__(self, engine: Engine) -> None:
        dialect = engine.dialect
        columns = [column for column in DeliveryRow.__table__.columns if not column.primary_key]
        self._names = [column.name for column in columns]
        self._written = [it.type.dialect_impl(dialect).bind_processor(dialect) for it in columns]
        place = "?" if dialect.paramstyle == "qmark" else "%s"
        self._row = f"({', '.join([place] * len(columns))})"
        self._into = f"INSERT INTO deliveries ({', '.join(self._names)}) VALUES "  # noqa: S608 - our own names
        self._known = dict[int, str]()

    def row(self, values: Mapping[str, Any]) -> tuple[Any, ...]:
        """Return a row's values as the driver takes them."""
        pairs = zip(self._names, self._written, strict=True)
        return tuple(write(values[name]) if write else values[name] for name, write in pairs)

    def insert(self, rows: int) -> str:
        """Return the statement that inserts so many rows and tells which of them are new."""
        if rows not in self._known:
            places = ", ".join([self._row] * rows)
            self._known[rows] = f"{self._into}{places} ON CONFLICT DO NOTHING RETURNING guid, source"
        return self._known[rows]


def _try_again(connection: Connection, keys: set[_Key]) -> None:
    """Make those that failed due now; one that is being worked off this very moment is left alone."""
    names = tuple_(DeliveryRow.guid, DeliveryRow.source)
    failed = (
        select(DeliveryRow.id)
        .where(names.in_(sorted(keys)), DeliveryRow.status == DeliveryStatus.FAILED)
        .with_for_update(skip_locked=True)
    )
    due = update(DeliveryRow).where(DeliveryRow.id.in_(failed)).values(try_at=DeliveryRow.received_at)
    connection.execute(due)


def _fail(letters: Sequence[_Letter], error: Exception) -> None:
    for letter in letters:
        letter.error = error
