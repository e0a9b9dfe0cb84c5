"""Workers over the API: what is taken, what is answered, and what is refused in which words."""

from typing import Any

import pytest
from werkzeug.test import TestResponse

from app.domain.workers import LEASE, Calls
from app.errors import RemoteUnavailable, ScriptRefused
from app.pipeline.workers_expire import sweep_workers
from tests.integration.web.described import assert_described
from tests.integration.web.world import PLATFORM, World, error_of

CODE = "export function hello() {}"
SHOP: dict[str, Any] = {"name": "shop", "code": CODE}


def create(world: World, **body: Any) -> dict[str, Any]:
    answer = world.call("POST", "/api/workers", json=SHOP | body)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.get_json()
    return made


def refused(answer: TestResponse, status: int) -> str:
    assert answer.status_code == status, answer.text
    code: str = error_of(answer)["code"]
    return code


def expire(world: World) -> None:
    world.clock.advance(8 * 86400)
    sweep_workers(world.records, world.clock())


def test_a_worker_is_answered_as_it_stands(world: World) -> None:
    made = create(world)
    slug, version = made["slug"], made["version"]
    own = f"production-{version[-10:]}-{slug}"
    assert made == {
        "id": made["id"],
        "name": "shop",
        "slug": slug,
        "environment": "production",
        "status": "ready",
        "functions": ["hello"],
        "url": f"https://{slug}.apps.test",
        "alternateUrl": f"https://dispatch.test/app/{slug}",
        "immutableUrl": f"https://{own}.apps.test",
        "version": version,
        "options": {
            "corsOrigins": [],
            "timeoutMs": 30000,
            "maxPayloadBytes": 1048576,
            "invokeKey": False,
        },
        "keep": False,
        "expiresAt": "2026-11-29T12:00:00Z",
        "expiresInDays": 7,
        "expiredAt": None,
        "invocations": 0,
        "failures": 0,
        "lastInvokedAt": None,
        "error": None,
        "createdAt": "2026-11-22T12:00:00Z",
        "updatedAt": "2026-11-22T12:00:00Z",
        "invokeKey": None,
    }
    assert set(world.cloud.scripts.namespaces["live-production"]) == {slug, own}


@pytest.mark.parametrize("environment", ["production", "staging", "preview"])
def test_a_worker_lives_in_the_environment_that_is_asked_for(world: World, environment: str) -> None:
    made = create(world, environment=environment)
    script = made["slug"] if environment == "production" else f"{environment}-{made['slug']}"
    assert script in world.cloud.scripts.namespaces[f"live-{environment}"]
    assert made["url"] == f"https://{script}.apps.test"


def test_a_worker_is_shown_by_id_slug_and_name_with_its_versions_and_calls(world: World) -> None:
    made = create(world)
    with world.records.begin() as tx:
        tx.calls.add(made["id"], {"hello": Calls(3, 1, world.clock()), "gone": Calls(1, 0, world.clock())})
    for key in ("id", "slug", "name"):
        shown = world.get(f"/api/workers/{made[key]}")
    assert shown["versions"] == [
        {
            "id": made["version"],
            "number": 1,
            "functions": ["hello"],
            "live": True,
            "immutableUrl": made["immutableUrl"],
            "bundle": shown["versions"][0]["bundle"],
            "actor": "operator",
            "createdAt": made["createdAt"],
            "uploadedAt": made["createdAt"],
        }
    ]
    assert shown["calls"]["hello"] == {
        "invocations": 3,
        "failures": 1,
        "lastInvokedAt": "2026-11-22T12:00:00Z",
    }
    assert (shown["invocations"], shown["failures"]) == (4, 1)
    assert shown["lastInvokedAt"] == "2026-11-22T12:00:00Z"
    assert "invokeKey" not in shown


def test_files_are_taken_in_place_of_code(world: World) -> None:
    files = [{"path": "a.ts", "content": CODE}, {"path": "b.ts", "content": "export const bye = () => 1"}]
    answer = world.call("POST", "/api/workers", json={"name": "shop", "files": files})
    assert answer.get_json()["functions"] == ["hello", "bye"]


def test_a_new_version_keeps_the_old_address_and_names_what_is_live(world: World) -> None:
    made = create(world)
    world.clock.advance(60)
    answer = world.call("PUT", "/api/workers/shop", json={"code": "export function bye() {}"})
    assert answer.status_code == 200
    updated = answer.get_json()
    assert updated["functions"] == ["bye"]
    assert updated["url"] == made["url"]
    assert updated["immutableUrl"] != made["immutableUrl"]
    first, second = reversed(world.get("/api/workers/shop")["versions"])
    assert first["immutableUrl"] == made["immutableUrl"]
    assert (first["live"], second["live"]) == (False, True)
    assert updated["expiresAt"] == "2026-11-29T12:01:00Z"


