from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from app.domain.limits import Allowance, CallKind, Window
from app.domain.urgency import in_background
from app.errors import RateLimited
from app.pacing.pacer import Pacer
from tests.fakes.pace import START, FakeLedgers, FakeTime

CALLS = Allowance(
    "cloudflare",
    "Cloudflare",
    windows={"calls": Window(300, 100)},
    costs={kind: {"calls": 1} for kind in CallKind},
    resources=dict.fromkeys(CallKind, "default"),
)
WRITES = Allowance(
    "github",
    "GitHub",
    windows={"writes": Window(3600, 500)},
    costs={CallKind.WRITE: {"writes": 1}},
    resources={CallKind.READ: "core", CallKind.WRITE: "core"},
    pause_seconds=1.0,
)
MakePacer = Callable[[Allowance], Pacer]


@pytest.fixture
def time() -> FakeTime:
    return FakeTime()


@pytest.fixture
def ledgers(time: FakeTime) -> FakeLedgers:
    return FakeLedgers(time.stamp)


@pytest.fixture
def process(time: FakeTime, ledgers: FakeLedgers) -> MakePacer:
    """Return what makes the pacer of one more process."""
    return lambda allowance: Pacer(allowance, ledgers, time.now, monotonic=time.monotonic, sleep=time.sleep)


# -------------------- turns


def test_the_first_write_does_not_wait(process: MakePacer, time: FakeTime) -> None:
    process(WRITES).take_turn("writing")
    assert time.seconds == 0


def test_writes_of_several_processes_are_a_pause_apart(process: MakePacer, time: FakeTime) -> None:
    processes = [process(WRITES) for _ in range(3)]
    sent = []
    for turn in range(9):
        processes[turn % 3].take_turn("writing")
        sent.append(time.seconds)
    gaps = [after - before for before, after in pairwise(sent)]
    assert min(gaps) >= 1.0
    assert max(gaps) < 1.16


def test_a_write_after_a_long_time_does_not_wait(process: MakePacer, time: FakeTime) -> None:
    process(WRITES).take_turn("writing")
    time.sleep(10)
    process(WRITES).take_turn("writing")
    assert time.seconds == 10


def test_a_write_that_is_late_moves_those_after_it(
    process: MakePacer, ledgers: FakeLedgers, time: FakeTime
) -> None:
    one, other = process(WRITES), process(WRITES)
    sent: list[float] = []

    def oversleep(seconds: float) -> None:
        time.seconds += seconds + 0.5

    late = Pacer(WRITES, ledgers, time.now, monotonic=time.monotonic, sleep=oversleep)
    for pacer in (one, late, other):
        pacer.take_turn("writing")
        sent.append(time.seconds)
    assert sent[0] == 0
    assert sent[1] == pytest.approx(1.65)
    assert sent[2] - sent[1] >= 1.0


def give_turns(ledgers: FakeLedgers, seconds: float) -> None:
    """Have others hold all turns of the next seconds."""
    ledgers.change("github", lambda it, now: (replace(it, next_turn_at=now + seconds), None))


def test_a_turn_far_away_is_not_waited_for(process: MakePacer, ledgers: FakeLedgers, time: FakeTime) -> None:
    give_turns(ledgers, 5.5)
    with pytest.raises(RateLimited, match="waiting for its turn to write to GitHub") as caught:
        process(WRITES).take_turn("writing")
    assert START < caught.value.retry_at <= START + timedelta(seconds=6)
    assert time.slept == []


def test_background_work_waits_for_nobodys_turn_for_long(process: MakePacer, ledgers: FakeLedgers) -> None:
    give_turns(ledgers, 2.0)
    with in_background(), pytest.raises(RateLimited):
        process(WRITES).take_turn("writing")
    process(WRITES).take_turn("writing")


