from __future__ import annotations

import pytest

from sandbox.waiting import NeverHappened, wait_for


def test_what_was_found_is_returned_as_soon_as_it_is_there() -> None:
    answers = iter([(None, "empty"), (None, "empty"), ("it", "found")])
    assert wait_for("it", lambda: next(answers), seconds=5, every=0) == "it"


def test_the_history_names_each_state_once_when_the_time_is_over() -> None:
    states = iter(["queued", "queued", "building", "building"])
    with pytest.raises(NeverHappened) as caught:
        wait_for("it", lambda: (None, next(states, "building")), seconds=0.05, every=0.001)
    message = str(caught.value)
    assert message.startswith("it: not after 0 s; seen:")
    assert message.count("queued") == message.count("building") == 1


def test_a_condition_that_is_already_true_needs_no_time() -> None:
    assert wait_for("it", lambda: (0, "zero is something"), seconds=0) == 0
