from collections.abc import Mapping
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from app.domain.apps import AppStatus
from app.domain.deliveries import Delivery, DeliverySource
from app.domain.events import Tag
from app.domain.jobs import JobType
from app.domain.redelivery import MOST_TRIES, Attempt, Missed, MissedState
from app.errors import RateLimited, RemoteForbidden, RemoteMissing, RemoteUnavailable
from app.pipeline.redeliver import (
    ALL_APPS,
    FETCHED_HEADER,
    Outcome,
    Redeliverer,
    redeliver,
    redeliver_repository,
    sweep,
)
from app.ports.redelivery import APP_HOOK, Hook, SentPage
from tests.builders import a_repository, an_app
from tests.fakes.clock import FakeClock
from tests.fakes.code_host import FakeCodeHost, FakeWebhook
from tests.fakes.code_host_sights import FakeSights
from tests.fakes.jobs import FakeSteps
from tests.fakes.records import FakeRecords
from tests.fakes.redelivery import FakeHookDeliveries

URL = "https://branchline.test/webhooks/github"
MINUTE, HOUR, DAY = 60, 3600, 86400


class World:
    """A host that sends, a receiver that answers as it is told (None: it keeps and answers 202)."""

    def __init__(self, *, has_own_hook: bool = True) -> None:
        self.clock = FakeClock()
        self.records = FakeRecords(self.clock)
        self.host = FakeHookDeliveries(self._receive, self.clock)
        self.repositories = FakeCodeHost(self.clock)
        self.answer: int | None = None
        self.received: list[str] = []
        self.to = Redeliverer(
            records=self.records,
            host=self.host,
            sights=FakeSights(self.repositories),
            clock=self.clock,
            webhook_url=URL,
            has_own_hook=has_own_hook,
        )

    def send(self, *guids: str, hook: Hook = APP_HOOK) -> None:
        for guid in guids:
            self.host.send(hook, guid)
            self.clock.advance(1)

    def sweep(self, times: int = 1) -> Outcome:
        """Sweep so many times, with what is due in between."""
        for _ in range(times - 1):
            self.sweep()
        outcome = sweep(self.to)
        assert outcome is not None
        self.clock.advance(61)
        return outcome

    def sweep_until_quiet(self) -> Outcome:
        """Sweep until nothing is open any more, and return all of it together."""
        total = Outcome()
        for _ in range(1000):
            found = self.sweep()
            for name in ("pages", "missed", "asked", "recovered", "fetched", "expired", "lost"):
                setattr(total, name, getattr(total, name) + getattr(found, name))
            if not self.open():
                return total
        raise AssertionError(f"still open: {self.open()}")

    def missed(self, *guids: str) -> Mapping[str, Missed]:
        with self.records.read() as tx:
            return tx.missed.known(guids or list(self.host.bodies))

    def open(self) -> list[str]:
        return [guid for guid, it in self.missed().items() if it.state is MissedState.OPEN]

    def kept(self) -> list[str]:
        with self.records.read() as tx:
            return sorted(it.guid for it in tx.deliveries.list(limit=1000).items)

    def app(self, number: int = 1, **changes: Any) -> Hook:
        """Add an app whose repository has a webhook of its own, and return that."""
        full_name = f"acme/app-{number}"
        made = self.repositories.add_repository(full_name, {"a": b"1"})
        made.webhooks[URL] = FakeWebhook("secret", ("push",), id=number * 10)
        repository = a_repository(made.description.id, full_name=full_name)
        with self.records.begin() as tx:
            tx.apps.add(an_app(number, repository=repository, **changes))
        hook = Hook(full_name, number * 10)
        self.host.lists[hook] = []
        return hook

    def _receive(self, attempt: Attempt, headers: Mapping[str, str], body: bytes) -> int:
        self.received.append(attempt.guid)
        if self.answer is not None:
            return self.answer
        delivery = Delivery(
            attempt.guid, DeliverySource.GITHUB, attempt.event, headers, body, received_at=self.clock()
        )
        with self.records.begin() as tx:
            tx.deliveries.add(delivery)
        return 202


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


