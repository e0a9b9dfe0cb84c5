"""The exit code of a command says who can help, and one line says what is wrong."""

import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from app.cli.exits import exit_code
from app.cli.show import ago
from app.errors import (
    BadSignature,
    Broken,
    Conflict,
    InvalidInput,
    Misconfigured,
    RateLimited,
    RemoteMissing,
    RemoteUnavailable,
)
from tests.builders import NOON
from tests.integration.cli.control import TOKEN, Control, Said


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, 1),
        (401, 1),
        (403, 1),
        (404, 1),
        (409, 1),
        (410, 1),
        (413, 1),
        (502, 2),
        (503, 2),
        (500, 3),
        (418, 3),
    ],
)
def test_an_exit_code_says_who_can_help(
    control: Control, run: Callable[..., Said], status: int, code: int
) -> None:
    control.refuse("GET", "/api/apps/hello", status, "some:code", "this is why")
    said = run("apps", "show", "hello")
    assert (said.exit_code, said.out, said.err) == (code, "", "branchline: this is why [some:code]\n")


@pytest.mark.parametrize("status", [200, 404, 500, 502])
@pytest.mark.parametrize("body", [b"<html>proxy</html>", b"", b"[]", b"null", b"\xff"])
def test_an_answer_of_something_else_is_said(
    control: Control, run: Callable[..., Said], status: int, body: bytes
) -> None:
    control.answers["GET", "/api/apps/hello"] = [(status, body)]
    said = run("apps", "show", "hello")
    assert said.exit_code in {1, 2, 3}
    assert said.err.startswith("branchline: ")
    assert f"answered {status}" in said.err
    assert "Traceback" not in said.err


def test_our_own_mistake_is_ours(control: Control, run: Callable[..., Said]) -> None:
    control.answer("GET", "/api/apps/hello", {"name": "hello"})
    said = run("apps", "show", "hello")
    assert said.exit_code == 3
    assert "KeyError" in said.err


def test_a_sandbox_that_is_not_installed_is_said(
    run: Callable[..., Said], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "sandbox.cli", None)
    said = run("demo")
    assert said.exit_code == 1
    assert "demo needs the sandbox: pip install 'branchline[sandbox]'" in said.err
    assert run("apps", "--help").exit_code == 0


@pytest.mark.parametrize(
    ("seconds", "text"), [(-5, "0s"), (12, "12s"), (90, "1m"), (7300, "2h"), (200_000, "2d")]
)
def test_times_are_told_from_now(seconds: int, text: str) -> None:
    moment = datetime.now(UTC) - timedelta(seconds=seconds)
    assert ago(moment.isoformat()) == f"{text} ago"
    assert ago(None) == ""


def test_every_error_has_its_exit_code() -> None:
    errors = {
        InvalidInput("x"): 1,
        Conflict("x"): 1,
        BadSignature("x"): 1,
        RemoteUnavailable("x"): 2,
        RateLimited("x", retry_at=NOON): 2,
        RemoteMissing("x"): 2,
        Misconfigured("X", "is missing", "get one"): 78,
        Broken("x"): 3,
    }
    assert {error: exit_code(error) for error in errors} == errors


@pytest.mark.parametrize(
    "arguments",
    [
        ("nothing",),
        ("apps", "nothing"),
        ("apps", "create"),
        ("apps", "list", "--limit", "0"),
        ("apps", "list", "--nothing"),
        ("deployments", "list", "hello", "--status", "great"),
        ("apps", "create", "hello", "--branch", "main"),
    ],
)
def test_a_wrong_command_is_the_callers(
    control: Control, run: Callable[..., Said], arguments: tuple[str, ...]
) -> None:
    said = run(*arguments)
    assert said.exit_code == 1
    assert said.err
    assert control.asked == []


def test_a_control_plane_that_is_away_is_said(
    control: Control, run: Callable[..., Said], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BRANCHLINE_URL", "http://127.0.0.1:9")
    said = run("apps", "list")
    assert said.exit_code == 2
    assert said.err.startswith("branchline: calling http://127.0.0.1:9: ")
    assert control.asked == []


@pytest.mark.parametrize("name", ["BRANCHLINE_URL", "BRANCHLINE_API_TOKEN"])
@pytest.mark.parametrize("value", [None, "", "  "])
def test_a_missing_setting_is_named(
    control: Control, run: Callable[..., Said], monkeypatch: pytest.MonkeyPatch, name: str, value: str | None
) -> None:
    if value is None:
        monkeypatch.delenv(name)
    else:
        monkeypatch.setenv(name, value)
    said = run("apps", "list")
    assert said.exit_code == 78
    assert said.err.startswith(f"branchline: {name} is missing: ")
    assert control.asked == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BRANCHLINE_URL", "localhost:8000"),
        ("BRANCHLINE_URL", "http://[x"),
        ("BRANCHLINE_URL", "ftp://x"),
        ("BRANCHLINE_API_TOKEN", f"{TOKEN}é"),
        ("BRANCHLINE_API_TOKEN", f"{TOKEN}\nX-Evil: 1"),
    ],
)
def test_a_malformed_setting_is_named_and_not_repeated(
    control: Control, run: Callable[..., Said], monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    said = run("apps", "list")
    assert said.exit_code == 78
    assert said.err.startswith(f"branchline: {name} is malformed")
    assert TOKEN not in said.err
    assert control.asked == []


def test_a_newline_behind_a_token_is_nobodys_business(
    control: Control, run: Callable[..., Said], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BRANCHLINE_API_TOKEN", f"{TOKEN}\n")
    control.answer("GET", "/api/apps", {"items": [], "nextCursor": None})
    assert run("apps", "list").exit_code == 0
    assert control.tokens == [f"Bearer {TOKEN}"]
