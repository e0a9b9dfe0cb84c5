"""A fork's approved commit is shown: no other, among the untrusted, without secrets, from the right run."""

from dataclasses import replace
from typing import Any

import pytest

from app.domain.deployments import Status
from app.domain.environments import Environment
from app.domain.jobs import JobType
from app.domain.platform import DeployAuth
from app.domain.reports import RepositoryName
from app.domain.variables import Variable
from app.pipeline.putting import UNTRUSTED_LIMITS
from tests.builders import NOON
from tests.fakes.code_host_forks import recorded
from tests.unit.pipeline.forks import HOME, SCRIPT, UNTRUSTED, Fork, approved, shown
from tests.unit.pipeline.world import PLATFORM, World


@pytest.fixture
def fork(world: World) -> Fork:
    world.app()
    return Fork(world)


# -------------------- what is shown


def test_a_fork_is_built_and_not_shown(fork: Fork, world: World) -> None:
    fork.end(fork.push())
    world.run_queue()
    assert world.deployments() == []
    assert world.scripts.uploads == {}
    assert "somebody with write access says `/preview aaaaaaa`" in fork.said


def test_an_approved_commit_is_shown_among_the_untrusted(fork: Fork, world: World) -> None:
    commit = shown(fork)
    deployment = fork.deployment
    assert (deployment.status, deployment.commit, deployment.namespace) == (Status.READY, commit, UNTRUSTED)
    assert (deployment.environment, deployment.pull_request) == (Environment.PREVIEW, 7)
    assert (deployment.script, deployment.is_from_fork, deployment.actor) == (SCRIPT, True, "ada")
    assert deployment.own_script is not None
    assert deployment.own_script.startswith("fork-")
    assert set(world.scripts.namespaces[UNTRUSTED]) == {SCRIPT, deployment.own_script}
    assert not any(world.scripts.namespaces[name] for name in world.scripts.namespaces if name != UNTRUSTED)
    assert deployment.message == "Change aaaa"
    assert "Shows `aaaaaaa`, approved by ada." in fork.said
    assert "https://fork-pr7-slug0001.apps.test" in fork.said


def test_it_is_given_variables_and_limits_and_no_secret(fork: Fork, world: World) -> None:
    with world.records.begin() as tx:
        for name, value, is_secret in (("COLOUR", "red", False), ("API_KEY", "sealed", True)):
            tx.variables.save(Variable("app_0001", Environment.PREVIEW, name, value, is_secret, NOON, "ada"))
    commit = fork.push()
    fork.end(commit, code=recorded(commit, "API_KEY"))
    fork.comment()
    world.run_queue()
    upload = world.scripts.uploads[UNTRUSTED, SCRIPT]
    assert {it["name"] for it in upload.bindings} == {
        "COLOUR",
        "BRANCHLINE_COMMIT",
        "BRANCHLINE_ENVIRONMENT",
        "BRANCHLINE_DEPLOYMENT",
    }
    assert upload.limits == UNTRUSTED_LIMITS
    assert upload.scope == "app_0001/fork-pr7"


def test_a_run_that_ends_after_the_approval_is_shown_then(fork: Fork, world: World) -> None:
    commit = fork.push()
    fork.comment()
    world.run_queue()
    assert fork.shown is None
    assert world.deployments() == []
    fork.end(commit)
    world.run_queue()
    assert fork.shown == commit


def test_a_run_of_which_nobody_tells_is_shown_when_it_is_asked_for_again(fork: Fork, world: World) -> None:
    commit = fork.push()
    fork.comment()
    world.run_queue()
    fork.end(commit, is_heard=False)
    fork.comment()
    world.run_queue()
    assert fork.shown == commit


def test_a_later_commit_is_not_shown_until_it_is_approved(fork: Fork, world: World) -> None:
    first = shown(fork, "a")
    second = fork.push("b")
    fork.end(second)
    world.run_queue()
    assert fork.shown == first
    assert "Shows `aaaaaaa`, approved by ada.\n`bbbbbbb` is not approved" in fork.said
    fork.comment()
    world.run_queue()
    assert fork.shown == second
    assert "Shows `bbbbbbb`, approved by ada." in fork.said


def test_an_earlier_approval_does_not_bring_an_earlier_commit_back(fork: Fork, world: World) -> None:
    """The run of the first commit ends after that of the second: run numbers decide."""
    first, slow = fork.push("a"), fork.comment()
    world.run_queue()
    second = approved(fork, "b")
    world.run_queue()
    fork.end(first)
    world.run_queue()
    assert slow
    assert fork.shown == second
    assert {it.commit: it.status for it in world.deployments()} == {
        first: Status.READY,
        second: Status.READY,
    }


