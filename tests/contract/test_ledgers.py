"""What every keeper of ledgers does alike: one in memory, SQLite and a real PostgreSQL."""

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from app.database.ledgers import SqlLedgers
from app.database.session import create_engine
from app.domain.limits import CallKind, Ledger, Told
from app.pacing.ledgers import LocalLedgers
from app.ports import Ledgers

FULL = Ledger(
    next_turn_at=1_800_000_000.25,
    written_at=1_800_000_000.125,
    silent_until=1_800_000_060.5,
    taken={"points": {30_000_000: 5, 30_000_001: 7}, "writes": {15_000_000: 1}},
    told={"core": Told(5000, 4321, 1_800_003_600.0)},
    calls={CallKind.READ: 12, CallKind.WRITE: 3},
    silences=2,
)


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def ledgers(request: pytest.FixtureRequest) -> Iterator[Ledgers]:
    if request.param == "memory":
        yield LocalLedgers()
        return
    engine = create_engine(request.getfixturevalue(f"migrated_{request.param}_url"))
    yield SqlLedgers(engine, lambda: datetime.now(UTC))
    engine.dispose()


def test_a_ledger_that_nobody_wrote_into_is_empty(ledgers: Ledgers) -> None:
    assert ledgers.look("github")[0] == Ledger()


def test_a_ledger_comes_back_as_it_was_written(ledgers: Ledgers) -> None:
    assert ledgers.change("github", lambda _, __: (FULL, "answer")) == "answer"
    assert ledgers.look("github")[0] == FULL
    assert ledgers.change("github", lambda ledger, _: (ledger, ledger)) == FULL
    assert ledgers.look("cloudflare")[0] == Ledger()


def test_the_time_is_told(ledgers: Ledgers) -> None:
    ledgers.change("github", lambda _, now: (FULL, now))
    before = time.time()
    changed_at = ledgers.change("github", lambda ledger, now: (ledger, now))
    looked_at = ledgers.look("github")[1]
    assert before - 0.01 <= changed_at <= looked_at <= time.time() + 0.01


def test_changes_at_once_are_made_one_after_another(ledgers: Ledgers) -> None:
    def work() -> None:
        for _ in range(20):
            ledgers.change("github", lambda it, _: (replace(it, silences=it.silences + 1), None))

    threads = [threading.Thread(target=work) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert ledgers.look("github")[0].silences == 100


def test_the_time_is_that_of_the_moment_and_not_of_the_wait(ledgers: Ledgers) -> None:
    inside, times = threading.Event(), list[float]()
    ledgers.change("github", lambda ledger, _: (ledger, None))

    def hold(ledger: Ledger, _now: float) -> tuple[Ledger, None]:
        inside.set()
        assert not threading.Event().wait(0.3)
        times.append(time.time())
        return ledger, None

    holder = threading.Thread(target=ledgers.change, args=("github", hold))
    holder.start()
    assert inside.wait(60)
    times.append(ledgers.change("github", lambda ledger, now: (ledger, now)))
    holder.join(60)
    assert times[1] >= times[0] - 0.01
