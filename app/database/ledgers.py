"""The ledgers of all remotes in the database: one row for each, changed by one process at a time.

PostgreSQL tells the time itself, so that machines need not agree on it; an SQLite file is on one machine.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, TypeVar

from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from app.database.reliability_models import RemoteLimitRow
from app.database.rows import insert_if_new, one, replace_known
from app.database.session import reading, writing
from app.domain.limits import CallKind, Ledger, Told
from app.ports import Clock

T = TypeVar("T")


class SqlLedgers:
    """Port `Ledgers`."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    def change(self, remote: str, act: Callable[[Ledger, float], tuple[Ledger, T]]) -> T:
        """Replace a ledger by what `act` makes of it now, and return what else `act` returns."""
        with writing(self._engine) as session:
            before = _held(session, remote)
            after, answer = act(before, self._now(session))
            if after != before:
                replace_known(session, RemoteLimitRow, RemoteLimitRow.remote == remote, _values(after))
            return answer

    def look(self, remote: str) -> tuple[Ledger, float]:
        """Return a ledger, and now."""
        with reading(self._engine) as session:
            row = one(session, select(RemoteLimitRow).where(RemoteLimitRow.remote == remote))
            return Ledger() if row is None else _ledger(row), self._now(session)

    def _now(self, session: Session) -> float:
        """Return the time now; that of a transaction stands still, also while it waits for a row."""
        if session.get_bind().dialect.name != "postgresql":
            return self._clock().timestamp()
        now = session.scalar(select(func.extract("epoch", func.clock_timestamp())))
        return float(now)  # type: ignore[arg-type] # a clock that always tells the time


def _held(session: Session, remote: str) -> Ledger:
    """Return a ledger, and let nobody else change it until the transaction ends."""
    statement = select(RemoteLimitRow).where(RemoteLimitRow.remote == remote).with_for_update()
    row = one(session, statement)
    if row is None:
        insert_if_new(session, RemoteLimitRow, {"remote": remote, **_values(Ledger())})
        row = one(session, statement)
    return Ledger() if row is None else _ledger(row)


def _ledger(row: RemoteLimitRow) -> Ledger:
    return Ledger(
        next_turn_at=_seconds(row.next_turn_at),
        written_at=_seconds(row.written_at),
        silent_until=_seconds(row.silent_until),
        taken={name: {int(piece): it for piece, it in pieces.items()} for name, pieces in row.taken.items()},
        told={resource: Told(**it) for resource, it in row.told.items()},
        calls={CallKind(kind): number for kind, number in row.calls.items()},
        silences=row.silences,
    )


def _values(ledger: Ledger) -> Mapping[str, Any]:
    return {
        "next_turn_at": _time(ledger.next_turn_at),
        "written_at": _time(ledger.written_at),
        "silent_until": _time(ledger.silent_until),
        "taken": {
            name: {str(piece): it for piece, it in pieces.items()} for name, pieces in ledger.taken.items()
        },
        "told": {resource: asdict(it) for resource, it in ledger.told.items()},
        "calls": dict(ledger.calls),
        "silences": ledger.silences,
    }


def _seconds(time: datetime | None) -> float:
    return 0.0 if time is None else time.timestamp()


def _time(seconds: float) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if seconds else None
