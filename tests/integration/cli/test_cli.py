"""The command line: what it prints, and the exit code that says who can help."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from app.cli import branchline, patience
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

APP: dict[str, Any] = {
    "id": "app_1",
    "name": "hello",
    "slug": "bcdfghjk",
    "status": "ready",
    "waitingFor": None,
    "error": None,
    "repository": {"fullName": "acme/hello", "htmlUrl": "https://github.test/acme/hello"},
    "createdAt": "2026-11-22T12:00:00Z",
    "environments": {
        "production": {
            "url": "https://bcdfghjk.apps.test",
            "deploymentId": "dpl_1",
            "commit": "4b825dc642",
            "status": "ready",
            "pinned": None,
            "newestDeploymentId": "dpl_1",
            "newestStatus": "ready",
            "settled": True,
        },
        "staging": {
            "url": "https://staging-bcdfghjk.apps.test",
            "deploymentId": None,
            "pinned": None,
            "newestDeploymentId": None,
            "newestStatus": None,
            "settled": True,
        },
    },
    "previews": [
        {
            "pullRequest": {"number": 7},
            "url": "https://preview-pr7-bcdfghjk.apps.test",
            "deploymentId": "dpl_2",
            "commit": "aaaaaaaaaa",
            "status": "building",
            "pinned": None,
            "expiresInDays": 6,
            "expiredAt": None,
        }
    ],
}
DEPLOYMENT = {
    "id": "dpl_1",
    "environment": "production",
    "status": "error",
    "commit": "4b825dc642",
    "message": "Say\x1b[31m hello\u202e",
    "branch": "main",
    "pullRequest": None,
    "url": "https://bcdfghjk.apps.test",
    "immutableUrl": None,
    "isLive": False,
    "pinned": False,
    "canRestore": False,
    "expiresInDays": None,
    "promotedFrom": None,
    "actor": None,
    "run": {"url": "https://github.test/runs/1"},
    "phases": {"install": 3.21},
    "error": "build failed:\x07 no\x9b such file",
    "createdAt": "2026-11-22T12:00:00Z",
}
DELIVERY = {
    "guid": "guid-1",
    "source": "github",
    "event": "push",
    "status": "processed",
    "attempts": 0,
    "error": None,
    "receivedAt": "2026-11-22T12:00:00Z",
    "processedAt": None,
    "headers": {"User-Agent": "x\x1b[2J"},
    "content": '{"a": "\x9b31m\x7f"}',
}
DONE: dict[str, Any] = {"status": "completed", "waitingFor": None, "error": None, "steps": []}


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        yield (*path, name)
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))


COMMANDS = sorted(commands(branchline))


def assert_clean(text: str) -> None:
    """Check that nothing in a text moves a terminal's cursor or hides what is written."""
    assert [c for c in text if not c.isprintable() and c != "\n"] == []


# -------------------- help


def test_every_noun_is_there() -> None:
    assert {path[0] for path in COMMANDS} == {
        *("apps", "deployments", "rollback", "resume", "promote", "redeploy", "restore"),
        *("files", "commit", "sync", "export", "previews"),
        *("variables", "secrets", "deliveries", "workers"),
        *("reconcile", "drift", "events"),
        *("login", "logout", "whoami", "tokens"),
        *("db", "bundles", "serve", "jobs", "sandbox", "demo"),
    }
    assert {path[1:] for path in COMMANDS if path[0] == "apps" and path[1:]} == {
        *(("create",), ("list",), ("show",), ("delete",), ("at",), ("heal",)),
    }


@pytest.mark.parametrize("path", [(), *COMMANDS], ids=" ".join)
def test_every_command_has_help(path: tuple[str, ...]) -> None:
    result = CliRunner().invoke(branchline, [*path, "--help"])
    assert result.exit_code == 0, result.output
    assert result.output.startswith("Usage: ")
    first_line = result.output.split("\n\n")[1].strip()
    assert first_line.endswith((".", ":")) or "." in first_line


