"""Every published example of an event that we handle is read, and every other one is left alone."""

import json

import pytest

from app.domain.reports import Report
from app.github.payloads import parse
from tests.published import events, examples

HANDLED = {
    "ping",
    "push",
    "pull_request",
    "workflow_run",
    "deployment_status",
    "installation",
    "installation_repositories",
}
ACTIONS = {"repository": {"renamed", "deleted", "transferred"}, "issue_comment": {"created"}}


@pytest.mark.parametrize("event", events())
def test_every_example_is_read_or_left_alone(event: str) -> None:
    for example in examples(event):
        is_ours = event in HANDLED or example.get("action") in ACTIONS.get(event, set())
        report = parse(event, json.dumps(example).encode())
        assert isinstance(report, Report) if is_ours else report is None


def test_the_examples_have_every_event_that_we_handle() -> None:
    assert {*events()} >= HANDLED | ACTIONS.keys()
