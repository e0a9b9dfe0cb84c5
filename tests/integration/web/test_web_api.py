"""The HTTP API: what it takes, what it answers, and how it says no."""

import json
import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.domain.aliases import Alias
from app.domain.apps import AppStatus
from app.domain.deployments import Status
from app.domain.environments import Environment
from app.domain.events import Tag
from app.domain.jobs import JobStatus, JobType, Step
from app.errors import Gone, Misconfigured, NotAllowed, RateLimited, RemoteConflict, RemoteUnavailable
from app.web import create_app
from tests.builders import NOON, a_delivery, a_deployment, a_pull, at
from tests.integration.web.world import (
    AUTHORIZED,
    CANARIES,
    TOKEN,
    World,
    a_message,
    an_end,
    deploy_secret,
    error_of,
)
from tests.issuer import token

ROUTES = [
    ("POST", "/api/apps"),
    ("GET", "/api/apps"),
    ("GET", "/api/apps/app-1"),
    ("DELETE", "/api/apps/app-1"),
    ("GET", "/api/apps/app-1/deployments"),
    ("GET", "/api/deployments/dpl_0001_1"),
    ("GET", "/api/jobs/job_1"),
    ("GET", "/api/deliveries"),
    ("GET", "/api/deliveries/guid-1"),
]


def create(world: World, **body: Any) -> Any:
    return world.call("POST", "/api/apps", json={"name": "hello", **body})


# -------------------- apps


def test_an_app_is_asked_for(world: World) -> None:
    answer = create(world, files=[{"path": "a.txt", "content": "YQ==", "encoding": "base64"}])
    body = answer.get_json()
    assert answer.status_code == 202
    assert body["name"] == "hello"
    assert body["status"] == "provisioning"
    assert body["repository"] is None
    assert body["branches"] == {"main": "production", "staging": "staging"}
    assert body["pollUrl"] == f"https://branchline.test/api/jobs/{body['jobId']}"
    slug = body["slug"]
    assert body["environments"]["staging"] == {
        "url": f"https://staging-{slug}.apps.test",
        "alternateUrl": f"https://dispatch.test/app/staging-{slug}",
        "deploymentId": None,
        "commit": None,
        "status": None,
        "live": False,
        "newestDeploymentId": None,
        "newestStatus": None,
        "pinned": None,
        "settled": True,
    }
    with world.records.read() as tx:
        job = tx.jobs.get(body["jobId"])
        tags = [event.tag for event in tx.events.about(body["id"])]
    assert (job.type, job.app_id) == (JobType.PROVISION, body["id"])
    assert job.arguments == {"files": [{"path": "a.txt", "content": "YQ=="}]}
    assert tags == [Tag.APP_REQUESTED]


def test_an_app_is_asked_for_with_all_that_there_is(world: World) -> None:
    body = create(world, private=True, files=[], branches={"trunk": "production"}).get_json()
    assert body["private"] is True
    assert body["branches"] == {"trunk": "production"}


def test_an_app_may_begin_elsewhere_and_be_called_after_it(world: World) -> None:
    source = "https://git.example.com/ada/Old_Shop.git"
    body = world.call("POST", "/api/apps", json={"importFrom": source}).get_json()
    assert body["name"] == "old-shop"
    with world.records.read() as tx:
        assert tx.jobs.get(body["jobId"]).arguments == {"files": [], "import_from": source}
    named = create(world, importFrom=source)
    assert (named.status_code, named.get_json()["name"]) == (202, "hello")


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("http://127.0.0.1/a/b", "import:invalid-address"),
        ("https://169.254.169.254/latest", "import:invalid-address"),
        ("https://me:secret@github.com/a/b", "import:invalid-address"),
        ("file:///etc/passwd", "import:invalid-address"),
        ("", "import:invalid-address"),
        (7, "request:invalid"),
        ([], "request:invalid"),
    ],
)
def test_an_address_that_is_none_is_refused(world: World, source: object, code: str) -> None:
    answer = create(world, importFrom=source)
    assert (answer.status_code, error_of(answer)["code"]) == (400, code)
    assert "secret" not in answer.text
    assert world.get("/api/apps")["items"] == []


