"""How long commands that follow wait for a control plane that is busy, or away for a moment."""

from collections.abc import Callable, Iterator

import pytest

from app.cli import patience
from app.cli.patience import Patience
from app.errors import NotFound, RemoteUnavailable


class Time:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.slept = list[float]()

    def monotonic(self) -> float:
        return sum(self.slept)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    time = Time()
    monkeypatch.setattr(patience, "time", time)
    return time


def busy(seconds: int | None = None) -> RemoteUnavailable:
    error = RemoteUnavailable("later")
    error.details |= {} if seconds is None else {"retryAfterSeconds": seconds}
    return error


def answering(*answers: str | Exception) -> Callable[[], str]:
    """Return a question that is answered so, one after the other."""
    left: Iterator[str | Exception] = iter(answers)

    def question() -> str:
        answer = next(left)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return question


def test_a_pause_is_as_long_as_the_answer_says(time: Time) -> None:
    assert Patience(is_following=True).ask(answering(busy(7), busy(2), "here")) == "here"
    assert time.slept == [7, 2]


def test_nobody_is_asked_again_at_once(time: Time) -> None:
    Patience(is_following=True).ask(answering(busy(0), "here"))
    assert time.slept == [1]


def test_whoever_does_not_follow_is_told_at_once(time: Time) -> None:
    with pytest.raises(RemoteUnavailable):
        Patience(is_following=False).ask(answering(busy(1), "here"))
    assert time.slept == []


def test_who_never_answered_is_not_waited_for_and_who_did_is(time: Time) -> None:
    patient = Patience(is_following=True)
    with pytest.raises(RemoteUnavailable):
        patient.ask(answering(busy(), "here"))
    assert time.slept == []
    assert patient.ask(answering("here")) == "here"
    assert patient.ask(answering(busy(), "again")) == "again"
    assert time.slept == [5]


def test_patience_ends_after_minutes_and_is_new_for_each_question(time: Time) -> None:
    patient = Patience(is_following=True)
    for _ in range(2):
        before = time.monotonic()
        with pytest.raises(RemoteUnavailable):
            patient.ask(answering(*(busy(60) for _ in range(100))))
        assert time.monotonic() - before == 300


def test_a_pause_that_is_too_long_is_not_begun(time: Time) -> None:
    with pytest.raises(RemoteUnavailable):
        Patience(is_following=True).ask(answering(busy(3600), "here"))
    assert time.slept == []


def test_other_errors_are_errors(time: Time) -> None:
    with pytest.raises(NotFound):
        Patience(is_following=True).ask(answering(NotFound("gone"), "here"))
    assert time.slept == []
