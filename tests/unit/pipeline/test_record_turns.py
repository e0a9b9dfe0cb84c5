"""Whose turn it is to upload: one run at a time, never an older one after a newer, none after its closing."""

import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from app.domain.deployments import Status
from app.domain.jobs import JobType
from app.errors import Busy
from app.pipeline.start import LEASE
from tests.builders import a_pull
from tests.unit.pipeline.runs import a_pull_run, a_run, statuses, what_github_says
from tests.unit.pipeline.world import World


@pytest.fixture
def world(world: World) -> World:
    world.app()
    return world


# ---------------------------------------------------------------------------------------- whose turn it is


def test_one_run_at_a_time_uploads_to_a_script(world: World) -> None:
    world.start(a_run(1))
    with pytest.raises(Busy) as busy:
        world.start(a_run(2))
    assert busy.value.retry_after_seconds == 2
    assert busy.value.error_code == "deployment:busy"
    world.finish(a_run(1))
    assert world.start(a_run(2)).refusal is None


def test_other_scripts_are_not_waited_for(world: World) -> None:
    world.start(a_run(1))
    assert world.start(a_run(2, branch="staging")).refusal is None
    assert world.start(a_pull_run(3)).refusal is None
    assert world.start(a_pull_run(4, 8)).refusal is None


def test_an_upload_that_went_silent_is_not_waited_for(world: World) -> None:
    world.start(a_run(1))
    world.clock.advance(LEASE.total_seconds() - 1)
    with pytest.raises(Busy):
        world.start(a_run(2))
    world.clock.advance(1)
    assert world.start(a_run(2)).refusal is None


def test_a_silent_upload_is_given_up_before_the_next_run_gives_up_waiting() -> None:
    script = (Path(__file__).parents[3] / "actions_templates/deploy.mjs").read_text()
    patience = re.search(r"MAX_BUSY_SECONDS = (\d+);", script)
    assert patience is not None
    assert timedelta(seconds=int(patience[1])) > LEASE


def test_an_older_commit_never_replaces_a_newer_one(world: World) -> None:
    world.deploy(a_run(2))
    plan = world.start(a_run(1))
    assert plan.refusal == f"superseded by run 2 with commit {'0' * 7}"
    assert plan.deployment.status is Status.SUPERSEDED
    assert statuses(world) == {1: Status.SUPERSEDED, 2: Status.READY}
    # Its workflow ends green, which makes nothing live.
    world.finish(a_run(1))
    world.hear(what_github_says(a_run(1), "success"))
    assert statuses(world) == {1: Status.SUPERSEDED, 2: Status.READY}


def test_a_newer_commit_that_failed_stops_no_older_one(world: World) -> None:
    world.finish(a_run(2), "failure")
    assert world.start(a_run(1)).refusal is None


def test_a_re_run_replaces_what_it_repeats(world: World) -> None:
    world.deploy(a_run(1))
    again = a_run(1, run_attempt=2)
    assert world.start(again).goes_live
    world.upload(again, "the same, built again")
    assert world.finish(again).status is Status.READY
    assert world.code() == "the same, built again"
    assert [it.run.attempt for it in world.deployments()] == [2, 1]


def test_a_re_run_of_an_old_run_does_not_replace_a_newer_one(world: World) -> None:
    for number in (1, 2):
        world.deploy(a_run(number))
    again = a_run(1, run_attempt=2)
    plan = world.start(again)
    assert (plan.refusal, plan.goes_live) == (None, False)  # its own address is all that it gets
    world.upload(again, "the first, built again")
    own = world.finish(again)
    assert world.code() == a_run(2).commit
    assert world.code(own.own_script or "") == "the first, built again"


def test_a_finished_run_does_not_start_again(world: World) -> None:
    world.finish(a_run(), "cancelled")
    plan = world.start(a_run())
    assert plan.refusal == "this run is already cancelled"
    assert statuses(world) == {1: Status.CANCELLED}


def test_a_closed_pull_request_gets_no_preview(world: World) -> None:
    world.pull(a_pull(7, is_open=False))
    plan = world.start(a_pull_run())
    assert plan.refusal == "pull request #7 is closed"
    assert plan.deployment.status is Status.SUPERSEDED


def test_a_pull_request_that_we_never_heard_of_gets_its_preview(world: World) -> None:
    assert world.start(a_pull_run()).refusal is None


def test_a_run_that_is_cancelled_for_a_newer_one_is_superseded(world: World) -> None:
    world.hear(what_github_says(a_pull_run(1), "in_progress"))
    world.hear(what_github_says(a_pull_run(2), "requested"))
    world.finish(a_pull_run(1), "cancelled")
    assert statuses(world) == {1: Status.SUPERSEDED, 2: Status.QUEUED}


# ----------------------------------------------------------------------- uploads that end after their closing


def test_an_upload_that_ends_after_the_closing_is_taken_down_again(world: World) -> None:
    pull = world.pull(a_pull(7))
    world.start(a_pull_run())
    world.pull(replace(pull, is_open=False))
    world.deployment_status(Status.CANCELLED)
    world.finish(a_pull_run())
    assert [job.arguments for job in world.jobs(JobType.RETIRE)] == [{"pull_request": 7}]


@pytest.mark.parametrize("end", ["finish success", "finish failure", "finish cancelled", "cancelled"])
@pytest.mark.parametrize("status", [Status.DEPLOYING, Status.CANCELLED])
def test_a_run_of_a_closed_pull_request_leaves_no_upload(world: World, end: str, status: Status) -> None:
    pull = world.pull(a_pull(7))
    world.start(a_pull_run())
    world.pull(replace(pull, is_open=False))
    world.deployment_status(status)
    how, _, conclusion = end.partition(" ")
    if conclusion:
        world.finish(a_pull_run(), conclusion)
    else:
        world.hear(what_github_says(a_pull_run(), how))
    assert [job.arguments for job in world.jobs(JobType.RETIRE)] == [{"pull_request": 7}]


def test_a_cancelled_run_leaves_the_preview_of_its_branch(world: World) -> None:
    world.deploy(a_run(1, branch="lab"))
    world.start(a_run(2, branch="lab"))
    world.hear(what_github_says(a_run(2, branch="lab"), "cancelled"))
    world.finish(a_run(2, branch="lab"))
    assert world.jobs(JobType.RETIRE) == []


def test_the_upload_of_a_branch_that_is_gone_is_taken_down_again(world: World) -> None:
    world.start(a_run(branch="lab"))
    world.deployment_status(Status.CANCELLED)
    world.finish(a_run(branch="lab"))
    assert [job.arguments for job in world.jobs(JobType.RETIRE)] == [{"branch": "lab"}]


def test_a_late_upload_does_not_take_down_what_came_after_it(world: World) -> None:
    world.start(a_run(1, branch="lab"))
    world.deployment_status(Status.CANCELLED)
    world.deploy(a_run(2, branch="other"))
    world.finish(a_run(1, branch="lab"))
    assert world.jobs(JobType.RETIRE) == []


@pytest.mark.parametrize("branch", ["main", "staging"])
def test_a_cancelled_upload_takes_no_lasting_environment_down(world: World, branch: str) -> None:
    world.deploy(a_run(1, branch=branch))
    world.start(a_run(2, branch=branch))
    world.hear(what_github_says(a_run(2, branch=branch), "cancelled"))
    world.finish(a_run(2, branch=branch))
    assert world.jobs(JobType.RETIRE) == []
