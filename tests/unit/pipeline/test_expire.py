"""Previews end some days after the last push, and old deployments give their own addresses back."""

from dataclasses import replace

import pytest

from app.domain.environments import Environment
from app.domain.events import Tag
from app.domain.jobs import JobType
from app.errors import RemoteForbidden, RemoteUnavailable
from app.pipeline.expire import sweep
from tests.builders import a_pull
from tests.fakes.jobs import Crashed, FakeSteps
from tests.unit.pipeline.runs import a_pull_run, a_run
from tests.unit.pipeline.world import NAMESPACES, PLATFORM, World

PREVIEWS = NAMESPACES[Environment.PREVIEW]
PRODUCTION = NAMESPACES[Environment.PRODUCTION]
SCRIPT = "preview-pr7-slug0001"
DAY = 86400


@pytest.fixture
def world() -> World:
    world = World(replace(PLATFORM, kept_deployments=2))
    world.app()
    return world


def preview(world: World, number: int = 1) -> str:
    """Deploy a push to the pull request, and return the name of its own script."""
    if number == 1:
        world.pull(a_pull(7))
    own = world.deploy(a_pull_run(number)).own_script
    assert own is not None
    world.run_queue()
    return own


def let_pass(world: World, days: float) -> None:
    """Let time pass, and everything be done that it brings."""
    world.clock.advance(days * DAY)
    sweep(world.records, world.clock())
    world.run_queue()


def test_a_preview_ends_with_all_its_addresses_seven_days_after_the_last_push(world: World) -> None:
    own = preview(world)
    let_pass(world, 6.9)
    assert set(world.scripts.namespaces[PREVIEWS]) == {SCRIPT, own}
    let_pass(world, 0.2)
    assert not world.scripts.namespaces[PREVIEWS]
    assert world.alias(SCRIPT).expired_at == world.clock()
    assert {Tag.PREVIEW_EXPIRED, Tag.DEPLOYMENT_EXPIRED} <= set(world.tags())


def test_a_push_renews_the_preview_and_what_was_pushed_before(world: World) -> None:
    first = preview(world)
    let_pass(world, 6)
    second = preview(world, 2)
    let_pass(world, 6)
    assert set(world.scripts.namespaces[PREVIEWS]) == {SCRIPT, first, second}
    let_pass(world, 2)
    assert not world.scripts.namespaces[PREVIEWS]


def test_a_push_after_the_end_brings_the_preview_back(world: World) -> None:
    first = preview(world)
    let_pass(world, 8)
    second = preview(world, 2)
    assert set(world.scripts.namespaces[PREVIEWS]) == {SCRIPT, second}
    assert world.alias(SCRIPT).expired_at is None
    assert first != second


def test_what_is_deployed_to_stay_does_not_expire(world: World) -> None:
    own = world.deploy(a_run()).own_script
    let_pass(world, 1000)
    assert set(world.scripts.namespaces[PRODUCTION]) == {"slug0001", own}


def test_production_keeps_the_own_addresses_of_its_last_deployments(world: World) -> None:
    own = [world.deploy(a_run(number)).own_script for number in (1, 2, 3, 4)]
    world.run_queue()
    assert set(world.scripts.namespaces[PRODUCTION]) == {"slug0001", *own[2:]}
    assert world.code() == f"{4:040x}"


def test_what_is_live_keeps_its_own_address_however_old_it_is(world: World) -> None:
    own = [world.deploy(a_run(1)).own_script]
    with world.records.begin() as tx:
        tx.aliases.save(replace(world.alias(), is_pinned=True))
    own += [world.deploy(a_run(number)).own_script for number in (2, 3, 4)]
    world.run_queue()
    assert set(world.scripts.namespaces[PRODUCTION]) == {"slug0001", own[0], *own[2:]}


def test_two_sweeps_ask_once(world: World) -> None:
    preview(world)
    world.clock.advance(8 * DAY)
    assert sweep(world.records, world.clock()) == 2
    asked = len(world.new_jobs())
    assert sweep(world.records, world.clock()) == 0
    assert len(world.new_jobs()) == asked


def test_a_script_that_is_not_ours_stays(world: World) -> None:
    own = preview(world)
    world.scripts.upload(PREVIEWS, own, ["app-other"])
    world.scripts.upload(PREVIEWS, SCRIPT, [])
    let_pass(world, 8)
    assert set(world.scripts.namespaces[PREVIEWS]) == {SCRIPT, own}


def test_what_was_pushed_again_before_the_job_came_to_it_stays(world: World) -> None:
    own = preview(world)
    world.clock.advance(8 * DAY)
    sweep(world.records, world.clock())
    waiting = world.new_jobs()
    world.forget_queue()
    second = world.deploy(a_pull_run(2)).own_script
    for job in waiting:
        world.run(job)
    assert set(world.scripts.namespaces[PREVIEWS]) == {SCRIPT, second}
    assert world.code(SCRIPT) == f"{2:040x}"
    assert own != second


@pytest.mark.parametrize("moment", ["crash_before", "crash_after"])
def test_a_crash_in_the_middle_leaves_nothing_behind(world: World, moment: str) -> None:
    preview(world)
    world.clock.advance(8 * DAY)
    sweep(world.records, world.clock())
    for job in [job for job in world.new_jobs() if job.type in {JobType.EXPIRE, JobType.RELEASE}]:
        for position in (1, 2) if job.type is JobType.RELEASE else (1,):
            steps = FakeSteps()
            setattr(steps, moment, position)
            with pytest.raises(Crashed):
                world.run(job, steps)
            steps.restart()
            world.run(job, steps)
    assert not world.scripts.namespaces[PREVIEWS]
    assert world.alias(SCRIPT).is_settled


def test_a_failed_look_is_not_taken_for_an_absence(world: World) -> None:
    own = preview(world)
    world.clock.advance(8 * DAY)
    sweep(world.records, world.clock())
    job = world.jobs(JobType.EXPIRE)[-1]
    world.scripts.fail_next(RemoteForbidden("reading tags: not allowed"), call="tags")
    with pytest.raises(RemoteForbidden):
        world.run(job)
    assert own in world.scripts.namespaces[PREVIEWS]
    steps = FakeSteps()
    world.scripts.fail_next(RemoteUnavailable("reading tags: no answer"), call="tags")
    world.run(job, steps)
    assert steps.waited_for == ["reading tags: no answer"]
    assert own not in world.scripts.namespaces[PREVIEWS]


def test_a_promotion_is_as_new_as_its_decision_whatever_run_made_its_bytes(world: World) -> None:
    preview(world)
    first = world.deploy(a_run(2))
    second = world.deploy(a_run(3))
    with world.records.read() as tx:
        source = next(it for it in tx.deployments.find("app_0001") if it.pull_request == 7)
    made = world.promote(source.id).deployment
    world.run_queue()
    world.deploy(a_run(4))
    world.run_queue()
    retired = {it.id for it in world.deployments() if it.retired_at is not None}
    assert retired == {first.id, second.id}
    assert world.code(made.own_script or "") == source.commit
