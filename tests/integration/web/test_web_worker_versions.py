"""Versions of workers over the API: what they say, how they go live again, and that nobody is run over."""

from typing import Any

from tests.integration.web.described import assert_described
from tests.integration.web.world import World, error_of

HELLO, BYE = "export function hello() {}", "export function bye() {}"
FILES = [{"path": "index.ts", "content": HELLO}, {"path": "notes.txt", "content": "<b>größe</b>\r\n"}]


def create(world: World) -> dict[str, Any]:
    answer = world.call("POST", "/api/workers", json={"name": "shop", "files": FILES})
    return dict(answer.get_json())


def test_a_version_is_shown_with_its_files_as_they_were_written(world: World) -> None:
    made = create(world)
    path = f"/api/workers/shop/versions/{made['version']}"
    answer = world.call("GET", path)
    shown = answer.get_json()
    assert shown["files"] == FILES
    assert (shown["number"], shown["live"], shown["functions"]) == (1, True, ["hello"])
    assert shown["options"] == made["options"]
    document = world.client.get("/api/openapi.json").get_json()
    assert_described(document, "GET", "/api/workers/{worker}/versions/{version}", answer)
    missing = world.call("GET", "/api/workers/shop/versions/ver_none")
    assert (missing.status_code, error_of(missing)["code"]) == (404, "worker:no-such-version")


def test_a_version_goes_live_again(world: World) -> None:
    made = create(world)
    world.call("PUT", "/api/workers/shop", json={"code": BYE})
    answer = world.call("POST", f"/api/workers/shop/versions/{made['version']}/restore", json={})
    assert answer.get_json()["functions"] == ["hello"]
    assert [it["number"] for it in world.get("/api/workers/shop")["versions"]] == [3, 2, 1]
    document = world.client.get("/api/openapi.json").get_json()
    assert_described(document, "POST", "/api/workers/{worker}/versions/{version}/restore", answer)


def test_who_has_not_seen_what_is_live_is_told_and_changes_nothing(world: World) -> None:
    made = create(world)
    second = world.call("PUT", "/api/workers/shop", json={"code": BYE, "replaces": made["version"]})
    assert second.status_code == 200
    for method, path in (
        ("PUT", "/api/workers/shop"),
        ("POST", f"/api/workers/shop/versions/{made['version']}/restore"),
    ):
        body = {"replaces": made["version"]} | ({"code": HELLO} if method == "PUT" else {})
        answer = world.call(method, path, json=body)
        assert answer.status_code == 409
        error = error_of(answer)
        assert error["code"] == "worker:changed"
        assert error["details"]["version"] == second.get_json()["version"]
        assert error["details"]["number"] == 2
    assert world.get("/api/workers/shop")["functions"] == ["bye"]