def test_options_are_changed_one_by_one_and_a_key_is_told_once(world: World) -> None:
    made = create(world, options={"invokeKey": True, "corsOrigins": ["https://a.example"]})
    assert len(made["invokeKey"]) > 30
    updated = world.call(
        "PUT", "/api/workers/shop", json={"code": CODE, "options": {"timeoutMs": 500}}
    ).get_json()
    assert updated["options"] == {
        "corsOrigins": ["https://a.example"],
        "timeoutMs": 500,
        "maxPayloadBytes": 1048576,
        "invokeKey": True,
    }
    assert updated["invokeKey"] is None
    assert made["invokeKey"] not in world.call("GET", "/api/workers/shop").text


def test_workers_are_listed_newest_first_page_by_page(world: World) -> None:
    for number in range(3):
        world.clock.advance(1)
        create(world, name=f"shop-{number}")
    page = world.get("/api/workers", limit=2)
    assert [item["name"] for item in page["items"]] == ["shop-2", "shop-1"]
    rest = world.get("/api/workers", cursor=page["nextCursor"])
    assert [item["name"] for item in rest["items"]] == ["shop-0"]
    assert rest["nextCursor"] is None
    assert rest["items"][0]["functions"] == ["hello"]


def test_a_worker_is_kept_and_let_go(world: World) -> None:
    create(world)
    kept = world.call("PATCH", "/api/workers/shop", json={"keep": True}).get_json()
    assert (kept["keep"], kept["expiresAt"], kept["expiresInDays"]) == (True, None, None)
    let_go = world.call("PATCH", "/api/workers/shop", json={"keep": False}).get_json()
    assert (let_go["keep"], let_go["expiresInDays"]) == (False, 7)


def test_an_expired_worker_says_so_everywhere_and_comes_back(world: World) -> None:
    made = create(world)
    script, own = made["slug"], made["immutableUrl"].removeprefix("https://").partition(".")[0]
    expire(world)
    shown = world.get("/api/workers/shop")
    assert (shown["status"], shown["expiresInDays"]) == ("expired", 0)
    assert shown["immutableUrl"] is None
    assert shown["versions"][0]["immutableUrl"] is None
    assert not shown["versions"][0]["live"]
    for address in (script, own):
        told = world.client.get(f"/addresses/{address}").get_json()
        assert told == {"state": "expired", "expiredAt": shown["expiredAt"], "kind": "worker"}
    keeping = world.call("PATCH", "/api/workers/shop", json={"keep": True})
    assert refused(keeping, 410) == "worker:expired"
    restored = world.call("POST", "/api/workers/shop/restore")
    assert restored.get_json()["status"] == "ready"
    assert world.client.get(f"/addresses/{script}").get_json()["state"] == "unknown"
    assert world.call("POST", "/api/workers/shop/restore", json={}).status_code == 200


def test_a_version_that_gave_its_address_back_says_that_it_expired(world: World) -> None:
    made = create(world)
    own = made["immutableUrl"].removeprefix("https://").partition(".")[0]
    for _ in range(PLATFORM.kept_deployments):
        world.clock.advance(1)
        world.call("PUT", "/api/workers/shop", json={"code": CODE})
    assert world.client.get(f"/addresses/{own}").get_json()["state"] == "expired"
    assert world.client.get(f"/addresses/{made['slug']}").get_json()["state"] == "unknown"


def test_an_address_that_only_looks_like_a_workers_is_unknown(world: World) -> None:
    made = create(world, environment="staging")
    expire(world)
    for script in (made["slug"], f"preview-{made['slug']}", f"x-y-{made['slug']}", "shop", made["id"]):
        assert world.client.get(f"/addresses/{script}").get_json()["state"] == "unknown"


def test_a_deleted_worker_is_gone_and_its_job_takes_the_rest_down(world: World) -> None:
    made = create(world)
    answer = world.call("DELETE", "/api/workers/shop")
    assert answer.status_code == 202
    deleted = answer.get_json()
    assert deleted == {
        "id": made["id"],
        "name": "shop",
        "jobId": deleted["jobId"],
        "pollUrl": f"https://branchline.test/api/jobs/{deleted['jobId']}",
    }
    assert refused(world.call("GET", "/api/workers/shop"), 404) == "worker:not-found"
    assert refused(world.call("DELETE", "/api/workers/shop"), 404) == "worker:not-found"
    assert world.get(f"/api/jobs/{deleted['jobId']}")["appId"] == made["id"]
    world.cloud.settle(world.workshop, deleted["jobId"])
    assert not world.cloud.scripts.namespaces["live-production"]


# -------------------- refusals