def test_the_version_is_said() -> None:
    assert CliRunner().invoke(branchline, ["--version"]).output.startswith("branchline, version ")


# -------------------- apps


def test_an_app_is_created_and_its_steps_tick_off(control: Control, run: Callable[..., Said]) -> None:
    control.answer("POST", "/api/apps", {**APP, "jobId": "job_1", "pollUrl": "x"}, status=202)
    working = {**DONE, "status": "processing"}
    step = {"name": "fork template", "status": "completed"}
    control.answer(
        "GET",
        "/api/jobs/job_1",
        {**working, "status": "queued"},
        {**working, "steps": [step, {"name": "commit files", "status": "processing"}]},
        {**working, "steps": [step], "waitingFor": "committing: rate\x1b[2J limit"},
        {**DONE, "steps": [step, {"name": "commit\x1b files", "status": "completed"}]},
    )
    control.answer("GET", "/api/apps/app_1", APP)
    said = run("apps", "create", "hello", "--private", "--branch", "trunk=production")
    assert said.exit_code == 0
    assert said.err.splitlines() == [
        "  ✓ fork template",
        "  … waiting: committing: rate [2J limit",
        "  ✓ commit  files",
    ]
    assert "repository  https://github.test/acme/hello" in said.out.splitlines()
    body = {"name": "hello", "private": True, "files": [], "branches": {"trunk": "production"}}
    assert control.asked[0] == ("POST", "/api/apps", body)
    assert set(control.tokens) == {f"Bearer {TOKEN}"}


