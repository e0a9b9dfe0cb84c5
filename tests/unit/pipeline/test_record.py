"""A deployment is followed from its run's first sign until it is live or has failed."""

import re
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from app.domain.apps import AppStatus
from app.domain.deployments import FINAL, Status
from app.domain.events import Tag
from app.domain.jobs import JobType
from app.domain.reports import DeploymentStatusChanged, RepositoryName
from app.domain.runs import RunReport
from app.errors import Busy, Conflict, NotFound
from app.pipeline.install import PLACES
from app.pipeline.record import record_status_changed
from app.pipeline.release import request_release
from app.pipeline.start import LEASE
from app.ports import Upload
from tests.builders import NOON, a_deployment, a_pull
from tests.fakes.jobs import Crashed
from tests.unit.pipeline.runs import a_pull_run, a_run, statuses, what_github_says
from tests.unit.pipeline.world import OURS, WITHOUT_GATEWAY, World


def hear_status(world: World, deployment_id: str | None, state: str) -> bool:
    report = DeploymentStatusChanged(
        repository=OURS,
        record_id=1,
        deployment_id=deployment_id,
        state=state,
        environment="production",
        environment_url=None,
        log_url=None,
    )
    with world.records.begin() as tx:
        return record_status_changed(tx, report, world.platform, world.clock())


@pytest.fixture
def world(world: World) -> World:
    world.app()
    return world


# ----------------------------------------------------------------------------------- one run from end to end


def test_a_push_to_main_goes_live(world: World) -> None:
    for word in ("requested", "in_progress"):
        assert world.hear(what_github_says(a_run(), word))
    plan = world.start(a_run())
    assert plan.refusal is None
    assert plan.deployment.status is Status.DEPLOYING
    assert (plan.deployment.environment, plan.deployment.namespace) == ("production", "live-production")
    assert plan.deployment.script == "slug0001"
    assert plan.address.url == "https://slug0001.apps.test"
    assert plan.tags == [
        "app-slug0001",
        "env-production",
        f"commit-{1:040x}",
        f"deployment-{plan.deployment.id}",
    ]
    world.upload(a_run())
    live = world.finish(replace(a_run(), phases={"install": 3.0, "build": 1.0, "deploy": 2.0}))
    assert live.status is Status.READY
    assert live.phases == {"install": 3.0, "build": 1.0, "deploy": 2.0}
    assert live.finished_at == world.clock()
    assert world.hear(what_github_says(a_run(), "success"))
    assert world.deployments() == [live]
    assert world.tags(live.id) == [
        Tag.DEPLOYMENT_QUEUED,
        Tag.DEPLOYMENT_BUILDING,
        Tag.DEPLOYMENT_DEPLOYING,
        Tag.DEPLOYMENT_UPLOADED,
        Tag.DEPLOYMENT_READY,
    ]
    # Queued, building and live: GitHub has no word for an upload that begins.
    assert [job.arguments for job in world.jobs(JobType.PUBLISH)] == [{"deployment": live.id}] * 3
    assert world.jobs(JobType.PREVIEW) == []


@pytest.mark.parametrize(
    ("report", "environment", "script"),
    [
        (a_run(branch="main"), "production", "slug0001"),
        (a_run(branch="staging"), "staging", "staging-slug0001"),
        (a_run(branch="feature/x"), "preview", "preview-slug0001"),
        (a_pull_run(pull_request=7), "preview", "preview-pr7-slug0001"),
        (a_pull_run(branch="main", pull_request=8), "preview", "preview-pr8-slug0001"),
        (a_run(branch="main", event="workflow_dispatch"), "production", "slug0001"),
    ],
)
def test_a_branch_has_its_place(world: World, report: RunReport, environment: str, script: str) -> None:
    plan = world.start(report)
    assert (plan.deployment.environment, plan.deployment.script) == (environment, script)
    assert plan.deployment.namespace == f"live-{environment}"
    assert f"env-{environment}" in plan.tags


def test_a_pull_request_is_told_of_every_change(world: World) -> None:
    world.pull(a_pull(7))
    world.deploy(a_pull_run())
    # Once when it is made, once when it is live.
    assert [job.arguments for job in world.jobs(JobType.PREVIEW)] == [{"pull_request": 7}] * 2