def test_what_the_operator_trusts_is_imported_from(migrated_sqlite_url: str) -> None:
    trusting = World(migrated_sqlite_url, import_origins=("http://127.0.0.1:3000",))
    answer = create(trusting, importFrom="http://127.0.0.1:3000/acme/shop")
    assert answer.status_code == 202
    trusting.close()


def test_a_name_is_given_once(world: World) -> None:
    create(world)
    answer = create(world)
    assert answer.status_code == 409
    assert error_of(answer)["code"] == "app:name-taken"
    assert len(world.get("/api/apps")["items"]) == 1


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": "hello", "colour": "blue"}, "colour"),
        ({"name": "hello", "files": [{"path": "a", "content": "", "mode": 7}]}, "files.0.mode"),
        ({}, "name"),
        ({"name": None}, "name"),
        ({"name": 1}, "name"),
        ({"name": ["hello"]}, "name"),
        ({"name": "hello", "private": "yes"}, "private"),
        ({"name": "hello", "private": 1}, "private"),
        ({"name": "hello", "private": None}, "private"),
        ({"name": "hello", "files": {}}, "files"),
        ({"name": "hello", "files": [1]}, "files.0"),
        ({"name": "hello", "files": [{"path": "a"}]}, "files.0.content"),
        ({"name": "hello", "files": [{"path": 1, "content": ""}]}, "files.0.path"),
        ({"name": "hello", "files": [{"path": "a", "content": "", "encoding": "rot13"}]}, "files.0.encoding"),
        ({"name": "hello", "files": [{"path": "a", "content": ""}] * 501}, "files"),
        ({"name": "hello", "branches": {"main": "moon"}}, "branches.main"),
        ({"name": "hello", "branches": ["main"]}, "branches"),
    ],
)
def test_a_body_of_the_wrong_form_is_refused(world: World, body: dict[str, Any], field: str) -> None:
    answer = world.call("POST", "/api/apps", json=body)
    assert answer.status_code == 400
    error = error_of(answer)
    assert error["code"] == "request:invalid"
    assert [problem["field"] for problem in error["details"]["problems"]] == [field]
    assert error["message"].startswith(f"reading {field}: ")
    assert world.get("/api/apps")["items"] == []


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"name": "Hello"}, "app:invalid-name"),
        ({"name": ""}, "app:invalid-name"),
        ({"name": "x" * 51}, "app:invalid-name"),
        ({"name": "../../etc"}, "app:invalid-name"),
        ({"name": "hello\n"}, "app:invalid-name"),
        ({"name": "{{7*7}}"}, "app:invalid-name"),
        ({"name": "\ud800"}, "app:invalid-name"),
        ({"name": "hello", "files": [{"path": "../x", "content": ""}]}, "app:invalid-files"),
        ({"name": "hello", "files": [{"path": ".git/config", "content": ""}]}, "app:invalid-files"),
        ({"name": "hello", "files": [{"path": ".github/x", "content": ""}]}, "app:invalid-files"),
        (
            {"name": "hello", "files": [{"path": "a", "content": "?", "encoding": "base64"}]},
            "app:invalid-files",
        ),
        ({"name": "hello", "files": [{"path": "a", "content": ""}] * 2}, "app:invalid-files"),
        ({"name": "hello", "branches": {"a b": "staging"}}, "request:invalid"),
        ({"name": "hello", "branches": {f"b{n}": "staging" for n in range(11)}}, "request:invalid"),
    ],
)
def test_a_body_that_cannot_be_is_refused(world: World, body: dict[str, Any], code: str) -> None:
    answer = world.call("POST", "/api/apps", json=body)
    assert answer.status_code == 400
    assert error_of(answer)["code"] == code
    assert world.get("/api/apps")["items"] == []


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"not json",
        b"[]",
        b"null",
        b"1",
        b'"hello"',
        b'"{\\"name\\": \\"hello\\"}"',
        b'{"name": "hello"}x',
        b'{"name": "\xff"}',
        b"[" * 100_000,
        b'{"name":' * 100_000,
        b'{"name": ' + b"1" * 5000 + b"}",
    ],
    ids=lambda raw: raw[:24].decode("latin-1"),
)
def test_a_body_that_is_no_json_object_is_refused(world: World, raw: bytes) -> None:
    headers = {**AUTHORIZED, "Content-Type": "application/json"}
    answer = world.call("POST", "/api/apps", data=raw, headers=headers)
    assert answer.status_code == 400
    assert error_of(answer)["code"] == "request:invalid"
    assert world.get("/api/apps")["items"] == []


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", None])
def test_a_body_of_the_wrong_content_type_is_told_what_to_set(world: World, content_type: str | None) -> None:
    headers = {**AUTHORIZED, **({"Content-Type": content_type} if content_type else {})}
    answer = world.call("POST", "/api/apps", data=b'{"name": "hello"}', headers=headers)
    assert answer.status_code == 400
    assert "application/json" in error_of(answer)["message"]


