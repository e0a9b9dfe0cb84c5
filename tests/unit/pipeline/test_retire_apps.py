"""A whole app is deleted: with all that belongs to it, once nothing of it is on its way, and nothing else."""

from dataclasses import replace
from datetime import timedelta

import pytest

from app.domain.apps import AppStatus
from app.domain.deployments import Status
from app.domain.events import Tag
from app.domain.jobs import JobType
from app.errors import Conflict, NotFound, RemoteRefused
from app.pipeline.retire import request_deletion
from app.ports import Upload
from tests.builders import a_deployment, a_pull
from tests.fakes.jobs import Crashed, FakeSteps
from tests.unit.pipeline.retiring import BRANCH_SCRIPT, PREVIEWS, delete, deploy
from tests.unit.pipeline.runs import a_pull_run, a_run, statuses, what_github_says
from tests.unit.pipeline.world import World


@pytest.fixture
def world(world: World) -> World:
    world.app()
    return world


def everything(world: World) -> None:
    """Have something of every kind."""
    world.pull(a_pull(7))
    deploy(world, a_run(1))
    deploy(world, a_run(2, branch="staging"))
    deploy(world, a_run(3, branch="lab"))
    deploy(world, a_pull_run(4))
    world.hear(what_github_says(a_pull_run(5), "in_progress"))
    world.scripts.upload(PREVIEWS, "preview-another1", ["app-another1"])


@pytest.mark.parametrize("keep_repository", [False, True])
def test_an_app_is_deleted_with_all_that_belongs_to_it(world: World, *, keep_repository: bool) -> None:
    everything(world)
    job = delete(world, keep_repository=keep_repository)
    assert world.current().status is AppStatus.DELETING
    result = world.run(job)
    assert result == {"scripts": ["preview-pr7-slug0001", "preview-slug0001", "slug0001", "staging-slug0001"]}
    assert world.scripts.namespaces == {
        "live-production": {},
        "live-staging": {},
        "live-preview": {"preview-another1": ["app-another1"]},
        "live-untrusted": {},
    }
    assert ("acme/app-1" in world.host.repositories) is keep_repository
    with pytest.raises(NotFound):
        world.current()
    assert set(statuses(world).values()) == {Status.REMOVED, Status.CANCELLED}
    assert world.tags("app_0001") == [Tag.APP_DELETION_REQUESTED, Tag.APP_DELETED]


STEPS_OF_A_DELETION = 17


@pytest.mark.parametrize("moment", ["crash_before", "crash_after"])
@pytest.mark.parametrize("number", range(1, STEPS_OF_A_DELETION + 1))
def test_a_crash_at_any_step_of_a_deletion_changes_nothing(world: World, moment: str, number: int) -> None:
    everything(world)
    job = delete(world)
    steps = FakeSteps()
    setattr(steps, moment, number)
    with pytest.raises(Crashed):
        world.run(job, steps)
    if number < STEPS_OF_A_DELETION:
        # A run that nobody knew of reports in between.
        with world.records.begin() as tx:
            tx.deployments.add(a_deployment(9, script="preview-pr9-slug0001"))
    steps.restart()
    world.run(job, steps)
    assert steps.unmet == 0
    assert world.scripts.namespaces[PREVIEWS] == {"preview-another1": ["app-another1"]}
    assert "acme/app-1" not in world.host.repositories
    assert world.tags("app_0001") == [Tag.APP_DELETION_REQUESTED, Tag.APP_DELETED]
    assert set(statuses(world).values()) == {Status.REMOVED, Status.CANCELLED}


def test_an_upload_that_ends_while_its_app_is_deleted_leaves_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.start(a_run())
    put = world.scripts.put

    def put_late(namespace: str, script: str, upload: Upload) -> None:
        if script == "slug0001":
            delete(world)
        put(namespace, script, upload)

    monkeypatch.setattr(world.scripts, "put", put_late)
    with pytest.raises(Conflict) as caught:
        world.upload(a_run())
    assert caught.value.error_code == "app:deleted"
    assert not any(world.scripts.namespaces.values())


