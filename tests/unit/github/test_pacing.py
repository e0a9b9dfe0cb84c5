from datetime import UTC, datetime, timedelta

import pytest

from app.errors import RateLimited
from app.github.pacing import Pacer

START = datetime(2026, 11, 22, tzinfo=UTC)


class FakeTime:
    """A clock that only moves when somebody sleeps."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> datetime:
        return START + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


@pytest.fixture
def time() -> FakeTime:
    return FakeTime()


@pytest.fixture
def pacer(time: FakeTime) -> Pacer:
    return Pacer(1.0, time.now, monotonic=time.monotonic, sleep=time.sleep)


def test_the_first_write_does_not_wait(pacer: Pacer, time: FakeTime) -> None:
    pacer.wait_for_turn()
    assert time.seconds == 0


def test_writes_are_a_pause_apart(pacer: Pacer, time: FakeTime) -> None:
    for _ in range(4):
        pacer.wait_for_turn()
    assert time.seconds == 3


def test_a_write_after_a_long_silence_does_not_wait(pacer: Pacer, time: FakeTime) -> None:
    pacer.wait_for_turn()
    time.sleep(10)
    pacer.wait_for_turn()
    assert time.seconds == 10


def test_nothing_is_asked_before_the_rate_limit_ends(pacer: Pacer, time: FakeTime) -> None:
    pacer.be_silent_until(START + timedelta(seconds=30))
    with pytest.raises(RateLimited, match=r"^forking a into b: waiting") as caught:
        pacer.check("forking a into b")
    assert caught.value.retry_at == START + timedelta(seconds=30)
    time.sleep(30)
    pacer.check("forking a into b")


def test_an_earlier_end_does_not_shorten_the_silence(pacer: Pacer, time: FakeTime) -> None:
    pacer.be_silent_until(START + timedelta(seconds=30))
    pacer.be_silent_until(START + timedelta(seconds=5))
    time.sleep(10)
    with pytest.raises(RateLimited):
        pacer.check("forking a into b")
