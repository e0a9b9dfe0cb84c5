"""`branchline deployments log`, `changes` and `runtime-logs`."""

from collections.abc import Callable
from typing import Any

import pytest

from app.cli import builds, patience
from tests.integration.cli.control import TOO_BUSY, Control, Said

PATH = "/api/deployments/dpl_1"
BUSY = {"error": {"code": "request:overloaded", "message": "asking: too many", "details": {}}}
GOING_ON = {"error": {"code": "build:going-on", "message": "reading the log: not yet", "details": {}}}
BUILD = {
    "jobs": [
        {
            "id": 1,
            "steps": [
                {"number": 1, "name": "Set up job", "status": "completed", "conclusion": "success"},
                {"number": 2, "name": "Build \x1b[31m", "status": "completed", "conclusion": "failure"},
                {"number": 3, "name": "Deploy", "status": "in_progress", "conclusion": None},
            ],
        }
    ]
}
Run = Callable[..., Said]


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(builds, "_POLL_SECONDS", 0.01)
    monkeypatch.setattr(builds, "_SAID_SECONDS", 0.01)
    monkeypatch.setattr(patience, "_SHORTEST_SECONDS", 0.01)


def test_a_log_is_printed_without_what_would_move_the_cursor(control: Control, run: Run) -> None:
    control.answer("GET", f"{PATH}/log", b"2026-11-22T12:00:00Z hello \x1b[31mred\n")
    said = run("deployments", "log", "dpl_1")
    assert said.exit_code == 0
    assert "hello" in said.out
    assert "\x1b" not in said.out


def test_a_run_that_goes_on_is_an_error_unless_it_is_followed(control: Control, run: Run) -> None:
    control.answer("GET", f"{PATH}/log", GOING_ON, status=409)
    said = run("deployments", "log", "dpl_1")
    assert said.exit_code == 1
    assert "not yet" in said.err
    answers: list[tuple[int, Any]] = [(409, GOING_ON), (409, GOING_ON), (200, b"done\n")]
    control.answers["GET", f"{PATH}/log"] = answers
    control.answer("GET", f"{PATH}/build", BUILD)
    said = run("deployments", "log", "dpl_1", "--follow")
    assert (said.exit_code, said.out) == (0, "done\n")
    assert said.err.count("Set up job") == 1
    assert "✗ Build" in said.err
    assert "Deploy" not in said.err


@pytest.mark.parametrize("busy", [BUSY, b"<html>a proxy's</html>"])
def test_a_log_is_followed_past_a_control_plane_that_is_busy(
    control: Control, run: Run, busy: object
) -> None:
    control.answers["GET", f"{PATH}/log"] = [
        (TOO_BUSY, busy),
        (409, GOING_ON),
        (TOO_BUSY, busy),
        (200, b"done\n"),
    ]
    control.answers["GET", f"{PATH}/build"] = [(TOO_BUSY, busy), (200, BUILD)]
    said = run("deployments", "log", "dpl_1", "--follow")
    assert (said.exit_code, said.out) == (0, "done\n")
    assert said.err.count("Set up job") == 1


@pytest.mark.parametrize("command", ["log", "runtime-logs"])
def test_a_control_plane_that_is_busy_is_an_error_unless_it_is_followed(
    control: Control, run: Run, command: str
) -> None:
    control.answers["GET", f"{PATH}/{command}"] = [(TOO_BUSY, BUSY), (200, {"items": []})]
    said = run("deployments", command, "dpl_1")
    assert (said.exit_code, said.out) == (2, "")
    assert "[request:overloaded]" in said.err
    assert len(control.asked) == 1


def test_changes_are_a_table(control: Control, run: Run) -> None:
    commit = {"sha": "a" * 40, "message": "Add b\n\nWhy", "author": "ada", "at": "2026-11-22T12:00:00Z"}
    control.answer("GET", f"{PATH}/changes", {"commits": [commit]})
    said = run("deployments", "changes", "dpl_1")
    assert "aaaaaaa" in said.out
    assert "Add b" in said.out
    assert "Why" not in said.out


def test_what_scripts_say_is_printed_line_by_line(control: Control, run: Run) -> None:
    line = {"id": "1", "at": "2026-11-22T12:00:00Z", "level": "warn", "message": "low \u202e"}
    control.answer("GET", f"{PATH}/runtime-logs", {"items": [line]})
    said = run("deployments", "runtime-logs", "dpl_1")
    assert "warn   low" in said.out
    assert "\u202e" not in said.out


def test_what_scripts_say_is_followed_past_a_control_plane_that_is_busy(control: Control, run: Run) -> None:
    first, second = (
        {"id": str(number), "at": "2026-11-22T12:00:00Z", "level": "log", "message": f"line {number}"}
        for number in (1, 2)
    )
    gone = {"error": {"code": "deployment:not-found", "message": "none", "details": {}}}
    control.answers["GET", f"{PATH}/runtime-logs"] = [
        (TOO_BUSY, BUSY),
        (200, {"items": [first]}),
        (TOO_BUSY, BUSY),
        (200, {"items": [first, second]}),
        (404, gone),
    ]
    said = run("deployments", "runtime-logs", "dpl_1", "--follow")
    assert said.exit_code == 1
    assert [line.rpartition("  ")[2] for line in said.out.splitlines()] == ["line 1", "line 2"]
