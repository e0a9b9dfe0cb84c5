from typing import Any

import responses

from app.github.client import GitHub
from app.github.runs import GitHubRuns
from tests.integration.github.recorded import MADE, SHOP, query, sent


def run(run_id: int, path: str = ".github/workflows/deploy.yml") -> dict[str, Any]:
    return {
        "id": run_id,
        "run_number": 3,
        "run_attempt": 1,
        "html_url": f"https://github.com/acme/shop/actions/runs/{run_id}",
        "status": "queued",
        "conclusion": None,
        "path": path,
    }


def test_only_runs_of_our_workflow_are_listed_newest_first(
    http: responses.RequestsMock, github: GitHub
) -> None:
    listed = [run(4), run(9, ".github/workflows/deploy.yml@main"), run(8, ".github/workflows/lint.yml")]
    http.get(f"{SHOP}/actions/runs", json={"total_count": 3, "workflow_runs": listed})
    assert [it.id for it in GitHubRuns(github).of_commit("acme/shop", MADE)] == [9, 4]
    assert query(http) == {"head_sha": MADE, "per_page": "100"}
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