def test_an_app_is_created_with_files(control: Control, run: Callable[..., Said], tmp_path: Path) -> None:
    control.answer("POST", "/api/apps", {**APP, "jobId": "job_1"}, status=202)
    for name, content in {
        "src/main.ts": b"let a = 1;\n",
        "logo.png": b"\x89PNG\xff",
        "node_modules/x/index.js": b"",
        ".git/config": b"",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    assert run("apps", "create", "hello", "--no-wait", "--files", str(tmp_path)).exit_code == 0
    (_, _, body) = control.asked[0]
    assert body["files"] == [
        {"path": "logo.png", "content": "iVBOR/8=", "encoding": "base64"},
        {"path": "src/main.ts", "content": "let a = 1;\n", "encoding": "utf-8"},
    ]


def test_nothing_from_outside_the_directory_and_no_secret_is_sent(
    control: Control, run: Callable[..., Said], tmp_path: Path
) -> None:
    control.answer("POST", "/api/apps", {**APP, "jobId": "job_1"}, status=202)
    given, private = tmp_path / "given", tmp_path / "private"
    for name in ("given/main.ts", "given/.env", "given/.dev.vars", "given/.env.example", "private/id_rsa"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    (given / "key").symlink_to(private / "id_rsa")
    (given / "folder").symlink_to(private)
    (given / "same").symlink_to("main.ts")
    assert run("apps", "create", "hello", "--no-wait", "--files", str(given)).exit_code == 0
    (_, _, body) = control.asked[0]
    assert [file["path"] for file in body["files"]] == [".env.example", "main.ts"]


def test_a_failed_job_says_why(control: Control, run: Callable[..., Said]) -> None:
    control.answer("POST", "/api/apps", {**APP, "jobId": "job_1"}, status=202)
    error = {"code": "repository:name-taken", "message": "provisioning acme/hello: it exists already"}
    step = {"name": "check name", "status": "failed"}
    control.answer("GET", "/api/jobs/job_1", {**DONE, "status": "failed", "error": error, "steps": [step]})
    said = run("apps", "create", "hello")
    assert said.exit_code == 2
    assert said.err.splitlines() == [
        "  ✗ check name",
        "branchline: provisioning acme/hello: it exists already [repository:name-taken]",
    ]


def test_a_control_plane_that_is_restarted_meanwhile_is_waited_for(
    control: Control, run: Callable[..., Said], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "_UNSTATED_SECONDS", 0.01)
    away = {"error": {"code": "remote:unavailable", "message": "no", "details": {}}}
    control.answer("POST", "/api/apps", {**APP, "jobId": "job_1"}, status=202)
    control.answers["GET", "/api/jobs/job_1"] = [(503, away), (503, away), (200, DONE)]
    control.answer("GET", "/api/apps/app_1", APP)
    assert run("apps", "create", "hello").exit_code == 0


def test_who_waits_for_a_control_plane_that_stays_away_is_told(
    control: Control, run: Callable[..., Said], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "_UNSTATED_SECONDS", 0.2)
    control.answer("POST", "/api/apps", {**APP, "jobId": "job_1"}, status=202)
    control.refuse("GET", "/api/jobs/job_1", 503, "remote:unavailable", "it is away")
    said = run("apps", "create", "hello", "--timeout", "1")
    assert (said.exit_code, "it is away" in said.err) == (2, True)


def test_waiting_ends(control: Control, run: Callable[..., Said]) -> None:
    control.answer("POST", "/api/apps", {**APP, "jobId": "job_1"}, status=202)
    control.answer("GET", "/api/jobs/job_1", {**DONE, "status": "queued"})
    said = run("apps", "create", "hello", "--timeout", "1")
    assert said.exit_code == 2
    assert "waiting for job job_1: not over in 1 seconds" in said.err


def test_apps_are_listed(control: Control, run: Callable[..., Said]) -> None:
    new = {**APP, "name": "new", "repository": None}
    control.answer(
        "GET", "/api/apps", {"items": [APP], "nextCursor": "c"}, {"items": [new], "nextCursor": None}
    )
    said = run("apps", "list")
    assert said.exit_code == 0
    header, first, second = said.out.splitlines()
    assert header.split() == ["NAME", "SLUG", "STATUS", "REPOSITORY", "CREATED"]
    assert first.split()[:4] == ["hello", "bcdfghjk", "ready", "acme/hello"]
    assert second.split()[:3] == ["new", "bcdfghjk", "ready"]
    assert [path for _, path, _ in control.asked] == ["/api/apps?limit=30", "/api/apps?cursor=c&limit=29"]


def test_a_list_is_json_when_asked(control: Control, run: Callable[..., Said]) -> None:
    control.answer("GET", "/api/apps", {"items": [APP], "nextCursor": None})
    assert json.loads(run("apps", "list", "--json").out) == [APP]


def test_an_empty_list_says_how_to_begin(control: Control, run: Callable[..., Said]) -> None:
    control.answer("GET", "/api/apps", {"items": [], "nextCursor": None})
    said = run("apps", "list")
    assert (said.exit_code, said.out) == (0, "")
    assert said.err == "no apps yet: branchline apps create NAME\n"
    assert json.loads(run("apps", "list", "--json").out) == []


def test_an_app_is_shown(control: Control, run: Callable[..., Said]) -> None:
    control.answer("GET", "/api/apps/hello", APP)
    assert run("apps", "show", "hello").out.splitlines() == [
        "name        hello",
        "slug        bcdfghjk",
        "status      ready",
        "repository  https://github.test/acme/hello",
        "production  https://bcdfghjk.apps.test  ready 4b825dc",
        "staging     https://staging-bcdfghjk.apps.test  (nothing deployed yet)",
        "preview #7  https://preview-pr7-bcdfghjk.apps.test  building aaaaaaa, expires in 6 days",
    ]
    assert json.loads(run("apps", "show", "hello", "--json").out) == APP


def test_an_app_shows_pins_and_what_is_coming(control: Control, run: Callable[..., Said]) -> None:
    since = (datetime.now(UTC) - timedelta(hours=2)).isoformat()
    pin = {"deploymentId": "dpl_1", "since": since, "by": "ada\x1b[2J"}
    production = {**APP["environments"]["production"], "pinned": pin}
    newer = {"newestDeploymentId": "dpl_3", "newestStatus": "building"}
    staging = {**APP["environments"]["production"], "settled": False}
    preview = {**APP["previews"][0], "expiresInDays": 0, "expiredAt": since}
    control.answer(
        "GET",
        "/api/apps/hello",
        {
            **APP,
            "environments": {"production": {**production, **newer}, "staging": staging},
            "previews": [preview],
        },
    )
    lines = run("apps", "show", "hello").out.splitlines()
    assert lines[-3].endswith("ready 4b825dc, pinned by ada [2J 2h ago, newest dpl_3 building")
    assert lines[-2].endswith("ready 4b825dc, on its way up")
    assert lines[-1].endswith("building aaaaaaa, expired 2h ago")


def test_a_name_is_one_part_of_the_address(control: Control, run: Callable[..., Said]) -> None:
    assert run("apps", "show", "../jobs?x=1").exit_code == 1
    assert control.asked == [("GET", "/api/apps/..%2Fjobs%3Fx%3D1", None)]


def test_an_app_is_deleted(control: Control, run: Callable[..., Said]) -> None:
    control.answer("GET", "/api/apps/hello", APP)
    control.answer("DELETE", "/api/apps/app_1", {**APP, "jobId": "job_1"}, status=202)
    control.answer("GET", "/api/jobs/job_1", DONE)
    said = run("apps", "delete", "hello", "--yes", "--keep-repository")
    assert (said.exit_code, said.out) == (0, "hello is deleted\n")
    assert ("DELETE", "/api/apps/app_1?keepRepository=true", None) in control.asked


def test_nothing_is_deleted_without_a_yes(control: Control) -> None:
    control.answer("GET", "/api/apps/hello", APP)
    result = CliRunner().invoke(branchline, ["apps", "delete", "hello"], input="n\n")
    assert result.exit_code == 1
    assert "Delete hello, its scripts and its repository?" in result.output
    assert [method for method, _, _ in control.asked] == ["GET"]


# -------------------- what comes from outside


def test_what_comes_from_outside_moves_no_cursor(control: Control, run: Callable[..., Said]) -> None:
    control.answer("GET", "/api/deployments/dpl_1", DEPLOYMENT)
    control.answer("GET", "/api/apps/hello/deployments", {"items": [DEPLOYMENT], "nextCursor": None})
    control.answer("GET", "/api/deliveries", {"items": [DELIVERY], "nextCursor": None})
    control.answer("GET", "/api/deliveries/guid-1", DELIVERY)
    control.refuse("GET", "/api/apps/evil", 404, "app:not-found", "no app \x1b[2J\x9b31m\u202ehere\r\n")
    for arguments in (
        ("deployments", "show", "dpl_1"),
        ("deployments", "list", "hello"),
        ("deliveries", "list"),
        ("deliveries", "show", "guid-1"),
        ("apps", "show", "evil"),
        ("deployments", "show", "dpl_1", "--json"),
        ("deployments", "list", "hello", "--json"),
    ):
        said = run(*arguments)
        assert said.out + said.err
        assert_clean(said.out)
        assert_clean(said.err)


def test_json_keeps_what_a_terminal_must_not_get(control: Control, run: Callable[..., Said]) -> None:
    delivery = {**DELIVERY, "event": "grüße 👋", "content": "\x9b31m\x7f\u202e\U000e0001"}
    control.answer("GET", "/api/deliveries/guid-1", delivery)
    said = run("deliveries", "show", "guid-1", "--json")
    assert_clean(said.out)
    assert "grüße 👋" in said.out
    assert json.loads(said.out) == delivery


def test_a_deployment_is_shown(control: Control, run: Callable[..., Said]) -> None:
    control.answer("GET", "/api/deployments/dpl_1", DEPLOYMENT)
    lines = run("deployments", "show", "dpl_1").out.splitlines()
    assert "phases       install 3.2 s" in lines
    assert "error        build failed:  no  such file" in lines
    assert not any(line.startswith("pull request") for line in lines)


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"isLive": True}, "address        https://bcdfghjk.apps.test  (live)"),
        ({"isLive": True, "pinned": True}, "address        https://bcdfghjk.apps.test  (live, pinned)"),
        ({}, "address        https://bcdfghjk.apps.test  (shows another)"),
        ({"immutableUrl": "https://production-x.apps.test"}, "its own        https://production-x.apps.test"),
        ({"canRestore": True}, "its own        taken down: branchline restore dpl_1"),
        ({"expiresInDays": 1}, "expires        in 1 days"),
        ({"actor": "ada"}, "decided by     ada"),
    ],
)
def test_a_deployment_says_where_it_answers(
    control: Control, run: Callable[..., Said], changes: dict[str, Any], line: str
) -> None:
    answer = {**DEPLOYMENT, "status": "ready", "promotedFrom": "dpl_0", **changes}
    control.answer("GET", "/api/deployments/dpl_1", answer)
    assert line in run("deployments", "show", "dpl_1").out.splitlines()


