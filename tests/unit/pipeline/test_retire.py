"""What is closed, deleted or gone is taken down; what is not ours stays."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from app.domain.apps import AppStatus
from app.domain.deployments import Status
from app.domain.environments import Environment
from app.domain.events import Tag
from app.domain.jobs import Job, JobType
from app.domain.runs import RunReport
from app.errors import Conflict, NotFound, RemoteForbidden, RemoteRefused, RemoteUnavailable
from app.pipeline.retire import request_deletion
from app.ports import Upload
from tests.builders import a_deployment, a_pull
from tests.fakes.jobs import Crashed, FakeSteps
from tests.unit.pipeline.runs import a_pull_run, a_run, statuses, what_github_says
from tests.unit.pipeline.world import NAMESPACES, World

SCRIPT = "preview-pr7-slug0001"
BRANCH_SCRIPT = "preview-slug0001"
PREVIEWS = NAMESPACES[Environment.PREVIEW]
OURS = ["app-slug0001", "env-preview"]


@pytest.fixture
def world(world: World) -> World:
    world.app()
    return world


def ask(world: World, **arguments: Any) -> Job:
    with world.records.begin() as tx:
        return tx.jobs.enqueue(JobType.RETIRE, "app_0001", arguments)


def deploy(world: World, report: RunReport | None = None) -> None:
    """Let a run go live, with its script."""
    world.deploy(report or a_pull_run())


def close(world: World) -> Job:
    """Hear that the pull request was closed."""
    with world.records.begin() as tx:
        pull = tx.pulls.get("app_0001", 7) or a_pull(7)
        tx.pulls.save(replace(pull, is_open=False))
    return ask(world, pull_request=7)


# ---------------------------------------------------------------------------------------------- pull requests


def test_a_closed_pull_request_leaves_nothing_behind(world: World) -> None:
    world.pull(a_pull(7))
    deploy(world)
    job = close(world)
    steps = FakeSteps()
    assert world.run(job, steps) == {"script": SCRIPT, "removed": True}
    assert steps.step_names == [
        "look whether it stays",
        "cancel runs",
        "delete scripts",
        "record removal",
        "write comment",
    ]
    assert world.scripts.namespaces[PREVIEWS] == {}
    assert statuses(world) == {1: Status.REMOVED}
    (comment,) = world.repository().comments.values()
    assert "its preview was removed" in comment.body


@pytest.mark.parametrize("moment", ["crash_before", "crash_after"])
@pytest.mark.parametrize("number", [1, 2, 3, 4, 5])
def test_a_crash_at_any_step_changes_nothing(world: World, moment: str, number: int) -> None:
    world.pull(a_pull(7))
    deploy(world)
    job = close(world)
    steps = FakeSteps()
    setattr(steps, moment, number)
    with pytest.raises(Crashed):
        world.run(job, steps)
    steps.restart()
    world.run(job, steps)
    assert world.scripts.namespaces[PREVIEWS] == {}
    assert statuses(world) == {1: Status.REMOVED}
    assert len(world.repository().comments) == 1
    assert world.tags().count(Tag.DEPLOYMENT_REMOVED) == 1


def test_what_is_gone_already_is_fine(world: World) -> None:
    job = close(world)
    assert world.run(job) == {"script": SCRIPT, "removed": False}
    assert world.run(close(world)) == {"script": SCRIPT, "removed": False}


def test_what_was_put_up_again_meanwhile_goes_too(world: World) -> None:
    world.pull(a_pull(7))
    deploy(world)
    world.forget_queue()
    job = close(world)
    delete, put_again = world.scripts.delete_tagged, list[bool]()

    def put_it_again(namespace: str, tag: str) -> None:
        """A release that began before puts the preview up right after it was deleted."""
        delete(namespace, tag)
        world.scripts.upload(PREVIEWS, SCRIPT, OURS)
        put_again.append(True)

    world.scripts.delete_tagged = put_it_again  # type: ignore[method-assign]
    world.run(job)
    assert put_again
    world.run_queue()
    assert SCRIPT not in world.scripts.namespaces[PREVIEWS]


@pytest.mark.parametrize("tags", [["app-otherone"], ["env-preview"], ["app-slug00012"]])
def test_a_script_that_is_not_ours_stays(world: World, tags: list[str]) -> None:
    world.scripts.upload(PREVIEWS, SCRIPT, tags)
    with pytest.raises(RemoteRefused, match="not app-1's") as refused:
        world.run(close(world))
    assert refused.value.error_code == "script:not-ours"
    assert SCRIPT in world.scripts.namespaces[PREVIEWS]


def test_a_script_without_tags_is_ours_by_its_name(world: World) -> None:
    # Its run ended between the upload and the tags.
    world.scripts.upload(PREVIEWS, SCRIPT, [])
    assert world.run(close(world))["removed"] is True


def test_a_look_that_failed_is_no_absence(world: World) -> None:
    world.pull(a_pull(7))
    deploy(world)
    world.scripts.fail_next(RemoteUnavailable("reading tags: 503"), call="tags", times=3)
    steps = FakeSteps()
    world.run(close(world), steps)
    assert steps.waited_for == ["reading tags: 503"] * 3
    assert statuses(world) == {1: Status.REMOVED}


def test_a_refusal_leaves_everything_as_it_was(world: World) -> None:
    world.pull(a_pull(7))
    deploy(world)
    world.scripts.fail_next(RemoteRefused("deleting: forbidden"), call="delete")
    with pytest.raises(RemoteRefused):
        world.run(close(world))
    assert statuses(world) == {1: Status.READY}


def test_a_pull_request_that_is_open_again_keeps_its_preview(world: World) -> None:
    world.pull(a_pull(7))
    deploy(world)
    job = ask(world, pull_request=7)
    assert world.run(job) == {"skipped": "pull request #7 is open again"}
    assert SCRIPT in world.scripts.namespaces[PREVIEWS]


@pytest.mark.parametrize("number", [2, 3, 4])
@pytest.mark.parametrize("is_live", [True, False])
def test_a_pull_request_opened_again_meanwhile_gets_its_new_preview(
    world: World, number: int, *, is_live: bool
) -> None:
    world.pull(a_pull(7))
    deploy(world, a_pull_run(1))
    job = close(world)
    steps = FakeSteps(crash_before=number)
    with pytest.raises(Crashed):
        world.run(job, steps)
    world.clock.advance(1)
    world.pull(replace(world.known_pull(), is_open=True))
    _runner(world, a_pull_run(2))
    world.hear(what_github_says(a_pull_run(2), "requested"))
    if is_live:
        deploy(world, a_pull_run(2))
    steps.restart()
    world.run(job, steps)
    assert world.repository().runs[-1].run.conclusion is None
    if not is_live:
        deploy(world, a_pull_run(2))
    assert statuses(world) == {1: Status.REMOVED, 2: Status.READY}
    assert SCRIPT in world.scripts.namespaces[PREVIEWS]


def test_a_branch_pushed_again_meanwhile_gets_its_new_preview(world: World) -> None:
    deploy(world, a_run(1, branch="lab"))
    job = ask(world, branch="lab")
    world.clock.advance(1)
    deploy(world, a_run(2, branch="lab"))
    assert world.run(job) == {"script": BRANCH_SCRIPT, "removed": False}
    assert statuses(world) == {1: Status.REMOVED, 2: Status.READY}
    assert BRANCH_SCRIPT in world.scripts.namespaces[PREVIEWS]


def test_a_run_that_may_not_be_cancelled_is_no_reason_to_stay(world: World) -> None:
    world.pull(a_pull(7))
    deploy(world, a_pull_run(1))
    world.start(a_pull_run(2))
    world.host.fail_next(RemoteForbidden("cancelling: no permission"), call="cancel")
    assert world.run(close(world))["removed"] is True
    assert statuses(world) == {1: Status.REMOVED, 2: Status.CANCELLED}


def test_runs_on_their_way_are_stopped(world: World) -> None:
    world.pull(a_pull(7))
    _runner(world, a_pull_run())
    world.start(a_pull_run())
    world.run(close(world))
    assert world.repository().runs[0].run.conclusion == "cancelled"
    assert statuses(world) == {1: Status.CANCELLED}


def test_a_run_that_github_forgot_stops_nothing(world: World) -> None:
    world.pull(a_pull(7))
    world.start(a_pull_run())
    world.run(close(world))
    assert statuses(world) == {1: Status.CANCELLED}


def test_an_upload_that_ends_after_the_closing_is_taken_down_again(world: World) -> None:
    world.pull(a_pull(7))
    plan = world.start(a_pull_run())
    world.run(close(world))
    world.forget_queue()
    world.scripts.upload(PREVIEWS, SCRIPT, plan.tags)
    world.finish(a_pull_run())
    world.run_queue()
    assert world.scripts.namespaces[PREVIEWS] == {}


def test_a_late_upload_does_not_take_a_reopened_preview_down(world: World) -> None:
    world.pull(a_pull(7))
    _runner(world, a_pull_run(1))
    plan = world.start(a_pull_run(1))
    world.run(close(world))
    world.pull(replace(world.known_pull(), is_open=True))
    world.finish(a_pull_run(1))
    deploy(world, a_pull_run(2))
    world.scripts.upload(PREVIEWS, SCRIPT, plan.tags)
    world.run_queue()
    assert SCRIPT in world.scripts.namespaces[PREVIEWS]
    assert statuses(world)[2] is Status.READY


def test_a_deleted_app_is_left_alone(world: World) -> None:
    job = close(world)
    with world.records.begin() as tx:
        tx.apps.remove("app_0001")
    assert world.run(job) == {"skipped": "the app is deleted"}


# --------------------------------------------------------------------------------------------------- branches


def test_a_deleted_branch_leaves_nothing_behind(world: World) -> None:
    deploy(world, a_run(branch="lab"))
    world.forget_queue()
    assert world.run(ask(world, branch="lab")) == {"script": BRANCH_SCRIPT, "removed": True}
    world.run_queue()
    assert world.scripts.namespaces[PREVIEWS] == {}
    assert world.alias(BRANCH_SCRIPT).deployment_id is None
    assert statuses(world) == {1: Status.REMOVED}
    assert world.repository().comments == {}


@pytest.mark.parametrize("is_live", [True, False])
def test_a_preview_that_another_branch_took_over_stays(world: World, *, is_live: bool) -> None:
    deploy(world, a_run(1, branch="lab"))
    job = ask(world, branch="lab")
    if is_live:
        deploy(world, a_run(2, branch="other"))
    else:
        world.start(a_run(2, branch="other"))
    assert world.run(job) == {"skipped": "it shows branch other now"}
    assert BRANCH_SCRIPT in world.scripts.namespaces[PREVIEWS]


@pytest.mark.parametrize("is_uploading", [True, False])
def test_a_branch_that_never_went_live_takes_no_other_down(world: World, *, is_uploading: bool) -> None:
    deploy(world, a_run(1, branch="lab"))
    world.hear(what_github_says(a_run(2, branch="other"), "in_progress"))
    if is_uploading:
        world.start(a_run(2, branch="other"))
    assert world.run(ask(world, branch="other")) == {"script": BRANCH_SCRIPT, "removed": False}
    assert BRANCH_SCRIPT in world.scripts.namespaces[PREVIEWS]
    assert statuses(world) == {1: Status.READY, 2: Status.CANCELLED}


def test_a_late_upload_is_taken_down_although_another_branch_was_live_before(world: World) -> None:
    deploy(world, a_run(1, branch="lab"))
    deploy(world, a_run(2, branch="other"))
    plan = world.start(a_run(3, branch="other"))
    world.forget_queue()
    world.run(ask(world, branch="other"))
    world.run_queue()
    assert world.scripts.namespaces[PREVIEWS] == {}
    world.scripts.upload(PREVIEWS, BRANCH_SCRIPT, plan.tags)
    world.finish(a_run(3, branch="other"))
    world.run_queue()
    assert world.scripts.namespaces[PREVIEWS] == {}


# ------------------------------------------------------------------------------------------------ whole apps


def delete(world: World, *, keep_repository: bool = False) -> Job:
    with world.records.begin() as tx:
        return request_deletion(tx, "app-1", keep_repository=keep_repository, at=world.clock(), actor="token")


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


def _runner(world: World, report: RunReport) -> None:
    """Have the host know a run."""
    repository = world.repository()
    repository.branches[report.branch] = world.know(report.commit)
    world.host.start_run(repository, report.branch, report.event)
    started = repository.runs[-1]
    run = replace(started.run, id=report.run_id, number=report.run_number)
    repository.runs[-1] = replace(started, run=run)


def test_a_deletion_whose_end_was_not_kept_meets_the_same_steps_when_the_app_is_gone(world: World) -> None:
    everything(world)
    job, steps = delete(world), FakeSteps()
    result = world.run(job, steps)
    steps.restart()
    assert world.run(job, steps) == result
    assert steps.unmet == 0