def test_a_start_is_the_first_that_is_heard_of_a_run(world: World) -> None:
    world.start(a_run())
    assert world.tags(world.deployments()[0].id) == [Tag.DEPLOYMENT_QUEUED, Tag.DEPLOYMENT_DEPLOYING]


def test_a_start_that_is_repeated_gets_the_same_answer(world: World) -> None:
    first = world.start(a_run())
    world.clock.advance(5)
    assert world.start(a_run()) == first


def test_a_run_of_no_app_is_refused(world: World) -> None:
    with pytest.raises(NotFound) as refused:
        world.start(a_run(repository_id=999))
    assert refused.value.error_code == "app:unknown"


def test_a_run_of_an_app_that_is_being_deleted_is_refused(world: World) -> None:
    with world.records.begin() as tx:
        tx.apps.save(replace(tx.apps.get("app_0001"), status=AppStatus.DELETING))
    with pytest.raises(Conflict) as refused:
        world.start(a_run())
    assert refused.value.error_code == "app:deleting"


def test_a_run_of_an_app_that_we_lost_gets_no_credential(world: World) -> None:
    with world.records.begin() as tx:
        lost = replace(tx.apps.get("app_0001"), status=AppStatus.DETACHED, error="its repository is gone")
        tx.apps.save(lost)
    with pytest.raises(Conflict, match="its repository is gone") as refused:
        world.start(a_run())
    assert refused.value.error_code == "app:detached"


def test_a_run_of_an_app_that_is_being_deleted_may_say_how_it_ended(world: World) -> None:
    world.start(a_run())
    world.upload(a_run())
    with world.records.begin() as tx:
        tx.apps.save(replace(tx.apps.get("app_0001"), status=AppStatus.DELETING))
    assert world.finish(a_run()).status is Status.READY


# -------------------------------------------------------------------------------------------- how runs end


def test_a_failed_build_says_why(world: World) -> None:
    failed = world.finish(a_run(), "failure", error_phase="build", error_message="vite: no such file")
    assert failed.status is Status.ERROR
    assert failed.error == "build failed: vite: no such file"
    assert failed.phases == {"install": 3.0, "build": 1.0}


@pytest.mark.parametrize(
    ("outcome", "error"),
    [
        ({}, "The workflow run failed."),
        ({"error_phase": "install"}, "install failed."),
        ({"error_message": "no disk"}, "The workflow run failed: no disk"),
    ],
)
def test_a_failure_always_says_something(world: World, outcome: dict[str, str], error: str) -> None:
    assert world.finish(a_run(), "failure", **outcome).error == error


def test_an_error_is_cut(world: World) -> None:
    failed = world.finish(a_run(), "failure", error_phase="build", error_message="x" * 10_000)
    assert failed.error is not None
    assert len(failed.error) == 2000


@pytest.mark.parametrize(
    ("conclusion", "status"),
    [
        ("failure", Status.ERROR),
        ("timed_out", Status.ERROR),
        ("startup_failure", Status.ERROR),
        ("action_required", Status.ERROR),
        ("neutral", Status.ERROR),
        ("cancelled", Status.CANCELLED),
        ("skipped", Status.CANCELLED),
        ("stale", Status.CANCELLED),
    ],
)
def test_github_says_how_a_run_ended_when_the_run_does_not(
    world: World, conclusion: str, status: Status
) -> None:
    world.start(a_run())
    world.hear(what_github_says(a_run(), conclusion))
    assert statuses(world) == {1: status}
    error = world.deployments()[0].error
    assert error == (f"The workflow run ended with: {conclusion}." if status is Status.ERROR else None)


@pytest.mark.parametrize("conclusion", ["success", "failure", "cancelled", "neutral"])
def test_what_was_put_up_is_ready_however_its_run_ends(world: World, conclusion: str) -> None:
    world.start(a_run())
    world.upload(a_run())
    world.hear(what_github_says(a_run(), conclusion))
    assert [(it.status, it.error) for it in world.deployments()] == [(Status.READY, None)]


