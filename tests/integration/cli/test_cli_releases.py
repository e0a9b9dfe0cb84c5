"""`branchline rollback`, `resume`, `promote` and `redeploy`: what they ask for, wait for and say."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.integration.cli.control import Control, Said

LIVE: dict[str, Any] = {
    "id": "dpl_1",
    "commit": "4b825dc642",
    "message": "Say\x1b[31m hello",
    "immutableUrl": "https://production-4xr0q2h9tb-bcdfghjk.apps.test",
    "isLive": True,
    "pinned": True,
    "run": {"url": "https://github.test/runs/1"},
}
ANSWER: dict[str, Any] = {
    "deployment": {**LIVE, "isLive": False},
    "environment": "production",
    "url": "https://bcdfghjk.apps.test",
    "jobId": "job_1",
}
DONE: dict[str, Any] = {
    "status": "completed",
    "waitingFor": None,
    "error": None,
    "steps": [{"name": "put up", "status": "completed"}],
    "result": {"attempt": 2},
}
APP: dict[str, Any] = {
    "name": "hello",
    "environments": {"staging": {"deploymentId": "dpl_s"}, "production": {"deploymentId": None}},
    "previews": [
        {"pullRequest": {"number": 7}, "deploymentId": "dpl_7"},
        {"pullRequest": None, "deploymentId": "dpl_branch"},
    ],
}
APP_PATH, PROMOTE = "/api/apps/hello", "/api/deployments/{}/promote"


@pytest.fixture
def control(control: Control) -> Control:
    control.answer("GET", "/api/jobs/job_1", DONE)
    control.answer("GET", "/api/deployments/dpl_1", LIVE)
    control.answer("GET", APP_PATH, APP)
    for path in (f"{APP_PATH}/rollback", f"{APP_PATH}/resume", "/api/deployments/dpl_1/redeploy"):
        control.answer("POST", path, ANSWER, status=202)
    for deployment in ("dpl_1", "dpl_7", "dpl_s", "dpl_branch"):
        control.answer("POST", PROMOTE.format(deployment), ANSWER, status=202)
    return control


def asked(control: Control) -> tuple[str, Any]:
    """Return where the one POST went, and what it said."""
    ((path, body),) = [(path, body) for method, path, body in control.asked if method == "POST"]
    return path, body


def test_a_rollback_waits_until_it_is_live(control: Control, run: Callable[..., Said]) -> None:
    said = run("rollback", "hello", "--by", "ada")
    assert said.exit_code == 0
    assert asked(control) == (f"{APP_PATH}/rollback", {"environment": "production", "by": "ada"})
    assert said.err.splitlines() == ["  ✓ put up"]
    assert said.out.splitlines() == [
        "production       https://bcdfghjk.apps.test",
        "deployment       dpl_1",
        "commit           4b825dc Say [31m hello",
        "its own address  https://production-4xr0q2h9tb-bcdfghjk.apps.test",
        "live             yes, pinned: pushes do not go live until `branchline resume`",
    ]


def test_a_rollback_to_a_deployment_is_asked_for(control: Control, run: Callable[..., Said]) -> None:
    run("rollback", "hello", "--environment", "staging", "--to", "dpl_9", "--by", "ada", "--no-wait")
    body = {"environment": "staging", "to": "dpl_9", "by": "ada"}
    assert asked(control) == (f"{APP_PATH}/rollback", body)
    assert [method for method, _, _ in control.asked] == ["POST"]


def test_who_is_logged_in_decides(
    control: Control, run: Callable[..., Said], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("getpass.getuser", lambda: "grace")
    run("rollback", "hello", "--no-wait")
    assert asked(control)[1]["by"] == "grace"


def test_nobody_has_to_be_logged_in(
    control: Control, run: Callable[..., Said], monkeypatch: pytest.MonkeyPatch
) -> None:
    def nobody() -> str:
        raise OSError("no username set in the environment")

    monkeypatch.setattr("getpass.getuser", nobody)
    run("rollback", "hello", "--no-wait")
    assert asked(control)[1]["by"] == "operator"


def test_what_was_overtaken_says_so(control: Control, run: Callable[..., Said]) -> None:
    control.answer("GET", "/api/deployments/dpl_1", {**LIVE, "isLive": False})
    said = run("resume", "hello", "--by", "ada")
    assert "live             no: something else was decided, or pushed, meanwhile" in said.out.splitlines()


def test_a_preview_is_resumed_by_its_pull_request(control: Control, run: Callable[..., Said]) -> None:
    run("resume", "hello", "--pull-request", "7", "--by", "ada")
    body = {"environment": "preview", "pullRequest": 7, "by": "ada"}
    assert asked(control) == (f"{APP_PATH}/resume", body)


@pytest.mark.parametrize(
    ("arguments", "deployment"),
    [
        (["dpl_1"], "dpl_1"),
        (["hello", "--pull-request", "7"], "dpl_7"),
        (["hello", "--from", "staging"], "dpl_s"),
        (["hello", "--from", "preview"], "dpl_branch"),
    ],
)
def test_what_is_promoted_is_said_in_many_ways(
    control: Control, run: Callable[..., Said], arguments: list[str], deployment: str
) -> None:
    assert run("promote", *arguments, "--by", "ada").exit_code == 0
    assert asked(control) == (PROMOTE.format(deployment), {"environment": "production", "by": "ada"})


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ([], "say which of its deployments"),
        (["--pull-request", "7", "--from", "staging"], "say which of its deployments"),
        (["--pull-request", "8"], "nothing is deployed for #8"),
        (["--from", "production"], "nothing is deployed for production"),
    ],
)
def test_a_promotion_is_not_guessed(
    control: Control, run: Callable[..., Said], arguments: list[str], text: str
) -> None:
    said = run("promote", "hello", *arguments)
    assert said.exit_code == 1
    assert text in said.err
    assert [method for method, _, _ in control.asked] == ["GET"]


def test_a_run_is_run_again(control: Control, run: Callable[..., Said]) -> None:
    said = run("redeploy", "dpl_1", "--by", "ada")
    assert asked(control) == ("/api/deployments/dpl_1/redeploy", {"by": "ada"})
    assert said.out.splitlines() == [
        "deployment  dpl_1",
        "run         https://github.test/runs/1",
        "attempt     2",
    ]


@pytest.mark.usefixtures("control")
def test_the_answer_is_json_when_asked(run: Callable[..., Said]) -> None:
    assert json.loads(run("rollback", "hello", "--json").out) == {**ANSWER, "deployment": LIVE}
    again = json.loads(run("redeploy", "dpl_1", "--json").out)
    assert again["result"] == {"attempt": 2}


def test_a_refusal_says_why(control: Control, run: Callable[..., Said]) -> None:
    code = "environment:no-earlier-deployment"
    control.refuse("POST", f"{APP_PATH}/rollback", 409, code, "rolling back hello/production: nothing")
    said = run("rollback", "hello")
    assert said.exit_code == 1
    assert said.err == f"branchline: rolling back hello/production: nothing [{code}]\n"
