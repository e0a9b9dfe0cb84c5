"""The description of the API is valid, names every route, and is what is answered."""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

import pytest
from jsonschema import Draft202012Validator

from app.domain.deployments import Status
from app.domain.environments import Environment
from app.errors import RemoteUnavailable
from app.web.views import View
from tests.builders import NOON, a_delivery, a_deployment, a_pull
from tests.integration.web.described import assert_described
from tests.integration.web.world import World, a_message, an_end, place_of
from tests.issuer import token

# The document itself, and what Flask serves beside the application.
# Neither is JSON of ours: the description itself, files, and what Prometheus reads.
UNNAMED: Final = {"/api/openapi.json", "/static/{filename}", "/metrics"}


@pytest.fixture
def document(world: World) -> dict[str, Any]:
    described: dict[str, Any] = world.client.get("/api/openapi.json").get_json()
    return described


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for inner in value.values():
            yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


def test_it_needs_no_token(world: World) -> None:
    assert world.client.get("/api/openapi.json").status_code == 200


def test_it_is_a_description_of_3_1(document: dict[str, Any]) -> None:
    # https://spec.openapis.org/oas/v3.1.0#openapi-object
    assert document["openapi"].startswith("3.1.")
    assert document["info"]["title"] == "Branchline"
    assert document["info"]["version"]
    assert set(document) <= {"openapi", "info", "paths", "components", "servers", "security", "tags"}


def test_it_names_every_route(world: World, document: dict[str, Any]) -> None:
    served = {
        (method, re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule))
        for rule in world.web.url_map.iter_rules()
        if not rule.endpoint.startswith("pages_")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    named = {(method, path) for method, path, _ in operations(document)}
    assert named == {(method, path) for method, path in served if path not in UNNAMED}