def test_it_works_without_the_gateway(fork: Fork, world: World) -> None:
    world.platform = replace(PLATFORM, deploy_auth=DeployAuth.TOKEN)
    shown(fork)
    assert fork.deployment.status is Status.READY


def test_the_namespace_of_the_untrusted_is_made(fork: Fork, world: World) -> None:
    del world.scripts.namespaces[UNTRUSTED]
    shown(fork)


# -------------------- which run


@pytest.mark.parametrize(
    "changes",
    [
        {"event": "push"},
        {"event": "workflow_dispatch"},
        {"head_repository_id": 501},
        {"head_repository_id": 999},
        {"conclusion": "cancelled"},
        {"conclusion": "skipped"},
        {"conclusion": "action_required"},
        {"status": "in_progress", "conclusion": None},
        {"status": "queued", "conclusion": None},
    ],
)
def test_other_runs_of_that_commit_do_not_count(fork: Fork, world: World, changes: dict[str, Any]) -> None:
    commit = fork.push()
    fork.end(commit)
    runs = world.repository().runs
    runs[-1] = replace(runs[-1], run=replace(runs[-1].run, **changes))
    fork.comment()
    world.run_queue()
    assert world.deployments() == []


def test_a_run_of_a_fork_that_is_gone_counts(fork: Fork, world: World) -> None:
    commit = fork.push()
    fork.end(commit)
    runs = world.repository().runs
    runs[-1] = replace(runs[-1], run=replace(runs[-1].run, head_repository_id=None))
    fork.comment()
    world.run_queue()
    assert fork.shown == commit


def test_a_fork_of_which_nobody_knows_where_it_is_counts(fork: Fork, world: World) -> None:
    commit = approved(fork)
    world.pull(replace(world.known_pull(), head_repository_id=None))
    world.run_queue()
    assert fork.shown == commit


def test_a_run_that_failed_says_so(fork: Fork, world: World) -> None:
    fork.end(fork.push(), "failure")
    fork.comment()
    world.run_queue()
    assert (fork.deployment.status, fork.deployment.error) == (
        Status.ERROR,
        "The workflow run ended with: failure.",
    )
    assert "❌ Failed" in fork.said
    assert "`aaaaaaa` was approved by ada." in fork.said


def test_a_run_that_somebody_has_to_let_run_is_waited_for(fork: Fork, world: World) -> None:
    """GitHub calls it completed, and goes on with the same attempt once it is let run."""
    commit = fork.push()
    fork.comment()
    fork.end(commit, "action_required")
    world.run_queue()
    assert world.deployments() == []
    fork.end(commit)
    world.run_queue()
    assert fork.shown == commit


def test_a_run_that_failed_and_is_repeated_is_waited_for(fork: Fork, world: World) -> None:
    commit = fork.push()
    run = fork.end(commit, "failure", is_heard=False)
    world.host.set_run(HOME, run.id, "in_progress", attempt=2)
    fork.comment()
    world.run_queue()
    assert world.deployments() == []
    fork.end(commit)
    world.run_queue()
    assert fork.shown == commit
    assert fork.deployment.run.attempt == 2


def test_a_failed_deployment_is_mended_by_running_it_again(fork: Fork, world: World) -> None:
    commit = fork.push()
    fork.end(commit, "failure")
    fork.comment()
    world.run_queue()
    world.host.set_run(HOME, fork.runs[commit].id, "queued", attempt=2)
    fork.end(commit)
    world.run_queue()
    assert fork.shown == commit
    assert [it.status for it in world.deployments()] == [Status.READY, Status.ERROR]


@pytest.mark.parametrize(
    "changes",
    [
        {"head_repository_id": 501},
        {"head_repository_id": 999},
        {"event": "push"},
        {"workflow_path": ".github/workflows/evil.yml"},
        {"status": "in_progress", "conclusion": None},
        {"head_commit": "f" * 40},
    ],
)
def test_word_of_other_runs_shows_nothing(fork: Fork, world: World, changes: dict[str, Any]) -> None:
    commit = fork.push()
    fork.comment()
    world.run_queue()
    before = len(world.jobs(JobType.FORK_PREVIEW))
    run = fork.end(commit, is_heard=False)
    fork.hear(fork.run_report(commit, run, **changes))
    assert len(world.jobs(JobType.FORK_PREVIEW)) == before


def test_word_of_a_run_that_nobody_approved_is_ignored(fork: Fork) -> None:
    commit = fork.push()
    run = fork.end(commit, is_heard=False)
    assert fork.hear(fork.run_report(commit, run)) == "ignored"
    elsewhere = RepositoryName(1, "acme/other")
    assert fork.hear(fork.run_report(commit, run, repository=elsewhere)) == "ignored"
