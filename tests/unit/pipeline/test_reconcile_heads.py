"""What a pass finds of commits: heads, runs and pull requests that nobody told us of, or told us late."""

from datetime import timedelta

import pytest

from app.domain.apps import AppStatus, Heal
from app.domain.deployments import Status
from app.domain.drift import Kind
from app.domain.environments import Environment
from app.domain.events import Tag
from app.pipeline.reconcile import request_pass
from tests.builders import a_pull
from tests.fakes.code_host_ports import FakeRuns
from tests.fakes.code_host_sights import propose
from tests.unit.pipeline.reconciling import PREVIEW, Drifting, deployed, end_run, push
from tests.unit.pipeline.runs import a_pull_run, what_github_says


@pytest.fixture
def world() -> Drifting:
    return Drifting()


# -------------------- heads, runs, deployments


def test_a_head_that_nobody_told_us_of_is_deployed(world: Drifting) -> None:
    world.settled_app()
    report = push(world)
    world.look_at_all()
    assert world.drift() == [(Kind.HEAD_UNDEPLOYED, f"main@{report.commit}")]
    world.heal_all()
    assert [(it.commit, it.status) for it in world.deployments()] == [(report.commit, Status.QUEUED)]
    assert world.drift() == []


def test_a_commit_that_is_the_head_of_two_branches_is_deployed_to_both(world: Drifting) -> None:
    world.settled_app()
    report = push(world)
    repository = world.repository()
    world.host.move(repository, "staging", report.commit)
    world.heal_all()
    found = {(it.branch, it.environment) for it in world.deployments()}
    assert found == {("main", Environment.PRODUCTION), ("staging", Environment.STAGING)}


def test_a_head_without_a_run_is_told_and_started_only_by_who_heals_all(world: Drifting) -> None:
    world.settled_app()
    report = push(world)
    world.repository().runs.clear()
    world.heal_all()
    assert world.drift() == [(Kind.HEAD_UNDEPLOYED, f"main@{report.commit}")]
    assert "no run" in world.open_drift()[0].facts["outcome"]
    asked = world.host.faults.calls.count("of_commit")
    world.heal_all()
    assert world.host.faults.calls.count("of_commit") == asked, "it asks again for the same commit"


def test_a_head_without_a_run_is_started_by_who_heals_all(world: Drifting) -> None:
    world.settled_app(heal=Heal.ALL)
    report = push(world)
    world.repository().runs.clear()
    world.heal_all()
    assert [it.commit for it in world.deployments()] == [report.commit]
    assert world.drift() == []


def test_a_run_that_ended_without_telling_us_is_heard(world: Drifting) -> None:
    world.settled_app()
    report = push(world)
    world.hear(what_github_says(report, "requested"))
    end_run(world, report, "failure")
    world.look_at_all()
    assert world.drift() == [(Kind.RUN_AHEAD, world.deployments()[0].id)]
    world.heal_all()
    assert [it.status for it in world.deployments()] == [Status.ERROR]
    assert world.drift() == []


def test_a_run_that_began_without_telling_us_is_heard(world: Drifting) -> None:
    world.settled_app()
    report = push(world)
    world.hear(what_github_says(report, "requested"))
    world.host.set_run("acme/app-1", report.run_id, "in_progress")
    world.heal_all()
    assert [it.status for it in world.deployments()] == [Status.BUILDING]


def test_a_deployment_that_was_uploaded_is_ready_although_its_end_was_lost(world: Drifting) -> None:
    world.settled_app()
    report = push(world)
    world.start(report)
    world.upload(report)
    end_run(world, report)
    world.heal_all()
    assert [it.status for it in world.deployments()] == [Status.READY]
    assert world.code() == report.commit


def test_a_deployment_of_an_older_commit_is_asked_about_after_an_hour(world: Drifting) -> None:
    world.settled_app()
    report = push(world)
    world.hear(what_github_says(report, "requested"))
    newer = push(world)
    world.hear(what_github_says(newer, "requested"))
    end_run(world, report, "cancelled")
    world.look_at_all()
    assert world.drift() == []
    world.later(hours=1)
    world.heal_all()
    assert [it.status for it in world.deployments()] == [Status.QUEUED, Status.SUPERSEDED]