def test_every_schema_is_one(document: dict[str, Any]) -> None:
    for schema in document["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


def test_no_two_views_have_one_name() -> None:
    # The description knows schemas by the names of their classes, and keeps the last of two.
    names = [kind.__name__ for kind in subclasses(View)]
    assert [it for it, number in Counter(names).items() if number > 1] == []


def subclasses(kind: type[View]) -> Iterator[type[View]]:
    for inner in kind.__subclasses__():
        yield inner
        yield from subclasses(inner)


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    known = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    assert set(references(document)) <= known


def proof_of(method: str, path: str) -> list[dict[str, Any]]:
    """Return how one proves who one is: a run by a token of its own, a webhook by what it is signed with."""
    if (method, path) == ("POST", "/api/deployments"):
        return [{"run": []}]
    is_open = not path.startswith("/api/") or path.startswith("/api/login/")
    return [] if is_open else [{"token": []}]


def test_every_operation_is_complete(document: dict[str, Any]) -> None:
    names = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(names) == len(set(names))
    for method, path, operation in operations(document):
        where = f"{method} {path}"
        declared = {it["name"] for it in operation.get("parameters", []) if it["in"] == "path"}
        assert declared == set(re.findall(r"{(\w+)}", path)), where
        assert all(it["required"] for it in operation.get("parameters", []) if it["in"] == "path"), where
        assert all("schema" in it for it in operation.get("parameters", [])), where
        assert operation["summary"], where
        assert operation.get("security", []) == proof_of(method, path), where
        assert any(status.startswith("2") for status in operation["responses"]), where
        assert all(response["description"] for response in operation["responses"].values()), where


def test_every_error_has_one_form(document: dict[str, Any]) -> None:
    for method, path, operation in operations(document):
        for status, response in operation["responses"].items():
            # What a worker answers about a call of its function is passed on.
            is_call = method == "POST" and re.fullmatch(
                r"/api/(workers|deployments)/{\w+}/(functions|invoke)/{\w+}", path
            )
            form = "InvocationErrorOut" if is_call and status not in {"401", "403"} else "ErrorOut"
            if status >= "400":
                schema = response["content"]["application/json"]["schema"]
                assert schema == {"$ref": f"#/components/schemas/{form}"}, f"{method} {path} {status}"


# What is called, and the status it is answered with.
CALLS: Final = [
    ("POST", "/api/apps", 202, {"json": {"name": "hello"}}),
    ("POST", "/api/apps", 400, {"json": {"name": "Hello"}}),
    ("POST", "/api/apps", 400, {"json": {"colour": "blue"}}),
    ("POST", "/api/apps", 401, {"json": {"name": "hello"}, "headers": {}}),
    ("POST", "/api/apps", 409, {"json": {"name": "app-1"}}),
    ("POST", "/api/apps", 413, {"json": {"name": "x" * 200_000}}),
    ("GET", "/api/apps", 200, {}),
    ("GET", "/api/apps", 400, {"query_string": {"limit": 0}}),
    ("GET", "/api/apps", 401, {"headers": {}}),
    ("GET", "/api/apps/{app}", 200, {}),
    ("GET", "/api/apps/{app}", 404, {"key": "nothing"}),
    ("DELETE", "/api/apps/{app}", 202, {}),
    ("DELETE", "/api/apps/{app}", 404, {"key": "nothing"}),
    ("DELETE", "/api/apps/{app}", 409, {"key": "app-2"}),
    ("GET", "/api/apps/{app}/deployments", 200, {}),
    ("GET", "/api/apps/{app}/deployments", 404, {"key": "nothing"}),
    ("POST", "/api/apps/{app}/rollback", 400, {"json": {}}),
    ("POST", "/api/apps/{app}/rollback", 404, {"json": {"environment": "production"}, "key": "nothing"}),
    ("POST", "/api/apps/{app}/rollback", 409, {"json": {"environment": "production"}}),
    ("POST", "/api/apps/{app}/resume", 409, {"json": {"environment": "production"}}),
    ("POST", "/api/deployments", 401, {"json": {}}),
    (
        "POST",
        "/api/deployments/{deployment}/promote",
        202,
        {"json": {"environment": "production"}, "key": "dpl_0003_1"},
    ),
    ("POST", "/api/deployments/{deployment}/redeploy", 202, {"json": {}, "key": "dpl_0003_1"}),
    ("POST", "/api/deployments/{deployment}/redeploy", 409, {"json": {}, "key": "dpl_0001_1"}),
    ("POST", "/api/apps/{app}/pulls/{number}/preview", 202, {"json": {"commit": "a" * 40}, "number": 8}),
    ("POST", "/api/apps/{app}/pulls/{number}/preview", 400, {"json": {"commit": "main"}}),
    ("POST", "/api/apps/{app}/pulls/{number}/preview", 404, {"json": {"commit": "a" * 40}, "number": 9}),
    ("POST", "/api/apps/{app}/pulls/{number}/preview", 409, {"json": {"commit": "a" * 40}}),
    ("GET", "/api/deployments/{deployment}", 200, {"key": "dpl_0001_1"}),
    ("GET", "/api/deployments/{deployment}", 400, {"key": "x" * 101}),
    ("GET", "/api/deployments/{deployment}", 404, {"key": "nothing"}),
    ("GET", "/api/jobs/{job}", 200, {}),
    ("GET", "/api/jobs/{job}", 404, {"key": "nothing"}),
    ("GET", "/api/deliveries", 200, {}),
    ("GET", "/api/deliveries/{guid}", 200, {"key": "guid-1"}),
    ("GET", "/api/deliveries/{guid}", 404, {"key": "nothing"}),
    ("POST", "/api/deliveries/{guid}/replay", 202, {"key": "guid-1", "json": {}}),
    ("POST", "/api/deliveries/{guid}/replay", 404, {"key": "nothing", "json": {}}),
    ("POST", "/api/deliveries/replay", 202, {"json": {"failed": True}}),
    ("POST", "/api/deliveries/replay", 200, {"json": {"failed": True, "dryRun": True}}),
    ("POST", "/api/deliveries/replay", 400, {"json": {}}),
    ("GET", "/healthz", 200, {}),
    ("GET", "/readyz", 200, {}),
    ("POST", "/webhooks/github", 401, {"data": b"{}"}),
    ("POST", "/webhooks/deployments", 401, {"data": b"{}"}),
]


@pytest.fixture
def busy(migrated_sqlite_url: str) -> Iterator[World]:
    """A control plane with something of everything."""
    world = World(migrated_sqlite_url, maximum_body_bytes=100_000)
    world.app(1)
    world.app(2)
    with world.records.begin() as tx:
        tx.deployments.add(a_deployment(1))
        tx.pulls.save(a_pull(7))
        tx.pulls.save(a_pull(8, is_from_fork=True))
        tx.deployments.add(a_deployment(2, script="preview-pr7-slug0001", pull_request=7))
        up: dict[str, Any] = {"status": Status.READY, "bundle": "b" * 64, "uploaded_at": NOON}
        tx.deployments.add(a_deployment(3, environment=Environment.STAGING, script="staging-slug0001", **up))
        tx.deliveries.add(a_delivery(1))
    world.call("DELETE", "/api/apps/app-2")
    yield world
    world.close()


@pytest.mark.parametrize(
    ("method", "path", "status", "given"), CALLS, ids=[f"{call[0]} {call[1]} {call[2]}" for call in CALLS]
)
def test_what_is_answered_is_what_is_described(
    busy: World, method: str, path: str, status: int, given: dict[str, Any]
) -> None:
    document = busy.client.get("/api/openapi.json").get_json()
    given = dict(given)
    key = given.pop("key", None) or (_job_id(busy) if "{job}" in path else "app-1")
    place = path.replace("{number}", str(given.pop("number", 7)))
    answer = busy.call(method, re.sub(r"{\w+}", key, place), **given)
    assert answer.status_code == status
    assert_described(document, method, path, answer)


# Something of the right form for each method that has a body.
BODIES: Final = {"POST": {"name": "a"}, "PUT": {"value": "a"}, "PATCH": {"values": {"A": "a"}}}
A_COMMIT: Final = {"message": "Add a", "files": [{"path": "a", "content": "a"}]}
A_FUNCTION: Final = {"name": "hello", "code": "export function hello() {}"}
A_PLACE: Final = {"environment": "production"}
BODIES_OF: Final = {
    "/api/apps/{app}/commits": A_COMMIT,
    "/api/apps/{app}/rollback": A_PLACE,
    "/api/apps/{app}/resume": A_PLACE,
    "/api/apps/{app}/pulls/{number}/preview": {"commit": "a" * 40},
    "/api/deployments/{deployment}/promote": A_PLACE,
    "/api/deployments/{deployment}/redeploy": {},
    "/api/workers/{worker}/functions/{function}/jobs": {},
    "/api/jobs/{job}/retry": {},
    "/api/jobs/{job}/cancel": {},
    "/api/workers/{worker}/versions/{version}/restore": {},
    "/api/apps/{app}/functions": A_FUNCTION,
    "/api/deliveries/replay": {"failed": True},
    "/api/deliveries/{guid}/replay": {},
    "/api/apps/{app}/drift": {},
    "/api/reconcile": {},
    "PATCH /api/apps/{app}": {"heal": "all"},
    "/api/deliveries/redeliver": {"since": "2026-11-22T09:00:00+01:00"},
    "POST /api/tokens": {"name": "ci"},
    "POST /api/workers": A_FUNCTION,
    "PUT /api/workers/{worker}": {"code": A_FUNCTION["code"]},
    "PATCH /api/workers/{worker}": {"keep": True},
}


# Whoever follows everything is told by the follower; of the operator's own token nothing is kept.
READ_OTHERWISE: Final = {"/api/events/stream", "/api/me"}


@pytest.mark.parametrize("error", [RemoteUnavailable("the database is away"), RuntimeError("broken")])
def test_troubles_are_described_everywhere(migrated_sqlite_url: str, error: Exception) -> None:
    class Failing:
        def begin(self) -> Any:
            raise error

        read = begin

    world = World(migrated_sqlite_url, records=Failing())
    document = world.client.get("/api/openapi.json").get_json()
    for method, path, _ in operations(document):
        if {"token": []} in proof_of(method, path) and path not in READ_OTHERWISE:
            filled = path.replace("{environment}", "production").replace("{number}", "7")
            place = re.sub(r"{\w+}", "x", filled)
            body = BODIES_OF.get(path, BODIES_OF.get(f"{method} {path}", BODIES.get(method)))
            answer = world.call(method, place, json=body)
            assert answer.status_code in {500, 503}, (method, path)
            assert_described(document, method, path, answer)
    world.close()


def test_webhooks_are_answered_as_described(busy: World) -> None:
    document = busy.client.get("/api/openapi.json").get_json()
    for answer in (busy.github({}, guid="new"), busy.github({}, guid="new"), busy.github(b"[]")):
        assert_described(document, "POST", "/webhooks/github", answer)


def test_runs_are_answered_as_described(busy: World) -> None:
    document = busy.client.get("/api/openapi.json").get_json()
    first, second = ({"run_id": f"200{number}", "run_number": f"1{number}"} for number in (1, 2))
    asked: list[tuple[dict[str, Any], str]] = [
        (a_message(), token(**first)),
        (a_message(), token(**second)),
        (an_end("failure"), token(**first)),
        (a_message(), token(**first)),
        ({"repository": {"id": 1}}, token(**first)),
        (a_message(message="x" * 70_000), token(**first)),
    ]
    statuses = set()
    for message, proof in asked:
        answer = busy.ask(message, proof)
        statuses.add(answer.status_code)
        assert_described(document, "POST", place_of(message), answer)
    assert statuses == {200, 409, 400, 413}


def _job_id(world: World) -> str:
    answer: dict[str, Any] = world.call("DELETE", "/api/apps/app-1").get_json()
    return str(answer["jobId"])
