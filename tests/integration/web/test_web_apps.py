"""Apps over HTTP: how one is asked for, shown, listed and deleted, and which bodies are refused."""

from datetime import timedelta
from typing import Any

import pytest

from app.domain.aliases import Alias
from app.domain.deployments import Status
from app.domain.environments import Environment
from app.domain.events import Tag
from app.domain.jobs import JobType
from tests.builders import NOON, a_deployment, a_pull
from tests.integration.web.ordering import create
from tests.integration.web.world import AUTHORIZED, World, error_of


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
