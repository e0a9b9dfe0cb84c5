"""From workers to apps, and from functions to files of an app, over the API."""

from typing import Any

import pytest
from werkzeug.test import TestResponse

from app.domain.apps import AppStatus
from tests.integration.web.described import assert_described
from tests.integration.web.world import World, error_of

CODE = "export function hello() {}"
PACKED = 'import pad from "left-pad";\nexport const padded = () => pad("a");'


@pytest.fixture
def world(world: World) -> World:
    """An app with a repository of two files."""
    world.app(1)
    world.host.add_repository("acme/app-1", {"README.md": b"# Shop\n", "worker/index.ts": b""})
    return world


def refused(answer: TestResponse, status: int) -> str:
    assert answer.status_code == status, answer.text
    code: str = error_of(answer)["code"]
    return code


def add(world: World, app: str = "app-1", **body: Any) -> TestResponse:
    return world.call("POST", f"/api/apps/{app}/functions", json={"name": "hello", "code": CODE} | body)


def files(world: World, branch: str = "main") -> dict[str, bytes]:
    return world.host.repository("acme/app-1").files(branch)


def test_an_app_of_a_worker_is_answered_as_any_app_that_is_asked_for(world: World) -> None:
    world.call("POST", "/api/workers", json={"name": "shop", "code": CODE})
    answer = world.call("POST", "/api/workers/shop/app", json={"private": True})
    assert answer.status_code == 202
    asked = answer.get_json()
    assert (asked["name"], asked["status"], asked["private"]) == ("shop", "provisioning", True)
    assert asked["pollUrl"].endswith(asked["jobId"])
    job = world.get(f"/api/jobs/{asked['jobId']}")
    assert (job["type"], job["appId"]) == ("provision", asked["id"])
    assert world.get("/api/workers/shop")["status"] == "ready"
    again = world.call("POST", "/api/workers/shop/app", json={})
    assert refused(again, 409) == "app:name-taken"
    assert world.call("POST", "/api/workers/shop/app", json={"name": "other"}).status_code == 202


@pytest.mark.parametrize("body", [{"name": 1}, {"private": "yes"}, {"surprise": 1}, {"branches": {"a": "b"}}])
def test_a_wish_of_another_form_is_refused(world: World, body: dict[str, Any]) -> None:
    world.call("POST", "/api/workers", json={"name": "shop", "code": CODE})
    assert refused(world.call("POST", "/api/workers/shop/app", json=body), 400) == "request:invalid"


def test_an_unknown_worker_is_no_app(world: World) -> None:
    assert refused(world.call("POST", "/api/workers/nobody/app", json={}), 404) == "worker:not-found"


def test_nobody_without_the_token_makes_anything(world: World) -> None:
    for path in ("/api/workers/shop/app", "/api/apps/app-1/functions"):
        answer = world.call("POST", path, json={}, headers={})
        assert refused(answer, 401) == "request:unauthenticated"


def test_a_function_is_one_file_in_one_commit(world: World) -> None:
    answer = add(world)
    assert answer.status_code == 201
    added = answer.get_json()
    assert added | {"sha": "", "commit": "", "htmlUrl": ""} == {
        "name": "hello",
        "exports": ["hello"],
        "path": "functions/hello.ts",
        "branch": "main",
        "changed": True,
        "sha": "",
        "commit": "",
        "htmlUrl": "",
    }
    assert files(world)["functions/hello.ts"] == CODE.encode()
    again = add(world)
    assert (again.status_code, again.get_json()["changed"]) == (200, False)
    assert_described(
        world.client.get("/api/openapi.json").get_json(), "POST", "/api/apps/{app}/functions", answer
    )


def test_a_function_may_import_the_packages_of_its_app(world: World) -> None:
    assert add(world, name="padded", code=PACKED).status_code == 201


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"name": "index"}, 400, "function:invalid-name"),
        ({"name": "default"}, 400, "function:invalid-name"),
        ({"name": "../x"}, 400, "function:invalid-name"),
        ({"name": "a-b"}, 400, "function:invalid-name"),
        ({"name": ""}, 400, "function:invalid-name"),
        ({"code": "syntax error"}, 422, "worker:compile-failed"),
        ({"code": "export function bye() {}"}, 422, "worker:no-functions"),
        ({"branch": "nowhere"}, 404, "branch:not-found"),
        ({"branch": "a..b"}, 400, "ref:invalid-name"),
        ({"message": "\0"}, 400, "commit:invalid-message"),
        ({"surprise": 1}, 400, "request:invalid"),
    ],
)
def test_what_cannot_be_a_function_is_not_committed(
    world: World, body: dict[str, Any], status: int, code: str
) -> None:
    before = files(world)
    assert refused(add(world, **body), status) == code
    assert files(world) == before


def test_a_function_takes_nobodys_place(world: World) -> None:
    add(world)
    other = add(world, code="export function hello() { return 2 }")
    assert refused(other, 409) == "function:exists"
    world.call("PUT", "/api/apps/app-1/files/functions/bye.js", json={"content": ""})
    bye = add(world, name="bye", code="export function bye() {}")
    assert refused(bye, 409) == "function:exists"
    world.call("PUT", "/api/apps/app-1/files/functions/index.ts", json={"content": ""})
    assert refused(add(world, name="third", code="export const third = () => 3"), 409) == "function:has-index"


def test_an_app_without_a_repository_takes_none(world: World) -> None:
    world.app(2, status=AppStatus.PROVISIONING)
    assert refused(add(world, "app-2"), 409) == "app:provisioning"
    assert refused(add(world, "nobody"), 404) == "app:not-found"