def test_a_body_that_says_it_is_too_large_is_not_read(migrated_sqlite_url: str) -> None:
    world = World(migrated_sqlite_url, maximum_body_bytes=1000)
    answer = create(world, files=[{"path": "a", "content": "x" * 1000}])
    assert answer.status_code == 413
    assert error_of(answer)["code"] == "request:too-large"
    assert create(world, files=[{"path": "a", "content": "x" * 800}]).status_code == 202
    world.close()


def test_apps_are_listed_page_by_page(world: World) -> None:
    for number in range(1, 8):
        world.app(number)
    seen, query = list[str](), {"limit": 3}
    for _ in range(3):
        page = world.get("/api/apps", **query)
        assert set(page) == {"items", "nextCursor"}
        seen += [item["name"] for item in page["items"]]
        query["cursor"] = page["nextCursor"]
    assert page["nextCursor"] is None
    assert seen == [f"app-{number}" for number in range(7, 0, -1)]
    assert "environments" not in page["items"][0]


@pytest.mark.parametrize("path", ["/api/apps", "/api/apps/app-1/deployments", "/api/deliveries"])
@pytest.mark.parametrize(
    "query",
    [
        {"limit": 0},
        {"limit": 101},
        {"limit": -1},
        {"limit": "many"},
        {"limit": "1e400"},
        {"limit": 10**30},
        {"cursor": "not ours"},
        {"cursor": "x" * 501},
        {"cursor": "\0"},
        {"cursor": "é"},
        {"page": 2},
    ],
    ids=repr,
)
def test_a_query_of_the_wrong_form_is_refused(world: World, path: str, query: dict[str, Any]) -> None:
    world.app()
    answer = world.call("GET", path, query_string=query)
    assert answer.status_code == 400
    assert error_of(answer)["code"] in {"request:invalid", "request:invalid-cursor"}