@pytest.mark.parametrize("conclusion", ["success", "failure", "cancelled"])
def test_what_was_put_up_is_ready_however_its_run_says_it_ended(world: World, conclusion: str) -> None:
    world.start(a_run())
    world.upload(a_run())
    assert world.finish(a_run(), conclusion, error_message="cleaning up").status is Status.READY
    assert world.deployments()[0].error is None


@pytest.mark.parametrize("teller", ["the run", "GitHub"])
def test_a_success_without_an_upload_has_failed(world: World, teller: str) -> None:
    world.start(a_run())
    if teller == "the run":
        world.finish(a_run())
    world.hear(what_github_says(a_run(), "success"))
    assert statuses(world) == {1: Status.ERROR}
    assert world.deployments()[0].error == "The workflow ended without deploying."


def test_without_a_gateway_a_run_is_believed_that_it_uploaded() -> None:
    world = World(WITHOUT_GATEWAY)
    world.app()
    world.start(a_run(1))
    assert world.finish(a_run(1)).status is Status.READY
    world.start(a_run(2))
    world.hear(what_github_says(a_run(2), "success"))
    assert statuses(world) == {1: Status.READY, 2: Status.READY}
    assert world.alias().deployment_id == world.deployments()[0].id


def test_a_run_that_ends_without_deploying_has_failed(world: World) -> None:
    world.hear(what_github_says(a_run(), "success"))
    assert statuses(world) == {1: Status.ERROR}
    assert world.deployments()[0].error == "The workflow ended without deploying."


def test_a_success_without_a_start_is_not_believed(world: World) -> None:
    world.hear(what_github_says(a_run(), "in_progress"))
    world.finish(a_run())
    assert statuses(world) == {1: Status.ERROR}


def test_what_the_run_says_of_its_failure_counts_more(world: World) -> None:
    world.start(a_run())
    world.hear(what_github_says(a_run(), "failure"))
    told = replace(a_run(), phases={"install": 3.0, "build": 1.0, "deploy": 9.0})
    world.finish(told, "failure", error_phase="deploy", error_message="wrangler: 10021")
    deployment = world.deployments()[0]
    assert deployment.error == "deploy failed: wrangler: 10021"
    assert deployment.phases == told.phases
    again = world.finish(told, "failure", error_phase="deploy", error_message="wrangler: 10021")
    assert again == deployment


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


# ------------------------------------------------------------------------------------------ whose run it is


@pytest.mark.parametrize(
    "changes",
    [
        {"workflow_path": ".github/workflows/ci.yml"},
        {"head_repository_id": 777},
        {"head_repository_id": None},
        {"event": "schedule"},
        {"event": "pull_request_target"},
        {"repository": RepositoryName(999, "acme/other")},
        {"event": "pull_request", "pull_requests": ()},
    ],
)
def test_a_run_that_is_not_ours_is_left_alone(world: World, changes: dict[str, Any]) -> None:
    assert world.hear(what_github_says(a_run(), "in_progress", **changes)) is False
    assert world.deployments() == []
    assert world.records.queue == []


@pytest.mark.parametrize("path", ["", PLACES["deploy.yml"], PLACES["deploy.yml"] + "@refs/heads/main"])
def test_our_workflow_is_known_by_its_path(world: World, path: str) -> None:
    assert world.hear(what_github_says(a_run(), "in_progress", workflow_path=path))


def test_a_pull_request_is_found_by_its_head_when_github_does_not_name_it(world: World) -> None:
    run = a_pull_run()
    world.pull(a_pull(7, head_branch=run.branch, head_commit=run.commit))
    world.pull(a_pull(8, head_branch="other", head_commit=run.commit))
    assert world.hear(what_github_says(run, "in_progress", pull_requests=()))
    assert world.deployments()[0].pull_request == 7


def test_a_pull_request_is_not_guessed(world: World) -> None:
    run = a_pull_run()
    for number in (7, 8):
        world.pull(a_pull(number, head_branch=run.branch, head_commit=run.commit))
    assert world.hear(what_github_says(run, "in_progress", pull_requests=())) is False
    assert world.hear(what_github_says(run, "in_progress", pull_requests=(7, 8))) is False
    assert world.deployments() == []


