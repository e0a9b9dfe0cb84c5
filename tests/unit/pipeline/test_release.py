"""An alias's script is what the alias says, whatever happens on the way."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from app.domain.aliases import LEASE, Alias
from app.domain.apps import AppStatus
from app.domain.deployments import Status
from app.domain.environments import Environment
from app.domain.events import Tag
from app.domain.jobs import Job, JobType
from app.errors import RemoteRefused, RemoteUnavailable, ScriptRefused
from app.pipeline.release import ask_for_release, request_release
from tests.fakes.jobs import Crashed, FakeSteps
from tests.unit.pipeline.runs import a_run
from tests.unit.pipeline.world import WITHOUT_GATEWAY, World

LIVE, NAMESPACE = "slug0001", "live-production"


@pytest.fixture
def world(world: World) -> World:
    """An app with run 2 live, after run 1."""
    world.app()
    world.deploy(a_run(1))
    world.deploy(a_run(2))
    world.forget_queue()
    return world


def change(world: World, **changes: Any) -> Alias:
    with world.records.begin() as tx:
        alias = replace(world.alias(), **changes)
        tx.aliases.save(alias)
    return alias


def ask(world: World) -> Job:
    with world.records.begin() as tx:
        return request_release(tx, world.alias())


def puts(world: World) -> int:
    return world.scripts.faults.calls.count("put")


class Timed(FakeSteps):
    """Steps whose sleeps take the time that they take; something may happen during the first."""

    def __init__(self, world: World, happens: Callable[[], object] | None = None) -> None:
        super().__init__()
        self._world = world
        self._happens = happens

    def sleep(self, seconds: float) -> None:
        if self._happens is not None:
            self._happens()
            self._happens = None
        self._world.clock.advance(seconds)
        super().sleep(seconds)


def run(world: World, job: Job, happens: Callable[[], object] | None = None) -> Any:
    return world.run(job, Timed(world, happens))


def test_a_release_puts_up_what_the_alias_points_to(world: World) -> None:
    first = world.deployments()[1]
    change(world, deployment_id=first.id)
    job = ask(world)
    assert world.alias().is_in_line is False
    assert run(world, job) == {"script": LIVE, "deployment": first.id}
    assert world.code() == first.commit
    assert world.alias().is_in_line
    event = world.events("app_0001")[-1]
    assert (event.tag, event.actor, event.payload["deployment"]) == (
        Tag.ENVIRONMENT_RELEASED,
        job.id,
        first.id,
    )


def test_what_is_in_line_is_not_put_up_again(world: World) -> None:
    before = puts(world)
    with world.records.begin() as tx:
        job = ask_for_release(tx, world.alias())
    assert run(world, job)["deployment"] == world.deployments()[0].id
    assert puts(world) == before


def test_of_ten_that_wait_the_first_does_the_work_of_all(world: World) -> None:
    before = puts(world)
    for job in [ask(world) for _ in range(10)]:
        run(world, job)
    assert puts(world) == before + 1


@pytest.mark.parametrize("moment", ["crash_before", "crash_after"])
@pytest.mark.parametrize("number", [1, 2])
def test_a_crash_at_any_step_changes_nothing(world: World, moment: str, number: int) -> None:
    first = world.deployments()[1]
    world.rollback(first.id)
    (job,) = world.new_jobs()
    steps = FakeSteps()
    setattr(steps, moment, number)
    with pytest.raises(Crashed):
        world.run(job, steps)
    steps.restart()
    world.run(job, steps)
    assert steps.step_names == ["put up", "see what is live"]
    assert world.code() == first.commit
    assert world.alias().is_in_line


@pytest.mark.parametrize("is_late", [False, True])
def test_a_death_while_it_is_put_up_is_made_up_for_by_whoever_comes_next(
    world: World, *, is_late: bool
) -> None:
    first = world.deployments()[1]
    world.rollback(first.id)
    (job,) = world.new_jobs()

    def die() -> None:
        raise Crashed("killed")

    world.during(LIVE, die, is_late=is_late)
    with pytest.raises(Crashed):
        run(world, job)
    assert world.alias().holder == job.id
    other = ask(world)
    assert other.id != job.id
    begun = world.clock()
    run(world, other)
    assert world.clock() - begun >= LEASE  # it waited until the hold was over
    assert world.code() == first.commit
    assert world.alias().is_in_line


def test_an_outage_is_waited_for_without_holding_the_alias(world: World) -> None:
    first = world.deployments()[1]
    world.rollback(first.id)
    (job,) = world.new_jobs()
    holders = list[str | None]()

    def away() -> None:
        holders.append(world.alias().holder)
        raise RemoteUnavailable("putting up: 503")

    for _ in range(2):
        world.during(LIVE, away)
    steps = FakeSteps()
    world.run(job, steps)
    assert holders == [job.id] * 2
    assert steps.waited_for == ["putting up: 503"] * 2
    assert world.code() == first.commit


def test_nobody_holds_an_alias_between_two_tries(world: World) -> None:
    job, seen = ask(world), list[Alias]()
    world.scripts.fail_next(RemoteUnavailable("503"), call="put")

    class Looking(FakeSteps):
        def run(self, name: str, action: Callable[[], Any]) -> Any:
            def attempt() -> Any:
                try:
                    return action()
                finally:
                    seen.append(world.alias())

            return super().run(name, attempt)

    world.run(job, Looking())
    assert (seen[0].holder, seen[0].is_settled) == (None, False)
    assert seen[1].is_in_line


def test_turns_are_taken(world: World) -> None:
    job = ask(world)
    change(world, holder="dpl_other", held_until=world.clock() + timedelta(seconds=60))
    before = puts(world)

    def let_go() -> None:
        assert puts(world) == before
        change(world, holder=None, held_until=None)

    run(world, job, let_go)
    assert puts(world) == before + 1


def test_who_never_gets_a_turn_gives_up(world: World) -> None:
    job = ask(world)
    change(world, holder="dpl_other", held_until=world.clock() + timedelta(days=1))
    with pytest.raises(RemoteRefused) as refused:
        run(world, job)
    assert refused.value.error_code == "release:no-turn"


def test_a_change_while_it_is_put_up_is_put_up_too(world: World) -> None:
    first, second = world.deployments()[1], world.deployments()[0]
    world.rollback(first.id)
    (job,) = world.new_jobs()
    decided = list[Job]()
    world.during(LIVE, lambda: decided.append(world.resume().job), is_late=True)
    assert run(world, job)["deployment"] == second.id
    assert world.code() == second.commit
    before = puts(world)
    run(world, decided[0])
    assert puts(world) == before


def test_what_is_asked_for_while_it_is_put_up_is_done_by_the_same_release(world: World) -> None:
    job, other = ask(world), list[Job]()
    world.during(LIVE, lambda: other.append(ask(world)))
    before = puts(world)
    run(world, job)
    assert puts(world) == before + 2
    assert world.alias().is_in_line
    run(world, other[0])
    assert puts(world) == before + 2


def test_a_hold_that_was_lost_on_the_way_is_noticed(world: World) -> None:
    first = world.deployments()[1]
    world.rollback(first.id)
    (job,) = world.new_jobs()

    def lose_it() -> None:
        change(world, holder="job_other", held_until=world.clock() + timedelta(seconds=30))

    world.during(LIVE, lose_it, is_late=True)
    before = puts(world)
    run(world, job)
    assert puts(world) == before + 2
    assert world.alias().is_in_line
    assert world.code() == first.commit


# ----------------------------------------------------------------------------------------------- refusals


def test_a_refused_rollback_leaves_all_as_it_was(world: World) -> None:
    before = world.alias()
    first, second = world.deployments()[1], world.deployments()[0]
    world.rollback(first.id)
    (job,) = world.new_jobs()
    world.scripts.fail_next(ScriptRefused("it does not start"), call="put")
    with pytest.raises(ScriptRefused):
        run(world, job)
    world.run_queue()
    assert world.code() == second.commit
    after = world.alias()
    assert (after.deployment_id, after.is_pinned, after.order) == (second.id, False, before.order)
    assert after.is_in_line
    world.deploy(a_run(3))
    assert world.code() == a_run(3).commit


def test_a_refusal_does_not_undo_what_was_decided_meanwhile(world: World) -> None:
    first, second = world.deployments()[1], world.deployments()[0]
    world.rollback(first.id)
    (job,) = world.new_jobs()

    def refuse() -> None:
        world.rollback(second.id)
        raise ScriptRefused("it does not start")

    world.during(LIVE, refuse)
    with pytest.raises(ScriptRefused):
        run(world, job)
    world.run_queue()
    assert (world.alias().deployment_id, world.alias().is_pinned) == (second.id, True)
    assert world.code() == second.commit


def test_a_refusal_does_not_go_back_to_what_was_stopped_meanwhile(world: World) -> None:
    stopped, target = world.deployments()[0], world.deployments()[1]
    world.rollback(target.id)
    (job,) = world.new_jobs()
    with world.records.begin() as tx:
        tx.deployments.save(replace(stopped, status=Status.ERROR))
    world.scripts.fail_next(ScriptRefused("it does not start"), call="put")
    with pytest.raises(ScriptRefused):
        run(world, job)
    assert world.alias().deployment_id == target.id
    assert not world.alias().is_in_line


def test_a_refused_change_stays_to_be_put_up(world: World) -> None:
    job = ask(world)
    world.scripts.fail_next(ScriptRefused("too large"), call="put")
    with pytest.raises(ScriptRefused):
        run(world, job)
    assert world.alias().deployment_id == world.deployments()[0].id
    assert not world.alias().is_in_line
    run(world, ask(world))
    assert world.alias().is_in_line


# ------------------------------------------------------------------------------------------- nothing to show


def test_what_shows_nothing_is_taken_down(world: World) -> None:
    change(world, expired_at=world.clock())
    assert run(world, ask(world)) == {"script": LIVE, "deployment": None}
    assert world.code() is None
    assert world.alias().is_in_line


def test_a_script_that_is_anothers_is_not_taken_down(world: World) -> None:
    world.scripts.upload(NAMESPACE, LIVE, ["app-another1"])
    change(world, expired_at=world.clock())
    run(world, ask(world))
    assert LIVE in world.scripts.namespaces[NAMESPACE]


@pytest.mark.parametrize("status", [Status.ERROR, Status.CANCELLED, Status.REMOVED])
def test_what_was_stopped_is_left_to_others(world: World, status: Status) -> None:
    with world.records.begin() as tx:
        tx.deployments.save(replace(world.deployments()[0], status=status))
    before, code = puts(world), world.code()
    run(world, ask(world))
    assert (puts(world), world.code()) == (before, code)


@pytest.mark.parametrize("moment", ["before", "during"])
@pytest.mark.parametrize("how", ["is being deleted", "is deleted"])
def test_an_app_that_is_going_has_nothing_put_up(world: World, moment: str, how: str) -> None:
    def go() -> None:
        world.scripts.delete_tagged(NAMESPACE, "app-slug0001")
        with world.records.begin() as tx:
            if how == "is deleted":
                tx.aliases.forget("app_0001")
                tx.apps.remove("app_0001")
            else:
                tx.apps.save(replace(world.current(), status=AppStatus.DELETING))

    job = ask(world)
    if moment == "before":
        go()
    else:
        world.during(LIVE, go)
    run(world, job)
    assert world.scripts.namespaces[NAMESPACE] == {}


def test_what_a_run_put_up_by_itself_is_left_alone() -> None:
    world = World(WITHOUT_GATEWAY)
    world.app()
    world.start(a_run(1))
    live = world.finish(a_run(1))
    assert run(world, ask(world)) == {"script": LIVE, "deployment": live.id}
    assert puts(world) == 0


def test_what_nothing_was_ever_meant_for_is_nothing_to_do(world: World) -> None:
    with world.records.begin() as tx:
        alias = Alias("app_0001", "staging-slug0001", Environment.STAGING, "live-staging", world.clock())
        job = tx.jobs.enqueue(JobType.RELEASE, alias.app_id, {"script": alias.script})
    assert run(world, job) == {"script": "staging-slug0001", "deployment": None}