@pytest.mark.parametrize("key", ["app_0001", "slug0001", "app-1"])
def test_an_app_is_shown_with_what_is_live(world: World, key: str) -> None:
    world.app()
    preview: dict[str, Any] = {
        "environment": Environment.PREVIEW,
        "script": "preview-pr7-slug0001",
        "pull_request": 7,
        "branch": "hello",
    }
    with world.records.begin() as tx:
        tx.pulls.save(a_pull(7))
        tx.deployments.add(a_deployment(1, status=Status.READY))
        tx.deployments.add(a_deployment(2, status=Status.BUILDING))
        own = "preview-4xr0q2h9tb-slug0001"
        tx.deployments.add(a_deployment(3, status=Status.READY, own_script=own, uploaded_at=NOON, **preview))
        pinned: dict[str, Any] = {"deployment_id": "dpl_0001_1", "is_pinned": True, "actor": "ada"}
        tx.aliases.save(
            Alias("app_0001", "slug0001", Environment.PRODUCTION, "live-production", NOON, **pinned)
        )
        tx.aliases.save(
            Alias(
                "app_0001",
                "preview-pr7-slug0001",
                Environment.PREVIEW,
                "live-preview",
                NOON,
                deployment_id="dpl_0003_1",
                expires_at=world.clock() + timedelta(days=6, hours=1),
            )
        )
        lab: dict[str, Any] = {
            "environment": Environment.PREVIEW,
            "script": "preview-slug0001",
            "branch": "lab",
        }
        tx.deployments.add(a_deployment(4, status=Status.ERROR, **lab))
    body = world.get(f"/api/apps/{key}")
    assert body["repository"] == {
        "fullName": "acme/app-1",
        "htmlUrl": "https://github.example/acme/app-1",
        "cloneUrl": "https://github.example/acme/app-1.git",
    }
    assert (body["id"], body["status"], body["waitingFor"], body["error"]) == (
        "app_0001",
        "ready",
        None,
        None,
    )
    assert body["createdAt"] == "2026-11-22T12:00:01Z"
    production = body["environments"]["production"]
    assert (production["deploymentId"], production["status"]) == ("dpl_0001_1", "ready")
    assert (production["newestDeploymentId"], production["newestStatus"]) == ("dpl_0002_1", "building")
    assert production["pinned"] == {
        "deploymentId": "dpl_0001_1",
        "since": "2026-11-22T12:00:00Z",
        "by": "ada",
    }
    assert (production["live"], production["settled"]) == (True, True)
    assert body["environments"]["staging"]["deploymentId"] is None
    assert body["previews"] == [
        {
            "pullRequest": {"number": 7, "htmlUrl": "https://github.example/acme/app-1/pull/7"},
            "branch": "hello",
            "url": "https://preview-pr7-slug0001.apps.test",
            "alternateUrl": "https://dispatch.test/app/preview-pr7-slug0001",
            "deploymentId": "dpl_0003_1",
            "commit": f"{3:040x}",
            "status": "ready",
            "immutableUrl": "https://preview-4xr0q2h9tb-slug0001.apps.test",
            "pinned": None,
            "expiresAt": "2026-11-28T13:00:00Z",
            "expiresInDays": 7,
            "expiredAt": None,
        },
        {
            "pullRequest": None,
            "branch": "lab",
            "url": "https://preview-slug0001.apps.test",
            "alternateUrl": "https://dispatch.test/app/preview-slug0001",
            "deploymentId": "dpl_0004_1",
            "commit": f"{4:040x}",
            "status": "error",
            "immutableUrl": None,
            "pinned": None,
            "expiresAt": None,
            "expiresInDays": None,
            "expiredAt": None,
        },
    ]


def test_an_app_says_what_it_waits_for(world: World) -> None:
    world.app(waiting_for="forking: rate limit", error="as it was")
    body = world.get("/api/apps/app-1")
    assert (body["waitingFor"], body["error"]) == ("forking: rate limit", "as it was")


@pytest.mark.parametrize(("query", "keeps"), [("", False), ("?keepRepository=true", True)])
def test_an_app_is_deleted(world: World, query: str, *, keeps: bool) -> None:
    world.app()
    answer = world.call("DELETE", f"/api/apps/app-1{query}")
    body = answer.get_json()
    assert (answer.status_code, body["status"]) == (202, "deleting")
    with world.records.read() as tx:
        job = tx.jobs.get(body["jobId"])
    assert (job.type, dict(job.arguments)) == (JobType.DELETE, {"keep_repository": keeps})
    again = world.call("DELETE", "/api/apps/app-1")
    assert again.status_code == 409
    assert error_of(again)["code"] == "app:deleting"


@pytest.mark.parametrize("query", ["?keepRepository=maybe", "?keep=true"])
def test_a_deletion_is_not_guessed(world: World, query: str) -> None:
    world.app()
    assert world.call("DELETE", f"/api/apps/app-1{query}").status_code == 400
    assert world.get("/api/apps/app-1")["status"] == "ready"


# -------------------- deployments


def test_deployments_are_listed_and_filtered(world: World) -> None:
    world.app()
    world.app(2)
    with world.records.begin() as tx:
        tx.deployments.add(a_deployment(1, status=Status.READY))
        tx.deployments.add(a_deployment(2, status=Status.ERROR))
        tx.deployments.add(a_deployment(3, status=Status.READY, environment=Environment.STAGING))
        tx.deployments.add(a_deployment(4, app_id="app_0002"))

    def listed(**query: str) -> list[str]:
        items = world.get("/api/apps/app-1/deployments", **query)["items"]
        return [item["id"] for item in items]

    assert listed() == ["dpl_0003_1", "dpl_0002_1", "dpl_0001_1"]
    assert listed(environment="production") == ["dpl_0002_1", "dpl_0001_1"]
    assert listed(status="ready") == ["dpl_0003_1", "dpl_0001_1"]
    assert listed(environment="production", status="ready") == ["dpl_0001_1"]
    assert listed(status="queued") == []
    page = world.get("/api/apps/app-1/deployments", limit="2")
    rest = world.get("/api/apps/app-1/deployments", limit="2", cursor=page["nextCursor"])
    assert [item["id"] for item in rest["items"]] == ["dpl_0001_1"]
    for wrong in ({"environment": "moon"}, {"status": "great"}, {"environment": ""}):
        answer = world.call("GET", "/api/apps/app-1/deployments", query_string=wrong)
        assert answer.status_code == 400