def test_a_run_that_is_known_is_followed_whatever_github_names(world: World) -> None:
    # GitHub names the open pull requests of the run's head as they are now: none, or two by now.
    run = a_pull_run()
    world.pull(a_pull(7))
    world.start(run)
    assert world.hear(what_github_says(run, "failure", pull_requests=()))
    assert statuses(world) == {1: Status.ERROR}
    assert world.hear(what_github_says(run, "failure", pull_requests=(8,)))
    assert world.deployments()[0].pull_request == 7


def test_a_run_proves_that_an_app_works_after_all(world: World) -> None:
    with world.records.begin() as tx:
        app = tx.apps.get("app_0001")
        tx.apps.save(replace(app, status=AppStatus.FAILED, error="GitHub runs no workflow there"))
    world.hear(what_github_says(a_run(), "requested"))
    assert (world.current().status, world.current().error) == (AppStatus.READY, None)
    assert Tag.APP_READY in world.tags("app_0001")


# ----------------------------------------------------------------------- what others say of our deployments


def test_our_own_words_come_back_as_no_change(world: World) -> None:
    live = world.deploy(a_run())
    for state in ("queued", "pending", "in_progress", "success", "inactive"):
        hear_status(world, live.id, state)
    assert world.deployments() == [live]


def test_a_status_moves_a_deployment_on(world: World) -> None:
    deployment = world.start(a_run()).deployment
    assert hear_status(world, deployment.id, "failure")
    assert statuses(world) == {1: Status.ERROR}


@pytest.mark.parametrize("state", ["failure", "error", "success"])
def test_no_status_takes_down_what_is_live(world: World, state: str) -> None:
    deployment = world.start(a_run()).deployment
    world.upload(a_run(), "new")
    assert hear_status(world, deployment.id, state)
    world.finish(a_run())
    assert statuses(world) == {1: Status.READY}
    with world.records.begin() as tx:
        request_release(tx, world.alias())
    world.run_queue()
    assert world.code() == "new"


def test_a_status_that_ends_an_upload_leaves_nothing_of_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.deploy(a_run(1), "old")
    deployment = world.start(a_run(2)).deployment
    put = world.scripts.put

    def put_and_die(namespace: str, script: str, upload: Upload) -> None:
        put(namespace, script, upload)
        if script == "slug0001":
            raise Crashed

    monkeypatch.setattr(world.scripts, "put", put_and_die)
    with pytest.raises(Crashed):
        world.upload(a_run(2), "new")
    monkeypatch.undo()
    assert hear_status(world, deployment.id, "failure")
    world.clock.advance(LEASE.total_seconds())
    world.run_queue()
    assert (world.code(), world.code(deployment.own_script or "")) == ("old", None)


def test_nothing_is_ready_that_was_not_uploaded(world: World) -> None:
    world.hear(what_github_says(a_run(), "in_progress"))
    assert hear_status(world, world.deployments()[0].id, "success")
    assert statuses(world) == {1: Status.BUILDING}


def test_a_status_of_something_else_is_left_alone(world: World) -> None:
    deployment = world.start(a_run()).deployment
    with world.records.begin() as tx:
        tx.deployments.add(a_deployment(9, app_id="app_0009", status=Status.DEPLOYING))
    assert hear_status(world, None, "failure") is False
    assert hear_status(world, "dpl_unknown", "failure") is False
    assert hear_status(world, "dpl_0009_1", "failure") is False
    assert hear_status(world, deployment.id, "a word of tomorrow") is False
    assert statuses(world) == {1: Status.DEPLOYING}


@pytest.mark.parametrize("final", sorted(FINAL))
@pytest.mark.parametrize("word", ["requested", "in_progress", "success", "failure", "cancelled"])
def test_what_is_over_stays_over(world: World, final: Status, word: str) -> None:
    over = world.deployment(a_deployment(1, status=final, finished_at=NOON, error="as it was"))
    world.hear(what_github_says(a_run(), word))
    assert world.deployments() == [over]
    assert isinstance(over.finished_at, datetime)
