"""What is closed or deleted is taken down; what is not ours, or was put up again, stays."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from app.domain.deployments import Status
from app.domain.environments import Environment
from app.domain.events import Tag
from app.domain.jobs import Job, JobType
from app.domain.runs import RunReport
from app.errors import RemoteForbidden, RemoteRefused, RemoteUnavailable
from app.pipeline.expire import sweep
from tests.builders import a_pull
from tests.fakes.jobs import Crashed, FakeSteps
from tests.unit.pipeline.heard import accept, pushed
from tests.unit.pipeline.retiring import BRANCH_SCRIPT, PREVIEWS, deploy
from tests.unit.pipeline.runs import a_pull_run, a_run, statuses, what_github_says
from tests.unit.pipeline.world import World

SCRIPT = "preview-pr7-slug0001"
OURS = ["app-slug0001", "env-preview"]


@pytest.fixture
def world(world: World) -> World:
    world.app()
    return world


def ask(world: World, **arguments: Any) -> Job:
    with world.records.begin() as tx:
        return tx.jobs.enqueue(JobType.RETIRE, "app_0001", arguments)


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


# ------------------------------------------------------------------ branches where somebody decided otherwise


@pytest.fixture
def pinned(world: World) -> World:
    """A preview that is held at run 1, of branch a, while run 2, of branch b, has its own address alone."""
    deploy(world, a_run(1, branch="a"))
    world.rollback(world.deployments()[0].id, Environment.PREVIEW)
    deploy(world, a_run(2, branch="b"))
    world.run_queue()
    assert world.code(BRANCH_SCRIPT) == a_run(1).commit
    return world


def end_of(world: World, branch: str, **changes: Any) -> None:
    """Hear that a branch was deleted, and do what that asks for."""
    accept(world, pushed(branch=branch, is_deleted=True, **changes))
    world.run_queue()


def test_a_pin_holds_the_preview_where_it_is_when_another_branch_is_deleted(pinned: World) -> None:
    before = pinned.alias(BRANCH_SCRIPT)
    end_of(pinned, "b")
    assert pinned.alias(BRANCH_SCRIPT) == before
    assert pinned.code(BRANCH_SCRIPT) == a_run(1).commit
    assert _own_codes(pinned) == [a_run(1).commit, None]
    assert statuses(pinned) == {1: Status.READY, 2: Status.REMOVED}


def test_the_branch_that_a_pin_holds_takes_the_preview_along_and_leaves_the_others_addresses(
    pinned: World,
) -> None:
    end_of(pinned, "a")
    alias = pinned.alias(BRANCH_SCRIPT)
    assert (pinned.code(BRANCH_SCRIPT), alias.deployment_id, alias.is_pinned) == (None, None, False)
    assert _own_codes(pinned) == [None, a_run(2).commit]
    assert statuses(pinned) == {1: Status.REMOVED, 2: Status.READY}
    deploy(pinned, a_run(3, branch="b"))
    assert pinned.code(BRANCH_SCRIPT) == a_run(3).commit


def test_what_was_promoted_within_the_preview_stays_when_another_branch_is_deleted(pinned: World) -> None:
    pinned.promote(pinned.deployments()[-1].id, Environment.PREVIEW)
    end_of(pinned, "b")
    assert pinned.code(BRANCH_SCRIPT) == a_run(1).commit
    assert not pinned.alias(BRANCH_SCRIPT).is_pinned


def test_a_pin_is_not_lost_when_its_preview_has_expired_and_another_branch_is_deleted(pinned: World) -> None:
    pinned.clock.advance(timedelta(days=30).total_seconds())
    sweep(pinned.records, pinned.clock())
    pinned.run_queue()
    expired = pinned.alias(BRANCH_SCRIPT)
    end_of(pinned, "b")
    assert expired.expired_at is not None
    assert pinned.alias(BRANCH_SCRIPT) == expired


def test_only_the_runs_of_the_branch_that_a_pin_holds_end_with_it(pinned: World) -> None:
    pinned.hear(what_github_says(a_run(3, branch="a"), "in_progress"))
    pinned.start(a_run(4, branch="b"))
    end_of(pinned, "a")
    assert [statuses(pinned)[number] for number in (3, 4)] == [Status.CANCELLED, Status.DEPLOYING]
    assert pinned.code(BRANCH_SCRIPT) is None
    pinned.upload(a_run(4, branch="b"))
    assert pinned.code(BRANCH_SCRIPT) == a_run(4).commit


def test_late_word_of_the_end_of_a_branch_spares_what_was_pushed_to_it_since_beside_a_pin(
    pinned: World,
) -> None:
    deploy(pinned, a_run(3, branch="a"))
    deploy(pinned, a_run(4, branch="b"))
    end_of(pinned, "a", before=a_run(1).commit)
    assert set(statuses(pinned).values()) == {Status.READY}
    end_of(pinned, "never-pushed")
    assert pinned.code(BRANCH_SCRIPT) == a_run(1).commit
    end_of(pinned, "a", before=a_run(3).commit)
    assert pinned.code(BRANCH_SCRIPT) is None


def _own_codes(world: World) -> list[str | None]:
    """Return what the deployments answer with at their own addresses, by their runs."""
    return [world.code(it.own_script or "") for it in sorted(world.deployments(), key=lambda it: it.order)]


def _runner(world: World, report: RunReport) -> None:
    """Have the host know a run."""
    repository = world.repository()
    repository.branches[report.branch] = world.know(report.commit)
    world.host.start_run(repository, report.branch, report.event)
    started = repository.runs[-1]
    run = replace(started.run, id=report.run_id, number=report.run_number)
    repository.runs[-1] = replace(started, run=run)
