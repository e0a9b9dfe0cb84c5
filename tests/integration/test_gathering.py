"""Gathering: nothing is done twice or forgotten, and rounds are shared."""

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain

import pytest

from app.database.gathering import Gathering
from tests.integration.jobs.world import until


class Slow:
    """Does what it is given, when it is let."""

    def __init__(self, *, at_once: int = 64) -> None:
        self.rounds: list[list[int]] = []
        self.gate = threading.Event()
        self.gathering = Gathering(self._act, at_once=at_once)

    def _act(self, items: Sequence[int]) -> None:
        assert self.gate.wait(60)
        self.rounds.append(sorted(items))


def test_what_gathers_meanwhile_is_one_round() -> None:
    slow = Slow(at_once=5)
    with ThreadPoolExecutor(12) as pool:
        first = pool.submit(slow.gathering.do, 0, 60)
        until(lambda: not slow.gathering and not first.done(), saying=lambda: slow.rounds)
        others = [pool.submit(slow.gathering.do, number, 60) for number in range(1, 11)]
        until(lambda: len(slow.gathering) == 10, saying=lambda: slow.rounds)
        slow.gate.set()
        assert all(it.result(60) for it in (first, *others))
    assert [len(it) for it in slow.rounds] == [1, 5, 5]
    assert sorted(chain(*slow.rounds)) == list(range(11))


def test_who_has_no_patience_leaves_without_a_trace() -> None:
    slow = Slow()
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(slow.gathering.do, 0, 60)
        until(lambda: not slow.gathering and not first.done(), saying=lambda: slow.rounds)
        assert not slow.gathering.do(1, 0.05)
        slow.gate.set()
        assert first.result(60)
    assert slow.gathering.do(2, 60)
    assert slow.rounds == [[0], [2]]


def test_one_whose_thread_ends_in_the_middle_holds_nobody_up() -> None:
    calls: list[list[int]] = []

    def act(items: Sequence[int]) -> None:
        calls.append(list(items))
        if items[0] == 0:
            raise SystemExit

    gathering = Gathering(act, at_once=64)
    with pytest.raises(SystemExit):
        gathering.do(0, 60)
    assert gathering.do(1, 60)
    assert calls == [[0], [1]]


def test_many_at_once_are_all_done_once() -> None:
    done: list[int] = []

    def act(items: Sequence[int]) -> None:
        time.sleep(0.0005)  # as a commit takes
        done.extend(items)

    gathering = Gathering(act, at_once=7)
    with ThreadPoolExecutor(32) as pool:
        assert all(pool.map(lambda number: gathering.do(number, 60), range(3000)))
    assert sorted(done) == list(range(3000))
