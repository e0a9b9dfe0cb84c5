"""A deployment whose own address was taken down answers there again, with the same bytes."""

from collections.abc import Callable

import pytest

from app.domain.environments import Environment
from app.domain.events import Tag
from app.domain.jobs import Job, JobType
from app.errors import Conflict, Gone, NotFound
from app.pipeline.expire import sweep
from app.pipeline.restore import request_restore
from app.pipeline.retire import request_deletion
from app.ports import Upload
from tests.builders import a_pull
from tests.fakes.jobs import Crashed, FakeSteps
from tests.unit.pipeline.runs import a_pull_run, a_run
from tests.unit.pipeline.world import NAMESPACES, World

PREVIEWS = NAMESPACES[Environment.PREVIEW]
SCRIPT = "preview-pr7-slug0001"
DAY = 86400


@pytest.fixture
def world(world: World) -> World:
    world.app()
    world.pull(a_pull(7))
    return world


def expired(world: World) -> str:
    """Return the id of a preview's deployment whose time is over."""
    deployment = world.deploy(a_pull_run())
    let_pass(world, 8)
    return deployment.id


def let_pass(world: World, days: float) -> None:
    world.clock.advance(days * DAY)
    sweep(world.records, world.clock())
    world.run_queue()


def ask(world: World, deployment_id: str) -> Job | None:
    with world.records.begin() as tx:
        return request_restore(tx, deployment_id, actor="ada")[1]


def test_an_expired_preview_answers_again_at_both_addresses(world: World) -> None:
    deployment_id = expired(world)
    assert not world.scripts.namespaces[PREVIEWS]
    assert ask(world, deployment_id) is not None
    world.run_queue()
    (deployment,) = world.deployments()
    assert set(world.scripts.namespaces[PREVIEWS]) == {SCRIPT, deployment.own_script}
    assert world.code(SCRIPT) == world.code(deployment.own_script or "") == deployment.commit
    restored = next(event for event in world.events(deployment_id) if event.tag is Tag.DEPLOYMENT_RESTORED)
    assert restored.actor == "ada"


def test_what_was_restored_expires_again(world: World) -> None:
    ask(world, expired(world))
    world.run_queue()
    let_pass(world, 6.9)
    assert len(world.scripts.namespaces[PREVIEWS]) == 2
    let_pass(world, 0.2)
    assert not world.scripts.namespaces[PREVIEWS]


def test_an_older_deployment_comes_back_at_its_own_address_alone(world: World) -> None:
    first = world.deploy(a_pull_run(1))
    second = world.deploy(a_pull_run(2))
    let_pass(world, 8)
    ask(world, first.id)
    world.run_queue()
    assert set(world.scripts.namespaces[PREVIEWS]) == {first.own_script}
    assert second.own_script != first.own_script


def test_what_answers_already_needs_no_job(world: World) -> None:
    deployment = world.deploy(a_run())
    assert ask(world, deployment.id) is None


def test_what_never_was_put_up_cannot_be_restored(world: World) -> None:
    world.start(a_run())
    failed = world.finish(a_run(), "failure")
    with pytest.raises(Conflict) as refused:
        ask(world, failed.id)
    assert refused.value.error_code == "deployment:no-bundle"


def test_nothing_comes_back_of_a_deleted_app(world: World) -> None:
    deployment_id = expired(world)
    with world.records.begin() as tx:
        tx.apps.remove("app_0001")
    with pytest.raises(Gone):
        ask(world, deployment_id)
    with pytest.raises(NotFound):
        ask(world, "dpl_unknown")


@pytest.mark.parametrize("position", [1, 2])
@pytest.mark.parametrize("moment", ["crash_before", "crash_after"])
def test_a_crash_in_the_middle_is_made_good(world: World, position: int, moment: str) -> None:
    job = ask(world, expired(world))
    assert job is not None
    world.forget_queue()
    steps = FakeSteps()
    setattr(steps, moment, position)
    with pytest.raises(Crashed):
        world.run(job, steps)
    steps.restart()
    world.run(job, steps)
    world.run_queue()
    (deployment,) = world.deployments()
    assert deployment.has_own_address
    assert world.code(SCRIPT) == deployment.commit
    assert len(world.jobs(JobType.RESTORE)) == 1


# ---------------------------------------------------------------------------------- what changes meanwhile


def ask_again(world: World, deployment_id: str) -> None:
    """Ask as reconciling does for what is gone although it is to answer."""
    with world.records.begin() as tx:
        arguments = {"deployment": deployment_id, "actor": "job", "again": True}
        tx.jobs.enqueue(JobType.RESTORE, "app_0001", arguments)


def during_put(world: World, act: Callable[[], object]) -> None:
    """Have something happen while the next script is put up."""
    put = world.scripts.put

    def put_meanwhile(namespace: str, script: str, upload: Upload) -> str | None:
        world.scripts.put = put  # type: ignore[method-assign]
        act()
        return put(namespace, script, upload)

    world.scripts.put = put_meanwhile  # type: ignore[method-assign]


def test_what_is_put_up_again_is_not_brought_back_from_where_it_was_taken_down(world: World) -> None:
    deployment = world.deploy(a_pull_run())
    ask_again(world, deployment.id)
    let_pass(world, 8)
    assert not world.scripts.namespaces[PREVIEWS]
    assert not world.deployments()[0].has_own_address


def test_what_is_taken_down_while_it_is_put_up_again_goes_once_more(world: World) -> None:
    deployment = world.deploy(a_pull_run())
    ask_again(world, deployment.id)

    def take_down() -> None:
        world.clock.advance(8 * DAY)
        sweep(world.records, world.clock())
        world.scripts.namespaces[PREVIEWS].clear()

    during_put(world, take_down)
    world.run_queue()
    assert not world.scripts.namespaces[PREVIEWS]
    assert not world.deployments()[0].has_own_address


def test_what_was_restored_while_its_app_is_deleted_does_not_stay(world: World) -> None:
    job = ask(world, expired(world))
    assert job is not None

    def delete() -> None:
        with world.records.begin() as tx:
            request_deletion(tx, "app_0001", keep_repository=True, at=world.clock(), actor="ada")

    during_put(world, delete)
    world.run(job)
    assert not world.scripts.namespaces[PREVIEWS]
