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
REPOSITORY_ACTIONS = {"renamed", "deleted", "transferred"}


@pytest.mark.parametrize("event", events())
def test_every_example_is_read_or_left_alone(event: str) -> None:
    for example in examples(event):
        is_ours = event in HANDLED or (event == "repository" and example["action"] in REPOSITORY_ACTIONS)
        report = parse(event, json.dumps(example).encode())
        assert isinstance(report, Report) if is_ours else report is None


def test_the_examples_have_every_event_that_we_handle() -> None:
    assert {*events()} >= HANDLED | {"repository"}