def test_what_is_being_put_up_is_waited_for(world: World) -> None:
    deploy(world, a_run())
    held_until = world.clock() + timedelta(seconds=60)
    with world.records.begin() as tx:
        tx.aliases.save(replace(world.alias(), holder="job_release", held_until=held_until))
        job = request_deletion(tx, "app_0001", keep_repository=True, at=world.clock(), actor="token")
    steps = FakeSteps()
    sleep = steps.sleep

    def slept(seconds: float) -> None:
        world.clock.advance(seconds)
        sleep(seconds)

    steps.sleep = slept  # type: ignore[method-assign]
    world.run(job, steps)
    assert world.clock() >= held_until


def test_what_was_deployed_long_ago_is_deleted_too(world: World) -> None:
    world.pull(a_pull(7))
    deploy(world, a_run(1))
    deploy(world, a_pull_run(2))
    with world.records.begin() as tx:
        for number in range(3, 1010):
            tx.deployments.add(a_deployment(number, script=BRANCH_SCRIPT, status=Status.REMOVED))
    world.run(delete(world, keep_repository=True))
    assert not any(world.scripts.namespaces.values())


@pytest.mark.parametrize("end", ["finish success", "finish cancelled", "cancelled"])
def test_an_upload_on_its_way_is_waited_for_when_its_app_is_deleted(world: World, end: str) -> None:
    plan = world.start(a_run())
    job = delete(world)

    class Slow(FakeSteps):
        def sleep(self, seconds: float) -> None:
            """Let the run end while the job sleeps, with its script uploaded."""
            super().sleep(seconds)
            world.scripts.upload(plan.deployment.namespace, plan.deployment.script, plan.tags)
            how, _, conclusion = end.partition(" ")
            if conclusion:
                world.finish(a_run(), conclusion)
            else:
                world.hear(what_github_says(a_run(), how))

    steps = Slow()
    world.run(job, steps)
    assert len(steps.slept) == 1
    assert world.scripts.namespaces["live-production"] == {}


def test_an_upload_without_end_is_not_waited_for_for_ever(world: World) -> None:
    world.start(a_run())
    job, steps = delete(world), FakeSteps()
    world.run(job, steps)
    assert 0 < sum(steps.slept) <= 60
    assert statuses(world) == {1: Status.CANCELLED}


def test_an_app_without_a_repository_is_deleted(world: World) -> None:
    with world.records.begin() as tx:
        tx.apps.save(replace(tx.apps.get("app_0001"), status=AppStatus.FAILED, repository=None))
    assert world.run(delete(world)) == {"scripts": []}
    assert "acme/app-1" in world.host.repositories


def test_an_app_whose_repository_is_gone_is_deleted(world: World) -> None:
    deploy(world, a_run(1))
    del world.host.repositories["acme/app-1"]
    world.run(delete(world))
    with pytest.raises(NotFound):
        world.current()


def test_another_repository_of_that_name_is_not_deleted(world: World) -> None:
    # Ours was renamed or deleted, and we did not hear of it.
    del world.host.repositories["acme/app-1"]
    world.host.add_repository("acme/app-1", {"precious.txt": b"mine"})
    with pytest.raises(RemoteRefused) as refused:
        world.run(delete(world))
    assert refused.value.error_code == "repository:not-ours"
    assert world.repository().files("main") == {"precious.txt": b"mine"}
    assert world.current().status is AppStatus.DELETING


@pytest.mark.parametrize("status", [AppStatus.PROVISIONING, AppStatus.DELETING])
def test_an_app_in_motion_is_not_deleted(world: World, status: AppStatus) -> None:
    with world.records.begin() as tx:
        tx.apps.save(replace(tx.apps.get("app_0001"), status=status))
    with pytest.raises(Conflict) as refused:
        delete(world)
    assert refused.value.error_code == f"app:{status}"


@pytest.mark.parametrize("status", [AppStatus.READY, AppStatus.FAILED, AppStatus.DETACHED])
def test_an_app_at_rest_may_be_deleted(world: World, status: AppStatus) -> None:
    with world.records.begin() as tx:
        tx.apps.save(replace(tx.apps.get("app_0001"), status=status))
    assert delete(world).type is JobType.DELETE


def test_a_deletion_whose_end_was_not_kept_meets_the_same_steps_when_the_app_is_gone(world: World) -> None:
    everything(world)
    job, steps = delete(world), FakeSteps()
    result = world.run(job, steps)
    steps.restart()
    assert world.run(job, steps) == result
    assert steps.unmet == 0