def test_a_deployment_is_shown(world: World) -> None:
    world.app()
    finished = a_deployment(
        1, status=Status.ERROR, error="build failed", phases={"install": 3.25}, finished_at=at(9)
    )
    with world.records.begin() as tx:
        tx.deployments.add(finished)
    assert world.get("/api/deployments/dpl_0001_1") == {
        "id": "dpl_0001_1",
        "appId": "app_0001",
        "environment": "production",
        "status": "error",
        "commit": f"{1:040x}",
        "message": "Say hello",
        "branch": "main",
        "pullRequest": None,
        "namespace": "branchline-test-production",
        "script": "slug0001",
        "url": "https://slug0001.apps.test",
        "alternateUrl": "https://dispatch.test/app/slug0001",
        "run": {"id": 1001, "number": 1, "attempt": 1, "url": "https://github.example/runs/1"},
        "phases": {"install": 3.25},
        "error": "build failed",
        "immutableUrl": None,
        "isLive": False,
        "pinned": False,
        "bundle": None,
        "promotedFrom": None,
        "actor": None,
        "canRestore": False,
        "expiresAt": None,
        "expiresInDays": None,
        "createdAt": "2026-11-22T12:00:01Z",
        "updatedAt": "2026-11-22T12:00:01Z",
        "finishedAt": "2026-11-22T12:00:09Z",
    }


# -------------------- jobs


def test_a_job_names_its_steps(world: World) -> None:
    job_id = create(world).get_json()["jobId"]
    world.engine.begun = [
        Step("check name", JobStatus.COMPLETED, NOON, at(1)),
        Step("fork template", JobStatus.PROCESSING, at(1), None),
    ]
    with world.records.begin() as tx:
        job = tx.jobs.get(job_id)
        tx.jobs.save(
            replace(job, status=JobStatus.PROCESSING, started_at=NOON, waiting_for="forking: rate limit")
        )
    body = world.get(f"/api/jobs/{job_id}")
    assert body.pop("createdAt") == "2026-11-22T12:00:00Z"
    assert body == {
        "id": job_id,
        "type": "provision",
        "appId": job.app_id,
        "status": "processing",
        "waitingFor": "forking: rate limit",
        "error": None,
        "result": None,
        "steps": [
            {
                "name": "check name",
                "status": "completed",
                "startedAt": "2026-11-22T12:00:00Z",
                "finishedAt": "2026-11-22T12:00:01Z",
                "attempts": 1,
                "error": None,
            },
            {
                "name": "fork template",
                "status": "processing",
                "startedAt": "2026-11-22T12:00:01Z",
                "finishedAt": None,
                "attempts": 1,
                "error": None,
            },
        ],
        "startedAt": "2026-11-22T12:00:00Z",
        "finishedAt": None,
        "canCancel": True,
        "canRetry": False,
    }


def test_a_failed_job_says_why(world: World) -> None:
    job_id = create(world).get_json()["jobId"]
    error = {"code": "repository:name-taken", "message": "name taken", "details": {}}
    with world.records.begin() as tx:
        tx.jobs.save(replace(tx.jobs.get(job_id), status=JobStatus.FAILED, error=error))
    body = world.get(f"/api/jobs/{job_id}")
    assert (body["status"], body["error"]) == ("failed", error)


# -------------------- deliveries


