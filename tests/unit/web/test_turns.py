"""Who waits for whom, and how long."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from app.web.turns import Turns


def test_who_comes_second_waits_for_the_first() -> None:
    turns, came, order = Turns(patience_seconds=30), Event(), list[str]()

    def second() -> None:
        came.set()
        with turns.of("ada/shop"):
            order.append("second")

    with ThreadPoolExecutor() as pool:
        with turns.of("ada/shop"):
            waiting = pool.submit(second)
            assert came.wait(5)
            order.append("first")
        waiting.result(5)
    assert order == ["first", "second"]


def test_nobody_waits_longer_than_a_moment_and_the_turn_of_the_first_is_theirs() -> None:
    turns = Turns(locks=1, patience_seconds=0.01)
    with turns.of("ada/shop"):
        for _ in range(2):
            with turns.of("grace/shop"):
                pass


def test_a_turn_ends_with_what_fails_in_it() -> None:
    turns = Turns(locks=1, patience_seconds=30)
    for _ in range(2):
        with pytest.raises(LookupError), turns.of("ada/shop"):
            raise LookupError
