"""What GitHub and others say of runs and deployments: what of it is ours, and what of it counts."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from app.domain.apps import AppStatus
from app.domain.deployments import FINAL, Status
from app.domain.events import Tag
from app.domain.reports import DeploymentStatusChanged, RepositoryName
from app.pipeline.install import PLACES
from app.pipeline.record import record_status_changed
from app.pipeline.release import request_release
from app.pipeline.start import LEASE
from app.ports import Upload
from tests.builders import NOON, a_deployment, a_pull
from tests.fakes.jobs import Crashed
from tests.unit.pipeline.runs import a_pull_run, a_run, statuses, what_github_says
from tests.unit.pipeline.world import OURS, World


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
