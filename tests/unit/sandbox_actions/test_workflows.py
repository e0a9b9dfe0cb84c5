from __future__ import annotations

from typing import Any

import pytest

from sandbox.actions.concurrency import Group, Member, groups, to_cancel
from sandbox.actions.dispatches import DispatchError, inputs_of
from sandbox.actions.workflows import Workflow, WorkflowError, parse

_JOBS = "jobs: {build: {runs-on: ubuntu-latest, steps: [{run: 'true'}]}}"


def test_on_is_a_key_and_words_like_yes_are_words() -> None:
    workflow = parse("ci.yml", f"on: {{workflow_dispatch: {{inputs: {{sure: {{default: yes}}}}}}}}\n{_JOBS}")

    assert workflow.triggers["workflow_dispatch"]["inputs"]["sure"]["default"] == "yes"
    assert workflow.name == "ci.yml"


def test_steps_have_the_names_and_keys_that_they_are_reported_under() -> None:
    text = """
on: push
jobs:
  build:
    name: Build it
    runs-on: [self-hosted, linux]
    steps:
      - uses: actions/checkout@v4
      - {id: test, run: "npm test\\nnpm run lint"}
      - {name: Last, if: always(), run: "true"}
"""
    (job,) = parse("ci.yml", text).jobs

    assert (job.key, job.name, job.labels) == ("build", "Build it", ("self-hosted", "linux"))
    assert [(step.key, step.name) for step in job.steps] == [
        ("0", "Run actions/checkout@v4"),
        ("test", "Run npm test"),
        ("2", "Last"),
    ]
    assert parse("ci.yml", text).condition("build", "2") == "always()"
    assert parse("ci.yml", text).uses == {"actions/checkout@v4"}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("on: push\njobs: {", "yaml syntax"),
        ("- a", "must be a mapping"),
        (_JOBS, "No event triggers"),
        ("on: push", "Required property is missing: jobs"),
        ("on: push\njobs: {a: {steps: [{run: x}]}}", "Required property is missing: runs-on"),
        ("on: push\njobs: {a: {runs-on: x}}", "Required property is missing: steps"),
        ("on: push\njobs: {a: {runs-on: x, steps: [{name: x}]}}", "`uses` or `run`"),
        ("on: push\njobs: {a: {runs-on: x, steps: [{run: x, uses: y}]}}", "`uses` or `run`"),
        ("on: push\njobs: {a: {runs-on: x, needs: b, steps: [{run: x}]}}", "unknown job 'b'"),
        (
            "on: push\njobs: {a: {runs-on: x, needs: a, steps: [{run: x}]}}",
            "at least one job with no dependencies",
        ),
        (f"on: {{push: {{branches: [a], branches-ignore: [b]}}}}\n{_JOBS}", "only define one of"),
    ],
)
def test_an_invalid_file_is_refused_with_a_reason(text: str, reason: str) -> None:
    with pytest.raises(WorkflowError, match=reason):
        parse("ci.yml", text)


@pytest.mark.parametrize(
    ("permissions", "is_read_only"),
    [
        ("", False),
        ("permissions: {}", True),
        ("permissions: {contents: read}", True),
        ("permissions: {contents: read, id-token: write}", True),
        ("permissions: {contents: write, id-token: write}", False),
        ("permissions: write-all", False),
    ],
)
def test_permissions_decide_what_the_token_may(permissions: str, is_read_only: bool) -> None:  # noqa: FBT001
    assert parse("ci.yml", f"on: push\n{permissions}\n{_JOBS}").is_read_only is is_read_only


def _with_concurrency(source: str) -> Workflow:
    return parse("ci.yml", f"on: push\nconcurrency: {source}\n{_JOBS}")


def _github(event_name: str, ref_name: str, **event: Any) -> dict[str, Any]:
    return {"github": {"event_name": event_name, "ref_name": ref_name, "event": event}}


_DEPLOY = """
  group: ${{ github.event_name == 'pull_request' && format('pr-{0}', github.event.number)
    || github.ref_name }}
  cancel-in-progress: ${{ github.event_name == 'pull_request' || !(github.ref_name == 'main') }}"""


def test_previews_give_way_and_production_does_not() -> None:
    workflow = _with_concurrency(_DEPLOY)

    assert groups(workflow, _github("push", "main")) == (Group("main", cancels=False),)
    assert groups(workflow, _github("push", "Feature")) == (Group("feature", cancels=True),)
    assert groups(workflow, _github("pull_request", "7/merge", number=7)) == (Group("pr-7", cancels=True),)


def test_a_name_alone_is_a_group_and_no_name_is_none() -> None:
    assert groups(_with_concurrency("production"), {}) == (Group("production", cancels=False),)
    assert groups(_with_concurrency("''"), {}) == ()
    assert groups(parse("ci.yml", f"on: push\n{_JOBS}"), {}) == ()


def test_a_jobs_group_counts_for_its_run() -> None:
    concurrency = "{group: a, cancel-in-progress: true}"
    text = f"on: push\njobs: {{a: {{runs-on: x, concurrency: {concurrency}, steps: [{{run: x}}]}}}}"

    assert groups(parse("ci.yml", text), {}) == (Group("a", cancels=True),)


def test_a_new_member_ends_the_waiting_one_or_all() -> None:
    others = [Member(1, holds=True), Member(2, holds=False)]

    assert to_cancel(Group("x", cancels=False), others) == [2]
    assert to_cancel(Group("x", cancels=True), others) == [1, 2]


_INPUTS = (
    "{workflow_dispatch: {inputs: {"
    "why: {required: true}, "
    "level: {type: choice, options: [low, high], default: low}, "
    "dry: {type: boolean, default: false}}}}"
)


def test_inputs_of_a_dispatch_are_completed() -> None:
    workflow = parse("ci.yml", f"on: {_INPUTS}\n{_JOBS}")

    assert inputs_of(workflow, {"why": "because"}) == {"why": "because", "level": "low", "dry": "false"}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "Required input 'why' not provided"),
        ({"why": "x", "other": "y"}, "Unexpected inputs provided"),
        ({"why": "x", "level": "middle"}, "not in the list of allowed values"),
        ({"why": "x", "dry": "maybe"}, "is not a boolean"),
    ],
)
def test_inputs_that_do_not_fit_are_refused(given: dict[str, str], message: str) -> None:
    with pytest.raises(DispatchError, match=message):
        inputs_of(parse("ci.yml", f"on: {_INPUTS}\n{_JOBS}"), given)


def test_only_workflows_that_say_so_are_dispatched() -> None:
    with pytest.raises(DispatchError, match="does not have 'workflow_dispatch' trigger"):
        inputs_of(parse("ci.yml", f"on: push\n{_JOBS}"), {})