def test_a_database_that_is_always_slow_stops_nobody(time: FakeTime) -> None:
    class SlowLedgers(FakeLedgers):
        def change(self, remote: str, act: Any) -> Any:
            answer = super().change(remote, act)
            time.seconds += 0.3
            return answer

    pacer = Pacer(WRITES, SlowLedgers(time.stamp), time.now, monotonic=time.monotonic, sleep=time.sleep)
    sent = []
    for _ in range(3):
        pacer.take_turn("writing")
        sent.append(time.seconds)
    assert min(after - before for before, after in pairwise(sent)) >= 1.0
    assert sent[-1] < 10


def test_a_clock_that_was_put_back_holds_nobody_up(process: MakePacer, time: FakeTime) -> None:
    pacer = process(WRITES)
    pacer.take_turn("writing")
    time.ledger_offset = -3600
    pacer.take_turn("writing")
    assert time.slept == []


# -------------------- silence


def test_nothing_is_asked_before_a_silence_ends_in_no_process(process: MakePacer, time: FakeTime) -> None:
    one, other = process(CALLS), process(CALLS)
    other.take_call("looking")
    one.be_silent_until(START + timedelta(seconds=30))
    for pacer in (one, other):
        with pytest.raises(RateLimited, match=r"^looking: waiting") as caught:
            pacer.take_call("looking")
        assert caught.value.retry_at == START + timedelta(seconds=30)
    time.seconds = 30.1
    for pacer in (one, other):
        pacer.take_call("looking")


def test_an_earlier_end_does_not_shorten_the_silence(process: MakePacer, time: FakeTime) -> None:
    pacer = process(CALLS)
    pacer.be_silent_until(START + timedelta(seconds=30))
    pacer.be_silent_until(START + timedelta(seconds=5))
    time.seconds = 10
    with pytest.raises(RateLimited):
        pacer.check("looking")
    with pytest.raises(RateLimited):
        process(CALLS).take_call("looking")


def test_a_write_that_waited_for_its_turn_is_not_sent_into_a_silence(
    process: MakePacer, ledgers: FakeLedgers, time: FakeTime
) -> None:
    def sleep(seconds: float) -> None:
        time.sleep(seconds)
        process(WRITES).be_silent_until(time.now() + timedelta(seconds=30))

    process(WRITES).take_turn("writing")
    pacer = Pacer(WRITES, ledgers, time.now, monotonic=time.monotonic, sleep=sleep)
    with pytest.raises(RateLimited) as caught:
        pacer.take_turn("writing")
    assert caught.value.retry_at == time.now() + timedelta(seconds=30)


def test_a_process_whose_clock_is_wrong_is_silent_as_long_as_others(
    process: MakePacer, time: FakeTime
) -> None:
    process(CALLS).be_silent_until(START + timedelta(seconds=30))
    time.offset = timedelta(minutes=10)
    with pytest.raises(RateLimited) as caught:
        process(CALLS).take_call("looking")
    assert caught.value.retry_at == time.now() + timedelta(seconds=30)


# -------------------- windows


def test_no_window_is_exceeded_by_several_processes(process: MakePacer, time: FakeTime) -> None:
    processes = [process(CALLS) for _ in range(4)]
    sent: list[float] = []
    for tick in range(4000):
        time.seconds += 0.5
        try:
            processes[tick % 4].take_call("looking")
        except RateLimited:
            continue
        sent.append(time.seconds)
    for start in sent:
        assert sum(start <= it < start + 300 for it in sent) <= 100
    assert len(sent) >= 0.7 * 100 * 2000 / 300


def test_most_calls_pay_for_no_look_at_the_ledger(ledgers: FakeLedgers, time: FakeTime) -> None:
    plenty = Allowance("cloudflare", "Cloudflare", {"calls": Window(300, 1200)}, CALLS.costs)
    pacer = Pacer(plenty, ledgers, time.now, fresh_seconds=0.25, monotonic=time.monotonic)
    for _ in range(600):
        time.seconds += 0.01
        pacer.take_call("uploading")
    assert ledgers.changes <= 25
    assert ledgers.looks <= 25


