"""A fork's preview is put up once, whatever crashes or races, and as long as it may be there."""

from dataclasses import replace

import pytest

from app.domain.aliases import LEASE
from app.domain.deployments import Status
from app.domain.jobs import JobType
from app.errors import Conflict, RemoteRefused
from app.pipeline.expire import sweep
from app.pipeline.known import alias_of
from tests.fakes.jobs import Crashed, FakeSteps
from tests.unit.pipeline.forks import SCRIPT, UNTRUSTED, Fork, approved, crashing, shown, the_job
from tests.unit.pipeline.world import World

DAY = 86400


@pytest.fixture
def fork(world: World) -> Fork:
    world.app()
    return Fork(world)


# -------------------- once


@pytest.mark.parametrize("step", range(1, 7))
@pytest.mark.parametrize("moment", ["before", "after"])
def test_it_survives_a_crash_at_every_step(fork: Fork, world: World, step: int, moment: str) -> None:
    commit = approved(fork)
    steps, job = crashing(moment, step), the_job(world)
    with pytest.raises(Crashed):
        world.run(job, steps)
    steps.restart()
    world.run(job, steps)
    world.run_queue()
    assert fork.shown == commit
    assert fork.deployment.status is Status.READY
    assert len(world.scripts.namespaces[UNTRUSTED]) == 2


def test_a_process_that_dies_while_putting_up_is_waited_for(fork: Fork, world: World) -> None:
    """Its hold is still there when the job begins again: the next one waits for its end."""
    commit = approved(fork)
    job, steps = the_job(world), Waiting(world)
    steps.crash_before = 5
    with pytest.raises(Crashed):
        world.run(job, steps)
    steps.restart()
    with world.records.begin() as tx:
        alias = alias_of(tx, fork.deployment, world.clock())
        held_until = world.clock() + LEASE
        tx.aliases.save(replace(alias, holder=fork.deployment.id, held_until=held_until))
    world.run(job, steps)
    assert LEASE.total_seconds() <= sum(steps.slept) < LEASE.total_seconds() + 10
    world.run_queue()
    assert fork.shown == commit


class Waiting(FakeSteps):
    """Steps whose sleeps let the clock go on."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        self.world.clock.advance(seconds)


def test_asked_for_twice_it_is_put_up_once(fork: Fork, world: World) -> None:
    shown(fork)
    puts = world.scripts.faults.calls.count("put")
    fork.comment()
    world.run_queue()
    assert world.scripts.faults.calls.count("put") == puts
    assert len(world.deployments()) == 1


def test_two_jobs_at_once_make_one_deployment(fork: Fork, world: World) -> None:
    commit = approved(fork)
    fork.comment()
    first = the_job(world)
    steps = crashing("before", 5)
    with pytest.raises(Crashed):
        world.run(first, steps)
    world.run_queue()
    steps.restart()
    assert world.run(first, steps)["status"] == Status.READY
    assert len(world.deployments()) == 1
    assert fork.shown == commit


def test_others_who_put_the_preview_up_are_waited_for_but_not_for_ever(fork: Fork, world: World) -> None:
    first = shown(fork, "a")
    approved(fork, "b")
    job = the_job(world)
    with world.records.begin() as tx:
        alias = tx.aliases.get(SCRIPT)
        assert alias is not None
        tx.aliases.save(replace(alias, holder="job_x", held_until=world.clock().replace(year=2030)))
    with pytest.raises(RemoteRefused, match="others kept putting its script up"):
        world.run(job)
    assert fork.shown == first
    assert world.deployments()[0].status is Status.ERROR


# -------------------- the end


def test_closing_the_pull_request_takes_it_down(fork: Fork, world: World) -> None:
    shown(fork)
    fork.close()
    world.run_queue()
    assert world.scripts.namespaces[UNTRUSTED] == {}
    assert fork.deployment.status is Status.REMOVED
    assert "This pull request is closed: its preview was removed." in fork.said


@pytest.mark.parametrize("step", range(1, 7))
@pytest.mark.parametrize("is_retired_first", [True, False])
def test_a_pull_request_that_is_closed_meanwhile_shows_nothing(
    fork: Fork, world: World, step: int, *, is_retired_first: bool
) -> None:
    approved(fork)
    steps, job = crashing("before", step), the_job(world)
    with pytest.raises(Crashed):
        world.run(job, steps)
    world.forget_queue()
    fork.close()
    if is_retired_first:
        world.run_queue()
    steps.restart()
    world.run(job, steps)
    world.run_queue()
    assert world.scripts.namespaces[UNTRUSTED] == {}
    assert not [it for it in world.deployments() if it.status in {Status.DEPLOYING, Status.READY}]


def test_a_commit_of_a_pull_request_that_is_closed_is_not_begun(fork: Fork, world: World) -> None:
    approved(fork)
    job = the_job(world)
    world.pull(replace(world.known_pull(), is_open=False))
    assert "skipped" in world.run(job)
    assert world.deployments() == []


def test_reopening_shows_an_approved_commit_again_when_its_new_run_ends(fork: Fork, world: World) -> None:
    commit = shown(fork)
    fork.close()
    world.run_queue()
    fork.close("reopened")
    fork.push("a", is_heard=False)
    fork.end(commit)
    world.run_queue()
    assert fork.shown == commit
    assert [it.status for it in world.deployments()] == [Status.READY, Status.REMOVED]


def test_it_expires_and_comes_back_when_it_is_asked_for_again(fork: Fork, world: World) -> None:
    commit = shown(fork)
    world.clock.advance(8 * DAY)
    sweep(world.records, world.clock())
    world.run_queue()
    assert world.scripts.namespaces[UNTRUSTED] == {}
    assert "has expired: say `/preview` again" in fork.said
    fork.comment()
    world.run_queue()
    assert fork.shown == commit
    assert fork.deployment.namespace == UNTRUSTED


def test_it_is_neither_promoted_nor_repeated(fork: Fork, world: World) -> None:
    shown(fork)
    for decide in (world.promote, world.redeploy):
        with pytest.raises(Conflict) as refused:
            decide(fork.deployment.id)
        assert refused.value.error_code == "deployment:from-fork"


def test_an_app_that_is_deleted_takes_it_along(fork: Fork, world: World) -> None:
    shown(fork)
    with world.records.begin() as tx:
        tx.jobs.enqueue(JobType.DELETE, "app_0001", {"keep_repository": True})
    world.run_queue()
    assert world.scripts.namespaces[UNTRUSTED] == {}


@pytest.mark.parametrize("is_gone", [True, False])
def test_an_app_that_is_gone_or_going_shows_nothing(fork: Fork, world: World, *, is_gone: bool) -> None:
    approved(fork)
    job = the_job(world)
    with world.records.begin() as tx:
        if is_gone:
            tx.apps.remove("app_0001")
        else:
            tx.apps.save(replace(tx.apps.get("app_0001"), repository=None))
    assert "skipped" in world.run(job)


def test_nobody_shows_what_nobody_approved(fork: Fork, world: World) -> None:
    commit = fork.push()
    fork.end(commit)
    with world.records.begin() as tx:
        job = tx.jobs.enqueue(JobType.FORK_PREVIEW, "app_0001", {"pull_request": 7, "commit": commit})
    assert world.run(job) == {"skipped": "nobody has approved it"}
    assert world.deployments() == []
