"""The shapes of answers, and what can be called."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from tests.integration.functions_runtime.driver import MAIN, upload

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.contract.sandbox_cloudflare.driver import Sandbox
    from tests.integration.functions_runtime.driver import Worker

    Deploy = Callable[..., Worker]

MODULE = """
export async function hello(payload) {
  console.log("hello", payload);
  console.warn("careful");
  return { greeted: payload.name };
}
export const arrow = () => "arrow";
export function fails() { throw new RangeError("too far"); }
export function context(payload, context) {
  const { functionName, invocationId, env, headers, signal, waitUntil } = context;
  return {
    functionName, invocationId, env, header: headers.get("x-mine"), names: Object.keys(context),
    aborted: signal.aborted, same: signal === context.signal, waits: typeof waitUntil,
  };
}
export function self() { return this === undefined; }
export const later = "a";
export let replaced = () => "before";
export function replace() { replaced = () => "after"; }
export class Thing {}
export const number = 1;
export const nothing = null;
export function then() { return "then"; }
export function größe() { return "größe"; }
const odd = () => "odd";
export { odd as "a/b c?" };
export default function () { return "default"; }
"""
NAMES = [
    "a/b c?",
    "arrow",
    "context",
    "default",
    "fails",
    "größe",
    "hello",
    "replace",
    "replaced",
    "self",
    "then",
]


@pytest.fixture(scope="module")
def functions(worker: Deploy) -> Worker:
    return worker(MODULE, bindings=[{"type": "plain_text", "name": "COLOUR", "text": "blue"}])


def test_a_result_has_exactly_this_shape(functions: Worker) -> None:
    response = functions.invoke("hello", {"name": "Ada"})
    body = response.json()
    assert response.status_code == 200
    assert list(body) == ["success", "function", "result", "logs", "duration"]
    assert body["success"] is True
    assert body["function"] == "hello"
    assert body["result"] == {"greeted": "Ada"}
    assert [(it["level"], it["message"]) for it in body["logs"]] == [
        ("log", "hello { name: 'Ada' }"),
        ("warn", "careful"),
    ]
    assert all(list(it) == ["level", "message", "timestamp"] for it in body["logs"])
    assert isinstance(body["duration"], int)


def test_a_failure_has_exactly_this_shape(functions: Worker) -> None:
    response = functions.invoke("fails")
    body = response.json()
    assert response.status_code == 500
    assert list(body) == ["success", "function", "error", "logs", "duration"]
    assert body["success"] is False
    assert body["function"] == "fails"
    assert body["error"] == {
        "name": "RangeError",
        "message": "too far",
        "stack": "RangeError: too far\n    at fails (functions.js:8:33)",
    }


def test_answers_are_json(functions: Worker) -> None:
    for name in ("arrow", "fails", "missing"):
        assert functions.invoke(name).headers["content-type"] == "application/json"


def test_every_invocation_has_an_id_of_its_own(functions: Worker) -> None:
    first, second = (UUID(functions.result("context")["invocationId"]) for _ in range(2))
    assert first != second


def test_functions_are_listed(functions: Worker) -> None:
    response = functions.ask("GET", "/api/functions")
    assert response.json() == {"functions": NAMES}
    assert response.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(("name", "result"), [("arrow", "arrow"), ("default", "default"), ("then", "then")])
def test_every_kind_of_function_is_called(functions: Worker, name: str, result: str) -> None:
    assert functions.result(name) == result


@pytest.mark.parametrize(("path", "result"), [("gr%C3%B6%C3%9Fe", "größe"), ("a%2Fb%20c%3F", "odd")])
def test_names_are_percent_encoded(functions: Worker, path: str, result: str) -> None:
    assert functions.result(path) == result


def test_a_function_is_called_without_this(functions: Worker) -> None:
    assert functions.result("self") is True


def test_an_export_is_called_as_it_is_now(functions: Worker) -> None:
    functions.result("replace")
    assert functions.result("replaced") == "after"


@pytest.mark.parametrize(
    "name",
    [
        *("missing", "number", "nothing", "later", "Thing", "Hello", ""),
        *("__proto__", "constructor", "toString", "hasOwnProperty", "prototype"),
        *("hello/", "hello/x", "%", "%E0%A4", "%00"),
    ],
)
def test_nothing_else_is_called(functions: Worker, name: str) -> None:
    response = functions.invoke(name)
    body = response.json()
    assert response.status_code == 404
    assert body["error"]["name"] == "FunctionNotFound"
    assert "arrow, context" in body["error"]["message"]
    assert body["functions"] == NAMES
    assert (body["success"], body["logs"], body["duration"]) == (False, [], 0)


def test_a_function_is_told_how_it_was_called(functions: Worker) -> None:
    told = functions.invoke("context", headers={"x-mine": "yes"}).json()["result"]
    assert told.pop("invocationId")
    assert told == {
        "functionName": "context",
        "env": {"COLOUR": "blue"},
        "header": "yes",
        "names": ["functionName", "invocationId", "env", "headers", "waitUntil", "signal"],
        "aborted": False,
        "same": True,
        "waits": "function",
    }


def test_the_type_of_the_body_is_not_asked_for(functions: Worker) -> None:
    headers = {"content-type": "application/x-www-form-urlencoded"}
    response = functions.ask("POST", "/api/invoke/hello", content='{"name": "curl"}', headers=headers)
    assert response.json()["result"] == {"greeted": "curl"}


# -------------------- other methods, other addresses


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE"])
def test_functions_are_called_by_post_only(functions: Worker, method: str) -> None:
    response = functions.ask(method, "/api/invoke/hello")
    assert response.status_code == 405
    assert response.headers["allow"] == "POST, OPTIONS"
    if method != "HEAD":
        assert response.json()["error"]["name"] == "MethodNotAllowed"
        assert response.json()["function"] == "hello"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_the_list_is_only_read(functions: Worker, method: str) -> None:
    response = functions.ask(method, "/api/functions")
    assert (response.status_code, response.headers["allow"]) == (405, "GET, HEAD, OPTIONS")


def test_head_is_get_without_a_body(functions: Worker) -> None:
    response = functions.ask("HEAD", "/api/functions")
    assert (response.status_code, response.content) == (200, b"")
    assert response.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("path", "allow"), [("/api/invoke/hello", "POST, OPTIONS"), ("/api/functions", "GET, HEAD, OPTIONS")]
)
def test_options_tells_the_methods(functions: Worker, path: str, allow: str) -> None:
    response = functions.ask("OPTIONS", path)
    assert (response.status_code, response.headers["allow"], response.content) == (204, allow, b"")


@pytest.mark.parametrize("path", ["/nowhere", "/api", "/api/invoke", "/api/functions/", "/favicon.ico"])
def test_there_is_nothing_elsewhere(functions: Worker, path: str) -> None:
    response = functions.ask("GET", path)
    assert response.status_code == 404
    assert response.json()["error"]["name"] == "NotFound"
    assert set(response.json()) == {"success", "error"}


def test_the_root_is_a_page_for_browsers_and_a_list_for_others(functions: Worker) -> None:
    page = functions.ask("GET", "/", headers={"accept": "text/html,*/*"})
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "POST api/invoke/a%2Fb%20c%3F" in page.text
    assert functions.ask("GET", "/").json() == {"functions": NAMES}


# -------------------- main modules


def test_an_app_answers_whatever_is_not_ours(worker: Deploy) -> None:
    main = MAIN.replace(
        "OPTIONS",
        "{ fallback: (request, env, ctx) => Response.json([request.method, new URL(request.url).pathname,"
        " env.COLOUR, typeof ctx.waitUntil]) }",
    )
    bindings = [{"type": "plain_text", "name": "COLOUR", "text": "blue"}]
    app = worker(MODULE, main=main, bindings=bindings)
    for path in ("/", "/api/hello", "/api/invoke", "/page"):
        assert app.ask("PUT", path).json() == ["PUT", path, "blue", "function"]
    assert app.result("arrow") == "arrow"
    assert app.ask("GET", "/api/functions").json() == {"functions": NAMES}


def test_an_object_of_functions_will_do(worker: Deploy) -> None:
    main = MAIN.replace(
        "createHandler(functions, OPTIONS)", "createHandler({ one: functions.arrow, two: 2 })"
    )
    app = worker(MODULE, main=main)
    assert app.ask("GET", "/api/functions").json() == {"functions": ["one"]}
    assert app.result("one") == "arrow"


def test_a_module_without_functions_says_so(worker: Deploy) -> None:
    nothing = worker("export const one = 1;")
    assert nothing.ask("GET", "/api/functions").json() == {"functions": []}
    assert "there is none at all" in nothing.error("one", status=404)["message"]
    assert "exports no function" in nothing.ask("GET", "/", headers={"accept": "text/html"}).text


def test_who_wants_to_is_told_of_every_call(worker: Deploy) -> None:
    main = (
        'import { createHandler } from "./functions_runtime/index.js";\n'
        'import * as functions from "./functions.js";\n'
        "const calls = [];\n"
        "const onSettled = (call, env) => { calls.push([call, env.COLOUR]); throw new Error('ignored'); };\n"
        "const fallback = () => Response.json(calls);\n"
        "export default createHandler(functions, { onSettled, fallback });\n"
    )
    app = worker(MODULE, main=main, bindings=[{"type": "plain_text", "name": "COLOUR", "text": "blue"}])
    told = app.result("context")["invocationId"]
    app.invoke("fails")
    app.invoke("missing")
    calls = app.ask("GET", "/").json()
    assert [(it["functionName"], it["success"]) for it, _ in calls] == [("context", True), ("fails", False)]
    assert calls[0][0]["invocationId"] == told
    assert all(isinstance(call["duration"], int) and colour == "blue" for call, colour in calls)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"invokekey": "KEY"}, "no option invokekey"),
        ({"invokeKey": ""}, 'cannot have "" for invokeKey'),
        ({"timeoutMs": "30"}, 'cannot have "30" for timeoutMs'),
        ({"timeoutMs": 0}, "cannot have 0 for timeoutMs"),
        ({"corsOrigins": "*"}, 'cannot have "*" for corsOrigins'),
        ({"corsOrigins": ["https://a.example/"]}, "for corsOrigins"),
        ({"stacks": 1}, "cannot have 1 for stacks"),
        ({"fallback": {}}, "cannot have {} for fallback"),
    ],
)
def test_an_option_that_cannot_be_meant_keeps_a_worker_from_loading(
    sandbox: Sandbox, options: dict[str, object], complaint: str
) -> None:
    _, response = upload(sandbox, MODULE, main=MAIN.replace("OPTIONS", json.dumps(options)))
    assert response.status_code == 400
    assert complaint in response.json()["errors"][0]["message"]