def test_a_run_that_was_seen_is_not_gone_where_it_is_not_listed_yet(
    world: Drifting, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.settled_app()
    report = push(world)
    world.start(report)
    end_run(world, report)
    with monkeypatch.context() as patched:
        patched.setattr(FakeRuns, "of_commit", lambda *_: [])
        world.look_at_app(heal=Heal.SAFE)
    assert [it.status for it in world.deployments()] == [Status.DEPLOYING]


def test_a_deployment_whose_run_is_gone_ends(world: Drifting) -> None:
    world.settled_app()
    report = push(world)
    world.hear(what_github_says(report, "requested"))
    push(world)
    world.repository().runs[:] = [it for it in world.repository().runs if it.run.id != report.run_id]
    world.later(hours=1)
    world.heal_all()
    assert world.deployments()[1].status is Status.SUPERSEDED


def test_a_run_that_heals_an_app_that_failed_makes_it_ready(world: Drifting) -> None:
    world.settled_app(status=AppStatus.FAILED)
    push(world)
    world.heal_all()
    assert world.current().status is AppStatus.READY


# -------------------- pull requests and branches


def test_a_pull_request_that_we_never_heard_of_is_followed(world: Drifting) -> None:
    world.settled_app()
    report = push(world, "hello", event="pull_request")
    propose(world.host, "acme/app-1", "hello", number=7)
    world.look_at_all()
    assert (Kind.PULL_UNHEARD, "#7") in world.drift()
    world.heal_all()
    pull = world.known_pull()
    assert (pull.is_open, pull.head_commit, pull.comment_id is not None) == (True, report.commit, True)


def test_a_pull_request_whose_head_moved_is_followed(world: Drifting) -> None:
    world.settled_app()
    push(world, "hello")
    propose(world.host, "acme/app-1", "hello", number=7)
    world.heal_all()
    newer = push(world, "hello")
    propose(world.host, "acme/app-1", "hello", number=7, updated_at=world.clock())
    world.heal_all()
    assert world.known_pull().head_commit == newer.commit
    assert world.tags("app_0001").count(Tag.PULL_REQUEST_PUSHED) == 1


def test_a_pull_request_that_was_opened_again_is_followed(world: Drifting) -> None:
    world.settled_app()
    world.pull(a_pull(7, is_open=False, updated_at=world.clock() - timedelta(hours=4)))
    push(world, "hello")
    propose(world.host, "acme/app-1", "hello", number=7)
    world.heal_all()
    assert world.known_pull().is_open


def a_preview(world: Drifting) -> str:
    """Deploy a pull request's preview and return its script."""
    push(world, "hello")
    propose(world.host, "acme/app-1", "hello", number=7)
    report = deployed(world, "hello", event="pull_request", pull_request=7)
    world.heal_all()
    assert world.code("preview-pr7-slug0001") == report.commit
    return "preview-pr7-slug0001"


def test_a_pull_request_that_was_closed_is_only_told_where_nothing_may_be_deleted(world: Drifting) -> None:
    world.settled_app()
    script = a_preview(world)
    world.repository().proposed.clear()
    world.heal_all()
    assert world.drift() == [(Kind.PULL_CLOSED, "#7")]
    assert world.code(script) is not None


def test_a_pull_request_that_was_closed_is_taken_down_by_who_heals_all(world: Drifting) -> None:
    world.settled_app(heal=Heal.ALL)
    script = a_preview(world)
    world.repository().proposed.clear()
    world.heal_all()
    assert (world.drift(), world.code(script), world.known_pull().is_open) == ([], None, False)
    assert world.scripts.namespaces[PREVIEW] == {}


@pytest.mark.parametrize("known", [None, False])
def test_a_preview_of_a_closed_pull_request_is_taken_down_although_nobody_told_of_it(
    world: Drifting,
    known: bool | None,  # noqa: FBT001 - a parameter of the test
) -> None:
    world.settled_app(heal=Heal.ALL)
    deployed(world, "hello", event="pull_request", pull_request=7)
    if known is not None:
        world.pull(a_pull(7, is_open=known))
    world.look_at_all()
    assert (Kind.PULL_CLOSED, "#7") in world.drift()
    world.heal_all()
    assert world.scripts.namespaces[PREVIEW] == {}


def test_a_pull_request_that_is_heard_of_while_we_look_is_not_taken_for_closed(world: Drifting) -> None:
    world.settled_app(heal=Heal.ALL)
    world.later()
    with world.records.begin() as tx:
        job = request_pass(tx)
    world.pull(a_pull(7, updated_at=world.clock()))
    world.run(job)
    assert (Kind.PULL_CLOSED, "#7") not in world.drift()


def test_a_branch_that_was_deleted_loses_its_preview(world: Drifting) -> None:
    world.settled_app(heal=Heal.ALL)
    deployed(world, "try")
    world.heal_all()
    assert world.code("preview-slug0001") is not None
    del world.repository().branches["try"]
    world.look_at_all()
    assert world.drift() == [(Kind.BRANCH_GONE, "try")]
    world.heal_all()
    assert (world.drift(), world.code("preview-slug0001")) == ([], None)


def test_a_branch_that_a_pin_holds_loses_its_preview_when_it_was_deleted(world: Drifting) -> None:
    world.settled_app(heal=Heal.ALL)
    deployed(world, "try")
    world.rollback(world.deployments()[0].id, Environment.PREVIEW)
    deployed(world, "next")
    world.heal_all()
    shown = world.code("preview-slug0001")
    del world.repository().branches["next"]
    world.look_at_all()
    assert world.drift() == [(Kind.BRANCH_GONE, "next")]
    world.heal_all()
    assert (world.drift(), world.code("preview-slug0001")) == ([], shown)
    assert world.alias("preview-slug0001").is_pinned
    del world.repository().branches["try"]
    world.look_at_all()
    assert world.drift() == [(Kind.BRANCH_GONE, "try")]
    world.heal_all()
    assert (world.drift(), world.code("preview-slug0001")) == ([], None)


def test_a_deleted_branch_whose_preview_another_one_is_about_to_take_over_is_no_drift(
    world: Drifting,
) -> None:
    world.settled_app()
    deployed(world, "try")
    world.heal_all()
    world.hear(what_github_says(push(world, "next"), "in_progress"))
    del world.repository().branches["try"]
    world.look_at_all()
    assert Kind.BRANCH_GONE not in {kind for kind, _ in world.drift()}


def test_a_pull_requests_run_is_heard_of_beside_that_of_its_branch(world: Drifting) -> None:
    world.settled_app()
    of_branch = push(world, "hello")
    world.hear(what_github_says(of_branch, "requested"))
    propose(world.host, "acme/app-1", "hello", number=7)
    repository = world.repository()
    world.host.start_run(repository, "hello", "pull_request")
    world.heal_all()
    assert {it.pull_request for it in world.deployments()} == {None, 7}
    assert a_pull_run().pull_request == 7
