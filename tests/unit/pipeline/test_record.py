"""A deployment is followed from its run's first sign until it is live or has failed."""

from dataclasses import replace

import pytest

from app.domain.apps import AppStatus
from app.domain.deployments import Status
from app.domain.events import Tag
from app.domain.jobs import JobType
from app.domain.runs import RunReport
from app.errors import Conflict, NotFound
from tests.builders import a_pull
from tests.unit.pipeline.runs import a_pull_run, a_run, statuses, what_github_says
from tests.unit.pipeline.world import WITHOUT_GATEWAY, World


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
