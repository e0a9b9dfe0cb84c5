"""What Actions answers and sends, against GitHub's published descriptions."""

from __future__ import annotations

import copy
import json
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import flask
import jsonschema
import pytest

from sandbox import actions
from sandbox.actions import routes
from tests.fakes.github_for_actions import FakeGitHub

if TYPE_CHECKING:
    from collections.abc import Iterator

_OCTOKIT = Path(__file__).parents[2] / ".sandbox/tools/node_modules/@octokit"
_ACTIONS = "/api/v3/repos/acme/hello/actions"
_WORKFLOW = """
name: CI
on: [push, workflow_dispatch]
jobs:
  build:
    runs-on: ubuntu-latest
    steps:
      - run: echo built
      - if: failure()
        run: echo never
  after:
    needs: build
    if: ${{ false }}
    runs-on: ubuntu-latest
    steps: [{run: echo never}]
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[FakeGitHub, Any, Any]]:
    """One run from push to end: the GitHub with the events, a client, the run's id."""
    directory = tmp_path_factory.mktemp("actions")
    github = FakeGitHub(directory)
    engine = actions.create(directory / "actions", github, concurrency=1)
    engine.start()
    application = flask.Flask("test")
    application.register_blueprint(routes.blueprint(engine, github), url_prefix="/api/v3")
    (run_id,) = engine.on_event(github.push(_WORKFLOW))
    github.wait_for(lambda: ("workflow_run", "completed") in [(e, p["action"]) for e, p in github.events])
    yield github, application.test_client(), run_id
    engine.close()
    github.close()


def _read(path: str) -> Any:
    return json.loads((_OCTOKIT / path).read_text(encoding="utf-8"))


@lru_cache
def _openapi() -> Any:
    return _read("openapi/generated/api.github.com.json")


def _answer_schema(path: str) -> dict[str, Any]:
    operation = _openapi()["paths"][f"/repos/{{owner}}/{{repo}}/actions{path}"]["get"]
    schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
    return {**_with_null(copy.deepcopy(schema)), "components": _components()}


@lru_cache
def _components() -> Any:
    return {"schemas": _with_null(copy.deepcopy(_openapi()["components"]["schemas"]))}


def _with_null(schema: Any) -> Any:
    """Say `nullable` in JSON Schema's words."""
    if isinstance(schema, list):
        return [_with_null(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    translated = {name: _with_null(value) for name, value in schema.items() if name != "nullable"}
    return {"anyOf": [translated, {"type": "null"}]} if schema.get("nullable") is True else translated


@pytest.mark.parametrize(
    ("described", "path"),
    [
        ("/workflows", "/workflows"),
        ("/workflows/{workflow_id}", "/workflows/ci.yml"),
        ("/workflows/{workflow_id}/runs", "/workflows/ci.yml/runs"),
        ("/runs", "/runs"),
        ("/runs/{run_id}", "/runs/{run_id}"),
        ("/runs/{run_id}/jobs", "/runs/{run_id}/jobs"),
        ("/runs/{run_id}/artifacts", "/runs/{run_id}/artifacts"),
        ("/runs/{run_id}/attempts/{attempt_number}", "/runs/{run_id}/attempts/1"),
        ("/runs/{run_id}/attempts/{attempt_number}/jobs", "/runs/{run_id}/attempts/1/jobs"),
        ("/jobs/{job_id}", "/jobs/1"),
    ],
)
def test_an_answer_has_the_shape_that_github_describes(world: Any, described: str, path: str) -> None:
    _, client, run_id = world

    answer = client.get(_ACTIONS + path.format(run_id=run_id))

    assert answer.status_code == 200
    jsonschema.Draft7Validator(_answer_schema(described)).validate(answer.json)


def test_an_event_has_the_shape_that_github_publishes(world: Any) -> None:
    github, _, _ = world
    published = _read("webhooks-schemas/schema.json")
    assert [payload["action"] for event, payload in github.events if event == "workflow_run"] == [
        "requested",
        "in_progress",
        "completed",
    ]

    repository = _published_repository(published)
    for event, payload in github.events:
        schema = {
            **published["definitions"][f"{event}${payload['action']}"],
            "definitions": published["definitions"],
        }
        whole = {**payload, "repository": repository, "sender": github.user()}
        jsonschema.Draft7Validator(schema).validate(whole)


def test_skipped_and_finished_jobs_are_both_told(world: Any) -> None:
    github, _, _ = world
    jobs = [p["workflow_job"] for e, p in github.events if (e, p["action"]) == ("workflow_job", "completed")]

    assert sorted((job["name"], job["conclusion"]) for job in jobs) == [
        ("after", "skipped"),
        ("build", "success"),
    ]
    assert {job["run_id"] for job in jobs} == {1}


def _published_repository(published: Any) -> Any:
    """Return a repository out of GitHub's own examples: the real one is the business of another room."""
    schema = {**published["definitions"]["repository"], "definitions": published["definitions"]}
    is_valid = jsonschema.Draft7Validator(schema).is_valid
    events = _read("webhooks-examples/api.github.com/index.json")
    examples = (example for event in events for example in event["examples"] if "repository" in example)
    return next(example["repository"] for example in examples if is_valid(example["repository"]))