def test_deliveries_are_shown(world: World) -> None:
    with world.records.begin() as tx:
        for number in (1, 2, 3):
            tx.deliveries.add(a_delivery(number))
    page = world.get("/api/deliveries", limit=2)
    assert [item["guid"] for item in page["items"]] == ["guid-3", "guid-2"]
    assert "content" not in page["items"][0]
    rest = world.get("/api/deliveries", limit=2, cursor=page["nextCursor"])
    assert [item["guid"] for item in rest["items"]] == ["guid-1"]
    assert world.get("/api/deliveries/guid-1") == {
        "guid": "guid-1",
        "source": "github",
        "event": "push",
        "status": "waiting",
        "attempts": 0,
        "error": None,
        "receivedAt": "2026-11-22T12:00:01Z",
        "processedAt": None,
        "ackedVersion": None,
        "headers": {"X-GitHub-Event": "push"},
        "content": '{"ref": "refs/heads/main"}',
    }


# -------------------- who may ask, for what


@pytest.mark.parametrize(("method", "path"), ROUTES)
@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer wrong",
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN[:-1]}",
        f"Basic {TOKEN}",
        TOKEN,
        f"Bearer {TOKEN} {TOKEN}",
        "Bearer é",
    ],
)
def test_nobody_asks_without_the_token(
    world: World, method: str, path: str, authorization: str | None
) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    answer = world.call(method, path, headers=headers, json={"name": "hello"} if method == "POST" else None)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert error_of(answer)["code"] == "request:unauthenticated"
    assert TOKEN not in answer.text


@pytest.mark.parametrize("authorization", [f"bearer {TOKEN}", f"BEARER  {TOKEN}", f"Bearer {TOKEN} "])
def test_the_scheme_is_read_generously(world: World, authorization: str) -> None:
    answer = world.call("GET", "/api/apps", headers={"Authorization": authorization})
    assert answer.status_code == 200


def test_the_token_is_asked_for_before_the_body_is_read(world: World) -> None:
    answer = world.call("POST", "/api/apps", headers={"Content-Type": "application/json"}, data=b"{")
    assert answer.status_code == 401


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/api/apps/nothing", "app:not-found"),
        ("/api/apps/nothing/deployments", "app:not-found"),
        ("/api/deployments/nothing", "deployment:not-found"),
        ("/api/jobs/nothing", "job:not-found"),
        ("/api/deliveries/nothing", "delivery:not-found"),
        ("/api/apps/%00", "app:not-found"),
        ("/api/apps/%F0%9F%92%A9", "app:not-found"),
        ("/api/apps/..", "app:not-found"),
    ],
)
def test_what_is_not_there_is_not_found(world: World, path: str, code: str) -> None:
    answer = world.call("GET", path)
    assert answer.status_code == 404
    assert error_of(answer)["code"] == code


def test_an_id_is_not_too_long(world: World) -> None:
    assert world.call("GET", f"/api/apps/{'x' * 101}").status_code == 400


@pytest.mark.parametrize("path", ["/api", "/api/", "/api/apps/", "/api/nothing", "/nothing", "/api/apps/a/b"])
def test_an_unknown_route_is_told_in_our_form(world: World, path: str) -> None:
    answer = world.call("GET", path)
    assert answer.status_code == 404
    assert error_of(answer)["code"] == "request:not-found"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/api/apps", {"GET", "HEAD", "OPTIONS", "POST"}),
        ("POST", "/api/apps/x", {"DELETE", "GET", "HEAD", "OPTIONS", "PATCH"}),
        ("DELETE", "/api/jobs/x", {"GET", "HEAD", "OPTIONS"}),
    ],
)
def test_a_method_that_a_route_does_not_have_is_refused(
    world: World, method: str, path: str, allowed: set[str]
) -> None:
    answer = world.call(method, path)
    assert answer.status_code == 405
    assert error_of(answer)["code"] == "request:method-not-allowed"
    assert set(answer.headers["Allow"].split(", ")) == allowed


# -------------------- when it breaks


