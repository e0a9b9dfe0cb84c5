"""A delivery is handed to the verb it concerns, once; what is none of our business is left alone."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from app.domain.deliveries import DeliveryStatus
from app.domain.deployments import Status
from app.domain.events import Tag
from app.domain.jobs import JobType
from app.domain.pulls import PullRequest
from app.domain.reports import (
    DeploymentStatusChanged,
    Ping,
    PullRequestChanged,
    Report,
    RepositoryDeleted,
    RepositoryName,
    RunAction,
    WorkflowRunChanged,
)
from app.errors import Malformed
from app.pipeline.accept import work_off
from tests.builders import NOON, a_delivery, a_deployment, a_pull, at
from tests.unit.pipeline.heard import AWAY, OTHER, accept, jobs, pushed, renamed
from tests.unit.pipeline.runs import a_run
from tests.unit.pipeline.world import OURS, REPOSITORY_ID, World


def pull_changed(action: str = "opened", **changes: Any) -> PullRequestChanged:
    report = PullRequestChanged(
        repository=OURS,
        action=action,
        number=7,
        is_open=action != "closed",
        is_merged=False,
        title="Say hello",
        html_url="https://github.test/acme/app-1/pull/7",
        head_branch="hello",
        head_commit="a" * 40,
        head_repository_id=REPOSITORY_ID,
        author="octocat",
        updated_at=NOON,
    )
    return replace(report, **changes)


def run_changed(**changes: Any) -> WorkflowRunChanged:
    report = WorkflowRunChanged(
        repository=OURS,
        action=RunAction.REQUESTED,
        run_id=1001,
        run_number=1,
        run_attempt=1,
        html_url="https://github.test/runs/1001",
        event="push",
        status="queued",
        conclusion=None,
        head_branch="main",
        head_commit="b" * 40,
        head_repository_id=REPOSITORY_ID,
        message="Change",
        workflow_path="",
        pull_requests=(),
        created_at=NOON,
        updated_at=NOON,
    )
    return replace(report, **changes)


def status_changed(**changes: Any) -> DeploymentStatusChanged:
    report = DeploymentStatusChanged(
        repository=OURS,
        record_id=1,
        deployment_id="dpl_0001_1",
        state="in_progress",
        environment="production",
        environment_url=None,
        log_url=None,
    )
    return replace(report, **changes)


@pytest.fixture
def world(world: World) -> World:
    world.app()
    return world


# ---------------------------------------------------------------------------------------- what concerns us


ABOUT_AN_APP: dict[str, Callable[..., Report]] = {
    "push": pushed,
    "pull request": pull_changed,
    "run": run_changed,
    "deployment status": status_changed,
    "renamed": renamed,
    "deleted": lambda **c: replace(RepositoryDeleted(repository=OURS), **c),
    "transferred": lambda **c: replace(AWAY, **c),
}


@pytest.mark.parametrize("make", ABOUT_AN_APP.values(), ids=ABOUT_AN_APP.keys())
def test_what_concerns_an_app_is_processed(world: World, make: Callable[..., Report]) -> None:
    world.deployment(a_deployment(1))
    assert accept(world, make()) is DeliveryStatus.PROCESSED


@pytest.mark.parametrize("make", ABOUT_AN_APP.values(), ids=ABOUT_AN_APP.keys())
def test_what_concerns_no_app_is_ignored(world: World, make: Callable[..., Report]) -> None:
    world.deployment(a_deployment(1))
    before = world.current()
    assert accept(world, make(repository=OTHER)) is DeliveryStatus.IGNORED
    assert world.events() == []
    assert jobs(world) == []
    assert world.current() == before


def test_an_event_that_we_do_not_handle_is_ignored(world: World) -> None:
    assert accept(world, None) is DeliveryStatus.IGNORED


@pytest.mark.parametrize("repository", [None, OURS, OTHER])
def test_a_ping_is_answered(world: World, repository: RepositoryName | None) -> None:
    assert accept(world, Ping(hook_id=1, repository=repository)) is DeliveryStatus.PROCESSED
    assert world.events() == []


def test_what_cannot_be_read_is_not_swallowed(world: World) -> None:
    def refuse(_: object) -> Report:
        raise Malformed("reading push: repository is no object")

    with pytest.raises(Malformed), world.records.begin() as tx:
        work_off(tx, a_delivery(), parse=refuse, platform=world.platform, at=NOON)


def test_a_run_makes_a_deployment(world: World) -> None:
    accept(world, run_changed())
    (deployment,) = world.deployments()
    assert (deployment.run.id, deployment.status) == (a_run().run_id, Status.QUEUED)


# ---------------------------------------------------------------------------------------------------- pushes


def test_a_push_is_a_fact(world: World) -> None:
    accept(world, pushed())
    (event,) = world.events("app_0001")
    assert (event.tag, event.actor) == (Tag.BRANCH_PUSHED, "github:octocat")
    assert event.payload == {"branch": "main", "before": "a" * 40, "after": "b" * 40}
    assert jobs(world) == []


def test_a_tag_is_none_of_our_business(world: World) -> None:
    report = pushed(ref="refs/tags/v1", branch=None)
    assert accept(world, report) is DeliveryStatus.IGNORED


@pytest.mark.parametrize("status", [Status.QUEUED, Status.DEPLOYING, Status.READY])
def test_the_preview_of_a_deleted_branch_is_retired(world: World, status: Status) -> None:
    world.deployment(a_deployment(1, script="preview-slug0001", branch="lab", status=status))
    world.deployment(a_deployment(2, script="preview-slug0001", branch="other", status=Status.ERROR))
    accept(world, pushed(branch="lab", is_deleted=True))
    assert world.tags() == [Tag.BRANCH_DELETED]
    assert jobs(world) == [(JobType.RETIRE, {"branch": "lab"})]


@pytest.mark.parametrize("branch", ["main", "staging", "never-pushed"])
def test_other_deleted_branches_retire_nothing(world: World, branch: str) -> None:
    world.deployment(a_deployment(1, script="preview-slug0001", branch="lab", status=Status.READY))
    accept(world, pushed(branch=branch, is_deleted=True))
    assert jobs(world) == []


def test_a_branch_whose_preview_another_branch_took_over_retires_nothing(world: World) -> None:
    for number, branch in ((1, "lab"), (2, "other")):
        world.deployment(a_deployment(number, script="preview-slug0001", branch=branch, status=Status.READY))
    accept(world, pushed(branch="lab", is_deleted=True))
    assert jobs(world) == []


def test_late_word_that_a_branch_was_deleted_spares_what_was_pushed_to_it_since(world: World) -> None:
    for number in (1, 2):
        world.deployment(a_deployment(number, script="preview-slug0001", branch="lab", status=Status.READY))
    accept(world, pushed(branch="lab", is_deleted=True, before=f"{1:040x}"))
    assert jobs(world) == []
    accept(world, pushed(branch="lab", is_deleted=True, before=f"{2:040x}"))
    assert jobs(world) == [(JobType.RETIRE, {"branch": "lab"})]


# --------------------------------------------------------------------------------------------- pull requests


@pytest.mark.parametrize("action", ["opened", "synchronize", "reopened", "edited", "labeled"])
def test_an_open_pull_request_is_told_in_its_comment(world: World, action: str) -> None:
    accept(world, pull_changed(action))
    assert jobs(world) == [(JobType.PREVIEW, {"pull_request": 7})]
    assert world.known_pull() == PullRequest(
        app_id="app_0001",
        number=7,
        is_open=True,
        title="Say hello",
        html_url="https://github.test/acme/app-1/pull/7",
        head_branch="hello",
        head_commit="a" * 40,
        is_from_fork=False,
        author="octocat",
        updated_at=NOON,
        head_repository_id=REPOSITORY_ID,
        pushed_at=NOON,
    )


def test_since_when_a_commit_is_the_newest_is_remembered(world: World) -> None:
    accept(world, pull_changed("opened"))
    accept(world, pull_changed("labeled", updated_at=at(5)))
    assert world.known_pull().pushed_at == NOON
    accept(world, pull_changed("synchronize", head_commit="b" * 40, updated_at=at(7)))
    accept(world, pull_changed("edited", head_commit="b" * 40, updated_at=at(9)))
    assert world.known_pull().pushed_at == at(7)


def test_a_closed_pull_request_is_retired(world: World) -> None:
    accept(world, pull_changed("closed", is_merged=True))
    assert jobs(world) == [(JobType.RETIRE, {"pull_request": 7})]
    assert world.known_pull().is_open is False


def test_a_pull_request_has_a_history(world: World) -> None:
    accept(world, pull_changed("opened"))
    accept(world, pull_changed("labeled", updated_at=at(1)))
    accept(world, pull_changed("synchronize", head_commit="b" * 40, updated_at=at(2)))
    accept(world, pull_changed("closed", head_commit="b" * 40, updated_at=at(3)))
    accept(world, pull_changed("closed", head_commit="b" * 40, updated_at=at(3)))
    accept(world, pull_changed("reopened", head_commit="b" * 40, updated_at=at(3)))
    assert world.tags("app_0001") == [
        Tag.PULL_REQUEST_OPENED,
        Tag.PULL_REQUEST_PUSHED,
        Tag.PULL_REQUEST_CLOSED,
        Tag.PULL_REQUEST_OPENED,
    ]


@pytest.mark.parametrize(
    "late", [pull_changed("opened"), pull_changed("synchronize"), pull_changed("edited")]
)
def test_late_news_opens_no_pull_request_again(world: World, late: PullRequestChanged) -> None:
    accept(world, pull_changed("closed", updated_at=at(10)))
    known, asked = world.known_pull(), jobs(world)
    assert accept(world, late) is DeliveryStatus.PROCESSED
    assert world.known_pull() == known
    assert jobs(world) == asked
    # Nor within the same second, but for the news that it was opened again.
    accept(world, replace(late, updated_at=at(10)))
    assert world.known_pull() == known
    accept(world, pull_changed("reopened", updated_at=at(10)))
    assert world.known_pull().is_open is True


def test_what_is_known_of_the_comment_stays(world: World) -> None:
    world.pull(a_pull(7, comment_id=5, comment_digest="d", updated_at=NOON - timedelta(days=1)))
    accept(world, pull_changed("synchronize"))
    assert (world.known_pull().comment_id, world.known_pull().comment_digest) == (5, "d")


@pytest.mark.parametrize("head_repository_id", [999, None])
def test_a_fork_is_known_as_one(world: World, head_repository_id: int | None) -> None:
    accept(world, pull_changed(head_repository_id=head_repository_id, author=None))
    assert world.known_pull().is_from_fork is True
    assert world.known_pull().author == "ghost"
