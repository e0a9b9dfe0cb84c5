"""Apps from the command line: asked for and waited for, listed, shown and deleted."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from app.cli import branchline, patience
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
DONE: dict[str, Any] = {"status": "completed", "waitingFor": None, "error": None, "steps": []}


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