def test_nobody_without_the_token_learns_anything(world: World) -> None:
    create(world)
    paths = [("GET", ""), ("POST", ""), ("GET", "/shop"), ("PUT", "/shop"), ("PATCH", "/shop")]
    for method, path in [*paths, ("DELETE", "/shop"), ("POST", "/shop/restore")]:
        answer = world.call(method, f"/api/workers{path}", json={}, headers={})
        assert refused(answer, 401) == "request:unauthenticated"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": "shop"},
        {"name": 3, "code": CODE},
        {"name": "shop", "code": CODE, "files": []},
        {"name": "shop", "files": []},
        {"name": "shop", "files": [{"path": "a.ts"}]},
        {"name": "shop", "code": CODE, "environment": "moon"},
        {"name": "shop", "code": CODE, "surprise": 1},
        {"name": "shop", "code": CODE, "options": {"timeoutMs": "5"}},
        {"name": "shop", "code": CODE, "options": {"invokeKey": "secret"}},
        {"name": "shop", "code": CODE, "options": {"corsOrigin": "*"}},
        {"name": "shop", "code": None},
    ],
)
def test_a_body_of_another_form_is_refused(world: World, body: dict[str, Any]) -> None:
    assert refused(world.call("POST", "/api/workers", json=body), 400) == "request:invalid"


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"name": "größe"}, 400, "worker:invalid-name"),
        ({"options": {"timeoutMs": 0}}, 400, "worker:invalid-options"),
        ({"options": {"corsOrigins": ["shop.example"]}}, 400, "worker:invalid-options"),
        ({"code": "syntax error"}, 422, "worker:compile-failed"),
        ({"code": "const x = 1"}, 422, "worker:no-functions"),
        ({"code": "export const x = 1"}, 422, "worker:no-functions"),
        ({"code": f"export function {'a' * 101}() {{}}"}, 422, "worker:invalid-export"),
        ({"code": "//" + "ü" * 524_288}, 413, "worker:too-large"),
    ],
)
def test_each_thing_that_an_author_can_change_has_its_words(
    world: World, changes: dict[str, Any], status: int, code: str
) -> None:
    answer = world.call("POST", "/api/workers", json=SHOP | changes)
    assert refused(answer, status) == code
    assert refused(world.call("GET", "/api/workers/shop"), 404) == "worker:not-found"


def test_a_compiler_tells_file_line_and_column(world: World) -> None:
    answer = world.call("POST", "/api/workers", json=SHOP | {"code": "syntax error"})
    assert answer.get_json()["error"]["details"] == {
        "errors": [{"file": "functions.ts", "line": 1, "column": 1, "message": "syntax error"}]
    }


def test_ten_megabytes_and_a_thousand_files_are_refused(world: World) -> None:
    large = world.call("POST", "/api/workers", json=SHOP | {"code": "x" * 10 * 1024 * 1024})
    assert refused(large, 413) == "worker:too-large"
    files = [{"path": f"f{number}.ts", "content": ""} for number in range(1000)]
    many = world.call("POST", "/api/workers", json={"name": "shop", "files": files})
    assert refused(many, 413) == "worker:too-large"


def test_code_that_does_not_start_is_told_in_cloudflares_words(world: World) -> None:
    words = "putting x up in y: Uncaught Error: boom\n  at functions.js:1:7 (10021)"
    world.cloud.scripts.fail_next(ScriptRefused(words, status=400, codes=[10021]), call="put")
    answer = world.call("POST", "/api/workers", json=SHOP)
    assert refused(answer, 422) == "worker:does-not-start"
    assert "Uncaught Error: boom" in answer.get_json()["error"]["message"]


def test_an_outage_leaves_a_worker_that_may_be_asked_for_again(world: World) -> None:
    world.cloud.scripts.fail_next(RemoteUnavailable("Cloudflare does not answer"), call="put")
    answer = world.call("POST", "/api/workers", json=SHOP)
    assert refused(answer, 503) == "remote:unavailable"
    shown = world.get("/api/workers/shop")
    assert (shown["status"], shown["error"]) == ("error", "Cloudflare does not answer")
    assert shown["functions"] == []
    assert shown["url"].endswith(".apps.test")
    assert create(world)["id"] == shown["id"]


def test_a_name_is_taken_once_and_an_app_may_have_it_too(world: World) -> None:
    world.app(name="shop")
    create(world)
    assert refused(world.call("POST", "/api/workers", json=SHOP), 409) == "worker:name-taken"


def test_whoever_comes_second_is_told_when_to_come_again(world: World) -> None:
    create(world)
    with world.records.begin() as tx:
        tx.workers.save(tx.workers.get("shop").held("ver_other", world.clock()))
    answer = world.call("PUT", "/api/workers/shop", json={"code": CODE})
    assert refused(answer, 409) == "worker:busy"
    assert answer.headers["Retry-After"] == "1"
    world.clock.advance(LEASE.total_seconds())
    assert world.call("PUT", "/api/workers/shop", json={"code": CODE}).status_code == 200


def test_answers_are_as_they_are_described(world: World) -> None:
    document = world.client.get("/api/openapi.json").get_json()
    create(world, options={"invokeKey": True})
    for method, path, template, body in [
        ("GET", "/api/workers", "/api/workers", None),
        ("GET", "/api/workers/shop", "/api/workers/{worker}", None),
        ("PUT", "/api/workers/shop", "/api/workers/{worker}", {"code": CODE}),
        ("PATCH", "/api/workers/shop", "/api/workers/{worker}", {"keep": True}),
        ("POST", "/api/workers/shop/restore", "/api/workers/{worker}/restore", None),
        ("POST", "/api/workers", "/api/workers", {"name": "x", "code": "syntax error"}),
        ("DELETE", "/api/workers/shop", "/api/workers/{worker}", None),
    ]:
        world.clock.advance(1)
        answer = world.call(method, path, json=body) if body else world.call(method, path)
        assert_described(document, method, template, answer)