class Failing:
    """Records whose every transaction fails."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def begin(self) -> Any:
        raise self._error

    read = begin


def failing(url: str, error: Exception) -> World:
    return World(url, records=Failing(error))


def test_what_we_did_not_foresee_is_logged_and_not_told(
    migrated_sqlite_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    world = failing(migrated_sqlite_url, RuntimeError("canary: /secret/path"))
    answer = world.call("GET", "/api/apps")
    assert answer.status_code == 500
    error = error_of(answer)
    assert error["code"] == "branchline:broken"
    reference = error["details"]["reference"]
    assert reference in error["message"]
    assert reference in caplog.text
    assert "canary" in caplog.text
    assert "canary" not in answer.text
    assert "Traceback" not in answer.text
    world.close()


@pytest.mark.parametrize(
    ("error", "status", "code", "headers"),
    [
        (NotAllowed("no"), 403, "request:not-allowed", {}),
        (Gone("gone"), 410, "request:gone", {}),
        (RemoteUnavailable("away"), 503, "remote:unavailable", {}),
        (RateLimited("slow", retry_at=NOON), 503, "remote:rate-limited", {"Retry-After": "1"}),
        (RemoteConflict("taken", code="a:b", x=1), 502, "a:b", {}),
        (Misconfigured("X", "is missing", "get one"), 500, "branchline:broken", {}),
    ],
)
def test_every_error_has_its_status(
    migrated_sqlite_url: str, error: Exception, status: int, code: str, headers: dict[str, str]
) -> None:
    world = failing(migrated_sqlite_url, error)
    answer = world.call("GET", "/api/apps")
    assert answer.status_code == status
    assert error_of(answer)["code"] == code
    assert {name: answer.headers[name] for name in headers} == headers
    world.close()


def test_a_rate_limit_says_when_to_come_back(migrated_sqlite_url: str) -> None:
    retry_at = datetime.now(UTC) + timedelta(seconds=120)
    world = failing(migrated_sqlite_url, RateLimited("slow", retry_at=retry_at))
    assert 100 <= int(world.call("GET", "/api/apps").headers["Retry-After"]) <= 120
    world.close()


def test_a_locked_database_stops_no_reader(world: World) -> None:
    world.app()
    with world.database.connect() as other:
        other.exec_driver_sql("ROLLBACK")
        other.exec_driver_sql("BEGIN IMMEDIATE")
        assert world.call("GET", "/api/apps/app-1").status_code == 200
        answer = create(world)
        other.exec_driver_sql("ROLLBACK")
        other.exec_driver_sql("BEGIN")
    assert answer.status_code == 503
    assert create(world).status_code == 202


# -------------------- health


def test_health_needs_no_token(world: World) -> None:
    assert world.client.get("/healthz").get_json() == {"status": "ok"}
    assert world.client.get("/readyz").get_json() == {"status": "ready"}


def test_a_process_that_cannot_work_is_not_ready(world: World) -> None:
    world.is_ready = False
    answer = world.client.get("/readyz")
    assert answer.status_code == 503
    assert error_of(answer)["code"] == "database:not-migrated"
    assert world.client.get("/healthz").status_code == 200


# -------------------- secrets


def test_no_answer_and_no_log_holds_a_secret(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    world.app(status=AppStatus.READY)
    world.ask(a_message(), token())
    world.ask(an_end(), token())
    world.github({"repository": {"id": 1}})
    job_id = create(world).get_json()["jobId"]
    deployment_id = world.get("/api/apps/app-1/deployments")["items"][0]["id"]
    paths = [
        *("/api/apps", "/api/apps/app-1", "/api/apps/app-1/deployments", "/api/openapi.json"),
        *(f"/api/deployments/{deployment_id}", f"/api/jobs/{job_id}", "/api/apps/nothing", "/nothing"),
        *("/api/deliveries", "/api/deliveries/msg_1", "/api/deliveries/guid-1", "/healthz", "/readyz"),
    ]
    answers = [world.call("GET", path).text for path in paths]
    answers.append(world.call("GET", "/api/apps", headers={"Authorization": "Bearer wrong"}).text)
    told = json.dumps(answers) + caplog.text + world.dump()
    secrets = (*CANARIES, deploy_secret("app_0001"), "whsec_")
    assert [secret for secret in secrets if secret in told] == []


def test_a_database_that_is_away_is_not_described_to_strangers(world: World) -> None:
    def away() -> None:
        raise RemoteUnavailable("using database bob@db.internal: refused", code="database:unavailable")

    web = create_app(replace(world.web.extensions["branchline"], check_ready=away))
    answer = web.test_client().get("/readyz")
    assert answer.status_code == 503
    assert error_of(answer)["code"] == "database:unavailable"
    assert "db.internal" not in answer.get_data(as_text=True)