def test_deployments_are_filtered(control: Control, run: Callable[..., Said]) -> None:
    control.answer("GET", "/api/apps/hello/deployments", {"items": [], "nextCursor": None})
    said = run(
        "deployments", "list", "hello", "--environment", "staging", "--status", "ready", "--limit", "5"
    )
    assert said.err == "no such deployments of hello\n"
    assert control.asked[0][1] == "/api/apps/hello/deployments?limit=5&environment=staging&status=ready"


# -------------------- exit codes


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


# -------------------- processes


SETTINGS = {
    "BRANCHLINE_URL": "https://branchline.test",
    "BRANCHLINE_SECRET_KEY": "k" * 32,
    "BRANCHLINE_API_TOKEN": "canary-api-token-of-serve",
    "GITHUB_TOKEN": "canary-github-token-of-serve",
    "GITHUB_WEBHOOK_SECRET": "canary-webhook-secret-of-serve",
    "GITHUB_ORG": "acme",
    "GITHUB_TEMPLATE_REPO": "acme/template",
    "CLOUDFLARE_ACCOUNT_ID": "account",
    "CLOUDFLARE_API_TOKEN": "canary-cloudflare-token-of-serve",
    "WFP_DISPATCH_DOMAIN": "dispatch.test",
    "APPS_DOMAIN": "apps.test",
}


