from typing import Any

import pytest
import responses

from app.errors import RemoteConflict, RemoteForbidden, RemoteMissing, RemoteRefused
from app.github.client import GitHub
from app.github.runs import GitHubRuns
from tests.integration.github.recorded import MADE, SHOP, query, sent


def run(run_id: int, path: str = ".github/workflows/deploy.yml", **more: Any) -> dict[str, Any]:
    return {
        "id": run_id,
        "run_number": 3,
        "run_attempt": 1,
        "html_url": f"https://github.com/acme/shop/actions/runs/{run_id}",
        "status": "queued",
        "conclusion": None,
        "path": path,
        "head_branch": "main",
        "event": "push",
        "head_repository": {"id": 7, "full_name": "acme/shop"},
        "head_commit": {"id": MADE, "message": "Make it blue"},
        **more,
    }


def test_only_runs_of_our_workflow_are_listed_newest_first(
    http: responses.RequestsMock, github: GitHub
) -> None:
    listed = [run(4), run(9, ".github/workflows/deploy.yml@main"), run(8, ".github/workflows/lint.yml")]
    http.get(f"{SHOP}/actions/runs", json={"total_count": 3, "workflow_runs": listed})
    assert [it.id for it in GitHubRuns(github).of_commit("acme/shop", MADE)] == [9, 4]
    assert query(http) == {"head_sha": MADE, "per_page": "100"}
    assert len(http.calls) == 1


def test_a_run_says_where_its_commit_comes_from(http: responses.RequestsMock, github: GitHub) -> None:
    fork: dict[str, Any] = {"event": "pull_request", "head_repository": {"id": 66}}
    gone: dict[str, Any] = {"event": "pull_request", "head_repository": None, "head_commit": None}
    listed = [run(6), run(5, **fork), run(4, **gone)]
    http.get(f"{SHOP}/actions/runs", json={"total_count": 3, "workflow_runs": listed})
    found = GitHubRuns(github).of_commit("acme/shop", MADE)
    assert [(it.event, it.head_repository_id, it.message) for it in found] == [
        ("push", 7, "Make it blue"),
        ("pull_request", 66, "Make it blue"),
        ("pull_request", None, None),
    ]
    assert len(http.calls) == 1


def test_the_workflow_is_enabled_and_started(http: responses.RequestsMock, github: GitHub) -> None:
    workflow = f"{SHOP}/actions/workflows/deploy.yml"
    http.put(f"{workflow}/enable", status=204)
    http.post(f"{workflow}/dispatches", status=204)
    GitHubRuns(github).enable_workflow("acme/shop")
    GitHubRuns(github).dispatch("acme/shop", "main")
    assert sent(http) == {"ref": "main"}


def test_a_run_that_is_over_needs_no_cancelling(http: responses.RequestsMock, github: GitHub) -> None:
    message = "Cannot cancel a workflow run that is completed."
    http.post(f"{SHOP}/actions/runs/4/cancel", status=409, json={"message": message})
    GitHubRuns(github).cancel("acme/shop", 4)


def test_a_run_is_repeated(http: responses.RequestsMock, github: GitHub) -> None:
    http.post(f"{SHOP}/actions/runs/4/rerun", status=201, json={})
    GitHubRuns(github).rerun("acme/shop", 4)
    assert len(http.calls) == 1


@pytest.mark.parametrize(
    ("reason", "kind", "code"),
    [
        ("This workflow is already running", RemoteConflict, "run:not-repeatable"),
        (
            "Unable to retry this workflow run because it was created over a month ago",
            RemoteConflict,
            "run:not-repeatable",
        ),
        ("Resource not accessible by integration", RemoteForbidden, "remote:forbidden"),
        ("Must have admin rights to Repository.", RemoteForbidden, "remote:forbidden"),
    ],
)
def test_why_a_run_is_not_repeated_is_told_apart(
    http: responses.RequestsMock, github: GitHub, reason: str, kind: type[RemoteRefused], code: str
) -> None:
    http.post(f"{SHOP}/actions/runs/4/rerun", status=403, json={"message": reason})
    with pytest.raises(kind, match=reason) as refused:
        GitHubRuns(github).rerun("acme/shop", 4)
    assert refused.value.error_code == code


def test_a_run_that_is_gone_is_not_repeated(http: responses.RequestsMock, github: GitHub) -> None:
    http.post(f"{SHOP}/actions/runs/4/rerun", status=404, json={"message": "Not Found"})
    with pytest.raises(RemoteMissing):
        GitHubRuns(github).rerun("acme/shop", 4)