# ------------------------------------------------------------------------------ a webhook for each repository


def test_a_few_apps_have_their_turn_in_each_pass() -> None:
    world = World(has_own_hook=False)
    hooks = [world.app(number) for number in range(1, 13)]
    world.answer = 500
    for number, hook in enumerate(hooks):
        world.send(f"a{number}", hook=hook)
    world.answer = None
    first = world.sweep()
    assert (first.pages, first.missed, first.asked) == (5, 5, 5)
    assert world.host.faults.calls.count("sent") == 5
    world.sweep(times=2)
    assert len(world.kept()) == 12
    assert world.repositories.faults.calls.count("webhook") == 12
    world.sweep(times=3)
    assert world.repositories.faults.calls.count("webhook") == 12  # whose webhook it is, is known by then


def test_an_app_whose_list_is_never_shown_keeps_no_other_back() -> None:
    world = World(has_own_hook=False)
    hooks = [world.app(number) for number in range(1, 4)]
    world.answer = 500
    for number, hook in enumerate(hooks):
        world.send(f"a{number}", hook=hook)
    world.answer = None
    sent = world.host.sent

    def sent_but_for_one(hook: Hook, cursor: str | None = None) -> SentPage:
        if hook == hooks[-1]:  # the newest has its turn first
            raise RemoteUnavailable("GitHub failed")
        return sent(hook, cursor)

    world.host.sent = sent_but_for_one  # type: ignore[method-assign]
    for _ in range(3):
        with pytest.raises(RemoteUnavailable):
            sweep(world.to)
        world.clock.advance(61)
    assert world.kept() == ["a0", "a1"]


def test_one_app_is_looked_at_at_once_when_that_is_wanted() -> None:
    world = World(has_own_hook=False)
    other, hook = world.app(1), world.app(2)
    world.answer = 500
    world.send("a", hook=hook)
    world.send("b", hook=other)
    world.answer = None
    with world.records.read() as tx:
        app = tx.apps.get("app_0002")
    found = redeliver_repository(app, world.to)
    assert (found.pages, found.missed, found.asked) == (1, 1, 1)
    assert world.kept() == ["a"]
    assert redeliver_repository(app, world.to).recovered == 1


def test_where_one_webhook_hears_of_all_there_is_none_to_look_at(world: World) -> None:
    world.app(1)
    with world.records.read() as tx:
        assert redeliver_repository(tx.apps.get("app_0001"), world.to) == Outcome()
    assert world.host.faults.calls == []


def test_an_app_without_a_webhook_or_a_repository_keeps_nobody_back() -> None:
    world = World(has_own_hook=False)
    world.app(1, status=AppStatus.DETACHED)
    world.app(2)
    world.repositories.repository("acme/app-2").webhooks.clear()
    world.app(3)
    del world.repositories.repositories["acme/app-3"]
    hook = world.app(4)
    world.answer = 500
    world.send("a", hook=hook)
    world.answer = None
    found = world.sweep()
    assert (found.pages, found.asked) == (1, 1)
    assert found.refused == ["looking for acme/app-3: not found"]


def test_a_webhook_that_was_made_anew_is_found_again() -> None:
    world = World(has_own_hook=False)
    hook = world.app(1)
    world.sweep()
    del world.host.lists[hook]
    world.repositories.repository("acme/app-1").webhooks[URL] = FakeWebhook("secret", ("push",), id=77)
    new = Hook("acme/app-1", 77)
    world.host.lists[new] = []
    world.answer = 500
    world.send("a", hook=new)
    world.answer = None
    assert "not found" in world.sweep().refused[0]
    world.sweep()
    assert world.kept() == ["a"]


def test_a_missing_delivery_is_an_error_of_the_app_alone() -> None:
    world = World(has_own_hook=False)
    for number in (1, 2):
        world.send(f"a{number}", hook=world.app(number))
    world.host.faults.fail_next(RemoteMissing("gone"), call="sent")
    found = world.sweep()
    assert found.refused == ["gone"]
    assert found.pages == 1
