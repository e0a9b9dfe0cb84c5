"""`branchline previews approve`: what it asks for, waits for and says."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.integration.cli.control import Control, Said

COMMIT = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
PATH = "/api/apps/hello/pulls/7/preview"
ANSWER: dict[str, Any] = {
    "pullRequest": 7,
    "commit": COMMIT,
    "approvedBy": "ada",
    "url": "https://fork-pr7-bcdfghjk.apps.test",
    "jobId": "job_1",
}
JOB: dict[str, Any] = {"status": "completed", "waitingFor": None, "error": None, "steps": []}


@pytest.fixture
def control(control: Control) -> Control:
    control.answer("POST", PATH, ANSWER, status=202)
    return control


def approve(control: Control, run: Callable[..., Said], result: Any, *more: str) -> Said:
    control.answer("GET", "/api/jobs/job_1", {**JOB, "result": result})
    return run("previews", "approve", "hello", "7", "--commit", COMMIT.upper(), "--by", "ada", *more)


def test_an_approved_commit_is_waited_for(control: Control, run: Callable[..., Said]) -> None:
    said = approve(control, run, {"deployment": "dpl_1", "status": "ready"})
    assert said.exit_code == 0
    assert control.asked[0] == ("POST", PATH, {"commit": COMMIT, "by": "ada"})
    assert said.out.splitlines() == [
        "pull request  #7",
        f"commit        {COMMIT}",
        "approved by   ada",
        "preview       https://fork-pr7-bcdfghjk.apps.test",
        "shown         yes",
    ]


def test_a_run_that_has_not_ended_is_told(control: Control, run: Callable[..., Said]) -> None:
    said = approve(control, run, {"skipped": "no run of it has ended yet"})
    assert said.exit_code == 0
    assert said.out.splitlines()[-1] == "shown         not yet: no run of it has ended yet"


def test_what_could_not_be_shown_says_why(control: Control, run: Callable[..., Said]) -> None:
    said = approve(control, run, {"status": "error", "error": "reading the artifact: it is damaged"})
    assert said.exit_code == 2
    assert "showing 4B825DC of #7: reading the artifact: it is damaged" in said.err


def test_nobody_has_to_wait(control: Control, run: Callable[..., Said]) -> None:
    said = approve(control, run, None, "--no-wait", "--json")
    assert [method for method, _, _ in control.asked] == ["POST"]
    assert json.loads(said.out) == {**ANSWER, "result": {}}


def test_a_commit_has_to_be_named(run: Callable[..., Said]) -> None:
    assert run("previews", "approve", "hello", "7").exit_code == 1


def test_a_refusal_is_told(control: Control, run: Callable[..., Said]) -> None:
    control.refuse("POST", PATH, 409, "pull-request:other-commit", "its newest commit is another")
    said = run("previews", "approve", "hello", "7", "--commit", COMMIT)
    assert said.exit_code == 1
    assert "its newest commit is another [pull-request:other-commit]" in said.err
