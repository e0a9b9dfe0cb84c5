"""A delivery that did not arrive is found in the host's list, and asked for again, fetched or given up."""

from datetime import timedelta
from itertools import pairwise

import pytest

from app.domain.deliveries import DeliverySource
from app.domain.events import Tag
from app.domain.jobs import JobType
from app.domain.redelivery import MOST_TRIES, MissedState
from app.errors import RateLimited, RemoteForbidden, RemoteUnavailable
from app.pipeline.redeliver import ALL_APPS, FETCHED_HEADER, Outcome, redeliver, sweep
from app.ports.redelivery import APP_HOOK, Hook, SentPage
from tests.fakes.jobs import FakeSteps
from tests.unit.pipeline.redelivering import World

MINUTE, HOUR, DAY = 60, 3600, 86400


@pytest.fixture
def world() -> World:
    return World()


def test_what_arrived_is_left_alone(world: World) -> None:
    world.send("a", "b")
    assert world.sweep() == Outcome(pages=1)
    assert world.host.faults.calls == ["sent"]


@pytest.mark.parametrize("answer", [401, 413, 500, 503, 502, 504, 0])
def test_what_failed_is_asked_for_and_comes(world: World, answer: int) -> None:
    world.answer = answer
    world.send("a")
    world.answer = None
    assert world.sweep() == Outcome(pages=1, missed=1, asked=1)
    assert world.kept() == ["a"]
    assert world.sweep().recovered == 1
    assert world.missed("a")["a"].state is MissedState.RECOVERED
    assert world.received == ["a", "a"]


def test_what_the_host_thinks_arrived_counts_as_missed_when_we_lost_it(world: World) -> None:
    world.host.send(APP_HOOK, "a", status_code=202)
    world.sweep()
    assert world.kept() == ["a"]


def test_what_failed_for_the_host_but_was_kept_is_not_asked_for(world: World) -> None:
    world.send("a")
    world.host.send(APP_HOOK, "a", status_code=504)
    assert world.sweep() == Outcome(pages=1)


def test_a_success_that_came_later_makes_a_failure_moot(world: World) -> None:
    world.answer = 500
    world.send("a")
    world.answer = None
    world.send("a")
    assert world.sweep().missed == 0


def test_the_oldest_is_asked_for_first(world: World) -> None:
    world.answer = 500
    world.send("a", "b", "c", "d", "e")
    world.answer = None
    world.sweep()
    assert world.received[5:] == ["a", "b", "c", "d", "e"]


