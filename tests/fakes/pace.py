"""What paces are tested with: a time that only moves when somebody sleeps, and a ledger that goes away."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from app.domain.limits import Ledger
from app.errors import RemoteUnavailable
from app.pacing.ledgers import LocalLedgers

T = TypeVar("T")
START = datetime(2026, 11, 22, tzinfo=UTC)


class FakeTime:
    """Every clock of a process; `offset` makes the wall clock wrong, `ledger_offset` the ledger's."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.offset = timedelta()
        self.ledger_offset = 0.0
        self.slept: list[float] = []

    def now(self) -> datetime:
        return START + timedelta(seconds=self.seconds) + self.offset

    def stamp(self) -> float:
        return START.timestamp() + self.seconds + self.ledger_offset

    def monotonic(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.seconds += seconds


class FakeLedgers:
    """Port `Ledgers`: in memory, counted, and away while `is_away`."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._ledgers = LocalLedgers(now)
        self.is_away = False
        self.changes = 0
        self.looks = 0

    def change(self, remote: str, act: Callable[[Ledger, float], tuple[Ledger, T]]) -> T:
        self._check()
        self.changes += 1
        return self._ledgers.change(remote, act)

    def look(self, remote: str) -> tuple[Ledger, float]:
        self._check()
        self.looks += 1
        return self._ledgers.look(remote)

    def _check(self) -> None:
        if self.is_away:
            raise RemoteUnavailable("using the database: away", code="database:unavailable")
