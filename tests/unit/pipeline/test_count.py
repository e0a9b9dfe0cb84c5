"""Calls are counted in memory and written down together."""

import threading

import pytest

from app.domain.workers import Calls
from app.errors import RemoteUnavailable
from app.pipeline.count import Tally
from tests.builders import a_worker, at
from tests.fakes.records import FakeRecords


@pytest.fixture
def records() -> FakeRecords:
    kept = FakeRecords()
    with kept.begin() as tx:
        tx.workers.add(a_worker(1))
        tx.workers.add(a_worker(2))
    return kept


def counted(records: FakeRecords) -> dict[str, dict[str, Calls]]:
    with records.read() as tx:
        return {key: dict(calls) for key, calls in tx.calls.of(["wrk_0001", "wrk_0002"]).items()}


def test_calls_are_added_up_by_worker_and_function(records: FakeRecords) -> None:
    tally = Tally()
    for minute, (worker, function, has_succeeded) in enumerate(
        [
            ("wrk_0001", "a", True),
            ("wrk_0001", "a", False),
            ("wrk_0002", "a", True),
            ("wrk_0001", "b", True),
            ("wrk_0009", "a", True),
        ]
    ):
        tally.note(worker, function, at(minute), has_succeeded=has_succeeded)
    assert counted(records) == {}
    tally.write(records)
    first = {
        "wrk_0001": {"a": Calls(2, 1, at(1)), "b": Calls(1, 0, at(3))},
        "wrk_0002": {"a": Calls(1, 0, at(2))},
    }
    assert counted(records) == first
    tally.write(records)
    assert counted(records) == first
    tally.note("wrk_0001", "b", at(9), has_succeeded=False)
    tally.write(records)
    assert counted(records)["wrk_0001"]["b"] == Calls(2, 1, at(9))


def test_nothing_is_lost_while_the_database_is_away(records: FakeRecords) -> None:
    asked = list[str]()
    tally = Tally(on_first=lambda: asked.append("write"))
    tally.note("wrk_0001", "a", at(1), has_succeeded=True)
    tally.note("wrk_0001", "a", at(2), has_succeeded=True)
    assert asked == ["write"]
    records.is_away = True
    with pytest.raises(RemoteUnavailable):
        tally.write(records)
    assert asked == ["write", "write"]
    records.is_away = False
    tally.write(records)
    assert counted(records) == {"wrk_0001": {"a": Calls(2, 0, at(2))}}


def test_threads_count_together(records: FakeRecords) -> None:
    tally = Tally()

    def count() -> None:
        for _ in range(500):
            tally.note("wrk_0001", "a", at(1), has_succeeded=True)

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    tally.write(records)
    for thread in threads:
        thread.join()
    tally.write(records)
    assert counted(records)["wrk_0001"]["a"].invocations == 2000