def test_pauses_grow_and_then_it_is_read_from_the_list(world: World) -> None:
    world.answer = 500
    world.send("a")
    begun, asked_at = world.clock(), []
    while world.open() or not world.missed():
        before = len(world.received)
        world.sweep()
        if len(world.received) > before:
            asked_at.append(int((world.clock() - begun).total_seconds()) // MINUTE)
    assert len(asked_at) == MOST_TRIES
    pauses = [later - earlier for earlier, later in pairwise(asked_at)]
    assert pauses == sorted(pauses)
    assert pauses[0] >= 2
    assert world.missed("a")["a"].state is MissedState.FETCHED
    assert world.kept() == ["a"]
    assert asked_at[-1] < 3 * DAY / MINUTE / 4


def test_what_is_sent_again_without_a_signature_is_fetched_and_says_so(world: World) -> None:
    world.answer = 401
    world.send("a")
    found = world.sweep_until_quiet()
    assert (found.asked, found.fetched) == (1, 1)
    with world.records.read() as tx:
        kept = tx.deliveries.get("a")
    assert kept.body == world.host.bodies["a"]
    assert kept.headers["X-GitHub-Event"] == "push"
    assert FETCHED_HEADER in kept.headers


def test_what_is_too_old_is_left_and_counted(world: World) -> None:
    world.answer = 500
    world.send("old")
    world.clock.advance(3 * DAY)
    world.send("young")
    world.answer = None
    found = world.sweep_until_quiet()
    assert (found.expired, found.missed) == (1, 1)
    assert world.kept() == ["young"]
    assert world.missed("old")["old"].state is MissedState.EXPIRED
    assert [it.subject for it in world.records.events if it.tag is Tag.DELIVERY_LOST] == ["old"]


def test_what_grows_too_old_while_it_waits_is_given_up(world: World) -> None:
    world.answer = 500
    world.send("a")
    world.host.faults.fail_next(RemoteUnavailable("GitHub is away"), call="again")
    with pytest.raises(RemoteUnavailable):
        sweep(world.to)
    world.clock.advance(3 * DAY)
    assert world.sweep().expired == 1
    assert world.missed("a")["a"].state is MissedState.EXPIRED


def test_what_the_host_refuses_to_send_again_is_fetched_or_lost(world: World) -> None:
    world.answer = 500
    world.send("a", "b")
    world.host.refusing = {"a", "b"}
    world.host.unreadable = {"b"}
    found = world.sweep()
    assert (found.fetched, found.lost) == (1, 1)
    assert world.kept() == ["a"]
    lost = world.missed("b")["b"]
    assert (lost.state, lost.reason) == (MissedState.LOST, "reading b: not found")
    (told,) = [it for it in world.records.events if it.tag is Tag.DELIVERY_LOST]
    assert (told.subject, told.payload["why"]) == ("b", "reading b: not found")


def test_what_we_may_not_do_is_no_loss(world: World) -> None:
    world.answer = 500
    world.send("a")
    world.answer = None
    forbidden = RemoteForbidden("lacks a permission")
    world.host.faults.fail_next(forbidden, call="again")
    world.host.faults.fail_next(forbidden, call="fetch")
    assert world.sweep().refused == ["lacks a permission"]
    assert world.open() == ["a"]
    world.host.faults.fail_next(forbidden, call="sent")
    assert world.sweep().refused == ["lacks a permission"]
    world.sweep_until_quiet()
    assert world.kept() == ["a"]


def test_what_there_are_no_writes_left_for_is_fetched(world: World) -> None:
    world.answer = 500
    world.send("a", "b")
    world.answer = None
    used_up = RateLimited("writes are used up", retry_at=world.clock() + timedelta(hours=1))
    world.host.faults.fail_next(used_up, call="again", times=2)
    assert world.sweep() == Outcome(pages=1, missed=2, fetched=2)
    assert world.kept() == ["a", "b"]


def test_nothing_is_asked_while_the_host_wants_silence(world: World) -> None:
    world.answer = 500
    world.send("a", "b")
    silence = RateLimited("be silent", retry_at=world.clock() + timedelta(hours=1))
    world.host.faults.fail_next(silence, call="again")
    world.host.faults.fail_next(silence, call="fetch")
    with pytest.raises(RateLimited):
        sweep(world.to)
    assert world.open() == ["a", "b"]
    assert world.missed("a")["a"].tries == 0


def test_what_the_host_cannot_show_holds_up_no_other(world: World) -> None:
    world.answer = 500
    world.send("a", "b", "c", "d", "e")
    world.answer = None
    world.host.failing = {"a", "b", "c", "d"}
    for _ in range(3):
        with pytest.raises(RemoteUnavailable):
            sweep(world.to)
        world.clock.advance(61)
    assert world.kept() == ["e"]
    assert world.open() == ["a", "b", "c", "d"]
    world.host.failing = set()
    world.sweep_until_quiet()
    assert world.kept() == ["a", "b", "c", "d", "e"]


def test_a_host_that_is_away_is_not_asked_for_all_of_it(world: World) -> None:
    world.answer = 500
    world.send(*(f"a{number}" for number in range(20)))
    world.host.faults.fail_next(RemoteUnavailable("GitHub is away"), call="again", times=20)
    with pytest.raises(RemoteUnavailable):
        sweep(world.to)
    assert world.host.faults.calls.count("again") == 3


def test_a_look_goes_on_where_the_last_one_stopped(world: World) -> None:
    world.send(*(f"a{number}" for number in range(30)))
    assert world.sweep().pages == 10  # three on each
    world.clock.advance(HOUR)
    world.sweep()
    world.clock.advance(HOUR)
    world.send("b")
    assert world.sweep().pages == 1


def test_a_long_list_is_read_over_several_passes(world: World) -> None:
    world.answer = 500
    world.send(*(f"a{number:03}" for number in range(100)))
    world.answer = None
    first = world.sweep()
    assert (first.pages, first.asked) == (20, 50)
    found = world.sweep_until_quiet()
    assert first.missed + found.missed == 100
    assert len(world.kept()) == 100
    assert sorted(world.received) == sorted([f"a{number:03}" for number in range(100)] * 2)


def test_a_look_that_fails_concludes_nothing_and_loses_no_place(world: World) -> None:
    world.answer = 500
    world.send("a")
    world.host.faults.fail_next(RemoteUnavailable("GitHub is away"), call="sent")
    with pytest.raises(RemoteUnavailable):
        sweep(world.to)
    assert world.missed() == {}
    world.clock.advance(61)
    world.answer = None
    world.sweep()
    assert world.kept() == ["a"]


def test_only_one_process_sweeps_within_a_minute(world: World) -> None:
    assert sweep(world.to) is not None
    assert sweep(world.to) is None
    world.clock.advance(61)
    assert sweep(world.to) is not None


def test_a_sweep_that_died_is_followed_by_another(world: World) -> None:
    world.host.faults.fail_next(RateLimited("slowly", retry_at=world.clock() + timedelta(hours=1)))
    with pytest.raises(RateLimited):
        sweep(world.to)
    world.clock.advance(61)
    assert sweep(world.to) is not None


def test_each_time_of_asking_is_a_fact(world: World) -> None:
    world.answer = 401
    world.send("a")
    world.sweep_until_quiet()
    told = [(it.tag, it.subject) for it in world.records.events]
    assert told == [(Tag.DELIVERY_REDELIVERY_REQUESTED, "a"), (Tag.DELIVERY_FETCHED, "a")]


def test_a_sweep_under_way_takes_nothing_from_a_look_further_back(world: World) -> None:
    since = world.clock().isoformat()
    old = [f"a{number:02}" for number in range(90)]
    world.send(*old)
    world.clock.advance(HOUR)
    world.send("b")
    world.sweep(times=3)
    for guid in old:
        del world.records._memory.deliveries[DeliverySource.GITHUB, guid]  # a backup was restored
    sent = world.host.sent

    def sent_while_a_job_looks(hook: Hook, cursor: str | None = None) -> SentPage:
        page = sent(hook, cursor)
        world.host.sent = sent  # type: ignore[method-assign]
        with world.records.begin() as tx:
            job = tx.jobs.enqueue(JobType.REDELIVER, ALL_APPS, {"since": since})
        redeliver(job, FakeSteps(), world.to)
        return page

    world.host.sent = sent_while_a_job_looks  # type: ignore[method-assign]
    world.sweep(times=5)
    assert world.kept() == [*old, "b"]


def test_a_job_reads_the_list_again_from_a_time_on(world: World) -> None:
    world.send("a")
    since = world.clock().isoformat()
    world.clock.advance(2 * HOUR)
    world.send(*(f"b{number}" for number in range(6)))
    world.clock.advance(HOUR)
    world.sweep(times=2)
    del world.records._memory.deliveries[DeliverySource.GITHUB, "a"]  # the list was read long past it
    assert world.sweep().missed == 0
    with world.records.begin() as tx:
        job = tx.jobs.enqueue(JobType.REDELIVER, ALL_APPS, {"since": since})
    found = redeliver(job, FakeSteps(), world.to)["deliveries"]
    assert (found["missed"], found["asked"], found["refused"]) == (1, 1, [])
    assert "a" in world.kept()