def test_what_was_taken_in_advance_and_not_used_is_given_back(process: MakePacer, time: FakeTime) -> None:
    pacer = process(CALLS)
    for _ in range(30):
        time.seconds += 11
        pacer.take_call("looking")
    ledger, now = pacer._ledger.look()
    assert ledger.used("calls", CALLS.windows["calls"], now) <= 32


def test_a_part_is_kept_for_what_people_wait_for(process: MakePacer) -> None:
    pacer = process(CALLS)

    def take_all() -> int:
        for number in range(200):
            try:
                pacer.take_call("looking")
            except RateLimited:
                return number
        raise AssertionError("it never ends")

    with in_background():
        in_the_background = take_all()
    assert in_the_background == 80
    assert take_all() == 20


def test_who_finds_the_window_used_up_is_told_when_to_come_again(process: MakePacer, time: FakeTime) -> None:
    pacer = process(CALLS)
    for _ in range(100):
        pacer.take_call("looking")
    time.seconds = 5
    with pytest.raises(RateLimited) as caught:
        pacer.take_call("looking")
    assert 300 <= (caught.value.retry_at - START).total_seconds() <= 331
    time.seconds = (caught.value.retry_at - START).total_seconds() + 0.1
    pacer.take_call("looking")


# -------------------- what the remote says


def test_nothing_is_asked_of_a_budget_that_is_used_up(process: MakePacer, time: FakeTime) -> None:
    pacer = process(WRITES)
    pacer.hear("core", limit=5000, remaining=0, reset_seconds=600)
    with pytest.raises(RateLimited) as caught:
        pacer.take_call("looking")
    assert caught.value.retry_at == START + timedelta(seconds=600)
    pacer.take_call("asking", CallKind.QUESTION)
    time.seconds = 601
    pacer.take_call("looking")


def test_background_work_leaves_a_fifth_of_a_budget(process: MakePacer) -> None:
    pacer = process(WRITES)
    pacer.hear("core", limit=5000, remaining=900, reset_seconds=600)
    with in_background(), pytest.raises(RateLimited):
        pacer.take_call("looking")
    pacer.take_call("looking")


def test_others_learn_what_the_remote_said(process: MakePacer, time: FakeTime) -> None:
    one, other = process(WRITES), process(WRITES)
    one.hear("core", limit=5000, remaining=0, reset_seconds=600)
    time.seconds = 20
    one._ledger.change(lambda ledger, _, __: (ledger, None))
    other.take_call("asking", CallKind.QUESTION)
    with pytest.raises(RateLimited):
        other.take_call("looking")


# -------------------- without the ledger


def test_a_process_goes_on_slowly_while_the_ledger_is_away(
    process: MakePacer, ledgers: FakeLedgers, time: FakeTime
) -> None:
    ledgers.is_away = True
    pacer = process(CALLS)
    for _ in range(10):
        pacer.take_call("looking")
    with pytest.raises(RateLimited):
        pacer.take_call("looking")
    ledgers.is_away = False
    time.seconds = 6
    pacer.take_call("looking")
    ledger, now = ledgers.look("cloudflare")
    assert ledger.used("calls", CALLS.windows["calls"], now) >= 11 - 8


def test_a_silence_is_kept_and_told_when_the_ledger_is_back(
    process: MakePacer, ledgers: FakeLedgers, time: FakeTime
) -> None:
    pacer, other = process(CALLS), process(CALLS)
    ledgers.is_away = True
    pacer.be_silent_until(START + timedelta(seconds=30))
    with pytest.raises(RateLimited):
        pacer.take_call("looking")
    ledgers.is_away = False
    time.seconds = 6
    pacer._ledger.change(lambda ledger, _, __: (ledger, None))
    with pytest.raises(RateLimited):
        other.take_call("looking")


def test_calls_are_counted(process: MakePacer, ledgers: FakeLedgers, time: FakeTime) -> None:
    pacer = process(CALLS)
    for _ in range(40):
        pacer.take_call("looking")
    time.seconds = 20
    pacer.take_call("putting", CallKind.WRITE)
    assert ledgers.look("cloudflare")[0].calls[CallKind.READ] == 40
