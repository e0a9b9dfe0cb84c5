import pytest

from app.errors import RemoteConflict, RemoteMissing
from app.ports import File, WorkflowRun
from tests.contract.code_host.hosts import (
    ORG,
    UNKNOWN,
    WORKFLOW,
    CodeHost,
    commit,
    eventually,
    head,
    writes,
)


def first_run(host: CodeHost, full_name: str, sha: str) -> WorkflowRun:
    return eventually(lambda: next(iter(host.runs.of_commit(full_name, sha)), None))


def test_a_commit_with_the_workflow_starts_a_run_that_can_be_cancelled(host: CodeHost, shop: str) -> None:
    sha = commit(host, shop, WORKFLOW)
    run = first_run(host, shop, sha)
    assert (run.number, run.attempt, run.branch) == (1, 1, "main")
    assert run.url.endswith(f"/{shop}/actions/runs/{run.id}")
    host.runs.cancel(shop, run.id)
    ended = eventually(
        lambda: next((it for it in host.runs.of_commit(shop, sha) if it.status == "completed"), None)
    )
    assert (ended.id, ended.status, ended.conclusion) == (run.id, "completed", "cancelled")
    host.runs.cancel(shop, run.id)


def test_a_run_that_is_over_is_repeated_as_its_next_attempt(host: CodeHost, shop: str) -> None:
    sha = commit(host, shop, WORKFLOW)
    run = first_run(host, shop, sha)
    with pytest.raises(RemoteConflict) as refused:  # it is still going on
        host.runs.rerun(shop, run.id)
    assert refused.value.error_code == "run:not-repeatable"
    host.runs.cancel(shop, run.id)
    eventually(lambda: any(it.status == "completed" for it in host.runs.of_commit(shop, sha)) or None)
    with writes(host, 1):
        host.runs.rerun(shop, run.id)
    (again,) = host.runs.of_commit(shop, sha)
    assert (again.id, again.number, again.attempt) == (run.id, run.number, 2)
    assert again.status != "completed"
    host.runs.cancel(shop, run.id)


def test_an_unknown_run_cannot_be_repeated(host: CodeHost, shop: str) -> None:
    with pytest.raises(RemoteMissing):
        host.runs.rerun(shop, 999_999)


def test_a_workflow_is_started_by_hand_and_its_newest_run_comes_first(host: CodeHost, shop: str) -> None:
    sha = commit(host, shop, WORKFLOW)
    first = first_run(host, shop, sha)
    host.runs.dispatch(shop, "main")
    runs = eventually(lambda: it if len(it := host.runs.of_commit(shop, sha)) == 2 else None)
    assert [it.number for it in runs] == [2, 1]
    assert runs[1].id == first.id
    for run in runs:
        host.runs.cancel(shop, run.id)


def test_a_commit_without_the_workflow_has_no_runs(host: CodeHost, shop: str) -> None:
    assert list(host.runs.of_commit(shop, head(host, shop))) == []


def test_runs_of_an_absent_repository_are_an_error(host: CodeHost) -> None:
    with pytest.raises(RemoteMissing):
        host.runs.of_commit(f"{ORG}/nothing", UNKNOWN)


def test_a_workflow_that_is_not_there_is_neither_enabled_nor_started(host: CodeHost, shop: str) -> None:
    with pytest.raises(RemoteMissing):
        host.runs.enable_workflow(shop)
    with pytest.raises(RemoteMissing):
        host.runs.dispatch(shop, "main")


def test_an_unknown_run_cannot_be_cancelled(host: CodeHost, shop: str) -> None:
    with pytest.raises(RemoteMissing):
        host.runs.cancel(shop, 999_999)


def test_a_fork_runs_nothing_until_actions_are_on(host: CodeHost, fork: str) -> None:
    silent = commit(host, fork, WORKFLOW)
    host.repositories.enable_actions(fork)
    heard = commit(host, fork, File("a", b"1"))
    run = first_run(host, fork, heard)
    assert list(host.runs.of_commit(fork, silent)) == []
    host.runs.cancel(fork, run.id)
