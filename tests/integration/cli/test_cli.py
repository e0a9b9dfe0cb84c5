"""The command line: which commands there are, what it prints, and how its processes start."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from app.cli import branchline
from tests.integration.cli.control import Control, Said

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