def process(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "app", *arguments]
    root = Path(__file__).parents[2]
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=root,
        env={"PATH": os.environ["PATH"], **environment},
    )


@pytest.mark.parametrize("command", [("serve",), ("serve", "--no-jobs")])
def test_serve_does_not_start_without_a_webhook_secret(command: tuple[str, ...]) -> None:
    environment = {name: value for name, value in SETTINGS.items() if name != "GITHUB_WEBHOOK_SECRET"}
    done = process(*command, **environment)
    assert done.returncode == 78
    assert done.stdout == ""
    assert done.stderr.startswith("branchline: GITHUB_WEBHOOK_SECRET is missing: ")
    assert len(done.stderr.splitlines()) == 1
    assert "canary" not in done.stderr


@pytest.mark.parametrize("secret", [" " * 20, "short"])
def test_a_webhook_secret_is_a_secret(
    run: Callable[..., Said], monkeypatch: pytest.MonkeyPatch, secret: str
) -> None:
    for name, value in {**SETTINGS, "GITHUB_WEBHOOK_SECRET": secret}.items():
        monkeypatch.setenv(name, value)
    for command in ("serve", "jobs"):
        said = run(command)
        assert said.exit_code == 78
        assert said.err.startswith("branchline: GITHUB_WEBHOOK_SECRET is m")
        assert "canary" not in said.err


def test_a_database_is_upgraded_twice(
    run: Callable[..., Said], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path / 'new.sqlite'}")
    first = run("db", "upgrade")
    assert first.exit_code == 0
    assert first.out.startswith("the database is at ")
    assert run("db", "upgrade") == first
