"""The API and the pages of Actions, as a client sees them."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

from tests.fakes.github_for_actions import workflow

if TYPE_CHECKING:
    from tests.fakes.github_for_actions import FakeGitHub

_ACTIONS = "/api/v3/repos/acme/hello/actions"
_DISPATCHED = """
name: By hand
on:
  workflow_dispatch:
    inputs:
      why: {required: true}
jobs:
  build:
    runs-on: ubuntu-latest
    steps: [{run: 'echo because ${{ inputs.why }}'}]
"""


@pytest.fixture
def run_id(engine: Any, github: FakeGitHub, watch: Any) -> int:
    """A run that failed."""
    text = workflow("- name: Break\n  run: echo '<b>breaking</b>'; exit 1")
    (run_id,) = engine.on_event(github.push(text, message="A change\n\nwith a body"))
    watch.completed(run_id)
    return int(run_id)


def test_runs_are_listed_and_filtered(client: Any, run_id: int) -> None:
    run = client.get(f"{_ACTIONS}/runs/{run_id}").json
    assert (run["status"], run["conclusion"], run["display_title"]) == ("completed", "failure", "A change")
    assert run["head_commit"]["message"] == "A change\n\nwith a body"

    for query in ("", "branch=main", "event=push", "status=failure", "status=completed", "actor=octo"):
        assert client.get(f"{_ACTIONS}/runs?{query}").json == {"total_count": 1, "workflow_runs": [run]}, (
            query
        )
    assert client.get(f"{_ACTIONS}/runs?head_sha={run['head_sha']}").json["total_count"] == 1
    for query in ("branch=other", "event=pull_request", "status=success", "actor=nobody", "head_sha=0"):
        assert client.get(f"{_ACTIONS}/runs?{query}").json["total_count"] == 0, query


def test_jobs_have_steps_and_logs(client: Any, run_id: int) -> None:
    (job,) = client.get(f"{_ACTIONS}/runs/{run_id}/jobs").json["jobs"]
    assert [step["number"] for step in job["steps"]] == [1, 2, 3]
    assert job["steps"][1]["name"] == "Break"

    assert client.get(f"{_ACTIONS}/jobs/{job['id']}").json == job
    answer = client.get(f"{_ACTIONS}/jobs/{job['id']}/logs")
    assert answer.status_code == 302
    log = client.get(answer.location)
    assert "##[error]Process completed with exit code 1." in log.text
    assert client.get(answer.location + "x").status_code == 404


def test_the_logs_of_a_run_are_a_zip_with_a_file_per_job_and_step(client: Any, run_id: int) -> None:
    answer = client.get(f"{_ACTIONS}/runs/{run_id}/logs")
    assert answer.status_code == 302

    archive = zipfile.ZipFile(io.BytesIO(client.get(answer.location).data))

    assert sorted(archive.namelist()) == [
        "0_build.txt",
        "build/1_Set up job.txt",
        "build/2_Break.txt",
        "build/3_Complete job.txt",
    ]
    assert b"<b>breaking</b>" in archive.read("build/2_Break.txt")


def test_a_failed_run_is_repeated_and_its_first_attempt_kept(client: Any, run_id: int, watch: Any) -> None:
    assert client.post(f"{_ACTIONS}/runs/{run_id}/rerun-failed-jobs").status_code == 201
    watch.completed(run_id)

    assert client.get(f"{_ACTIONS}/runs/{run_id}").json["run_attempt"] == 2
    first = client.get(f"{_ACTIONS}/runs/{run_id}/attempts/1").json
    assert (first["run_attempt"], first["conclusion"]) == (1, "failure")
    assert client.get(f"{_ACTIONS}/runs/{run_id}/attempts/1/jobs").json["total_count"] == 1
    assert client.get(f"{_ACTIONS}/runs/{run_id}/jobs?filter=all").json["total_count"] == 2
    assert client.get(f"{_ACTIONS}/runs/{run_id}/attempts/3/logs").status_code == 404


def test_a_completed_run_cannot_be_cancelled_but_deleted(client: Any, run_id: int) -> None:
    assert client.post(f"{_ACTIONS}/runs/{run_id}/cancel").status_code == 409
    assert client.delete(f"{_ACTIONS}/runs/{run_id}").status_code == 204
    answer = client.get(f"{_ACTIONS}/runs/{run_id}")
    assert (answer.status_code, answer.json["message"]) == (404, "Not Found")


@pytest.mark.parametrize("how", ["cancel", "force-cancel"])
def test_a_run_in_progress_is_cancelled(
    client: Any, engine: Any, github: FakeGitHub, watch: Any, how: str
) -> None:
    (run_id,) = engine.on_event(github.push(workflow("- run: echo begun; exec sleep 60")))
    watch.says(run_id, "begun")
    assert client.delete(f"{_ACTIONS}/runs/{run_id}").status_code == 403
    assert client.post(f"{_ACTIONS}/runs/{run_id}/rerun").status_code == 403

    assert client.post(f"{_ACTIONS}/runs/{run_id}/{how}").status_code == 202

    assert watch.completed(run_id).conclusion == "cancelled"


def test_a_workflow_is_dispatched_with_inputs(
    client: Any, engine: Any, github: FakeGitHub, watch: Any
) -> None:
    github.commit({".github/workflows/hand.yml": _DISPATCHED})
    path = f"{_ACTIONS}/workflows/hand.yml"

    assert (
        client.post(f"{path}/dispatches", json={"ref": "main", "inputs": {"why": "asked"}}).status_code == 204
    )

    (run,) = client.get(f"{path}/runs").json["workflow_runs"]
    assert (run["event"], run["actor"]["login"]) == ("workflow_dispatch", "octo")
    assert watch.completed(run["id"]).conclusion == "success"
    assert "because asked" in watch.log(run["id"])
    engine.rerun(engine.records.run(run["id"]))
    assert watch.completed(run["id"]).conclusion == "success"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, '"ref" wasn\'t supplied'),
        ({"ref": "nowhere", "inputs": {"why": "x"}}, "No ref found for: nowhere"),
        ({"ref": "main"}, "Required input 'why' not provided"),
        ({"ref": "main", "inputs": {"why": "x", "more": "y"}}, "Unexpected inputs provided"),
        ({"ref": "main", "inputs": "x"}, "is not an object"),
    ],
)
def test_a_dispatch_that_does_not_fit_is_refused(
    client: Any, github: FakeGitHub, body: dict[str, Any], message: str
) -> None:
    github.commit({".github/workflows/hand.yml": _DISPATCHED})

    answer = client.post(f"{_ACTIONS}/workflows/hand.yml/dispatches", json=body)

    assert answer.status_code == 422
    assert message in answer.json["message"]


def test_a_disabled_workflow_does_not_run_until_it_is_enabled(
    client: Any, engine: Any, github: FakeGitHub, watch: Any
) -> None:
    occasion = github.push(workflow("- run: true"))
    (record,) = client.get(f"{_ACTIONS}/workflows").json["workflows"]
    assert record["state"] == "active"

    assert client.put(f"{_ACTIONS}/workflows/{record['id']}/disable").status_code == 204
    assert client.get(f"{_ACTIONS}/workflows/ci.yml").json["state"] == "disabled_manually"
    assert engine.on_event(occasion) == []
    assert client.put(f"{_ACTIONS}/workflows/ci.yml/enable").status_code == 204
    (run_id,) = engine.on_event(occasion)

    assert watch.completed(run_id).conclusion == "success"


def test_lists_come_in_pages(client: Any, engine: Any, github: FakeGitHub) -> None:
    occasion = github.push("on: push\nname: Bad\n")
    for _ in range(3):
        engine.on_event(occasion)

    answer = client.get(f"{_ACTIONS}/runs?per_page=2&branch=main")

    assert (answer.json["total_count"], len(answer.json["workflow_runs"])) == (3, 2)
    assert 'per_page=2&branch=main&page=2>; rel="next"' in answer.headers["Link"]
    assert len(client.get(f"{_ACTIONS}/runs?per_page=2&page=2").json["workflow_runs"]) == 1


@pytest.mark.parametrize(
    "path",
    ["/runs/99", "/runs/99/jobs", "/jobs/99", "/jobs/99/logs", "/workflows/none.yml", "/runs/99/logs"],
)
def test_what_is_not_there_is_not_found(client: Any, path: str) -> None:
    answer = client.get(f"{_ACTIONS}{path}")
    assert (answer.status_code, answer.json["message"]) == (404, "Not Found")
    assert client.get(f"/api/v3/repos/acme/other/actions{path}").status_code == 404


def test_the_pages_show_runs_and_escape_what_they_show(client: Any, run_id: int) -> None:
    listing = client.get("/acme/hello/actions").text
    assert "A change" in listing
    assert f"/acme/hello/actions/runs/{run_id}" in listing

    page = client.get(f"/acme/hello/actions/runs/{run_id}").text

    assert "&lt;b&gt;breaking&lt;/b&gt;" in page
    assert "<b>breaking" not in page
    assert 'class="error">Process completed with exit code 1.' in page
    job = client.get(f"{_ACTIONS}/runs/{run_id}/jobs").json["jobs"][0]
    assert "breaking" in client.get(job["html_url"]).text
    assert client.get("/acme/hello/actions/runs/99").status_code == 404
    assert client.get("/acme/other/actions").status_code == 404
