"""Who may call: pages of other origins, bearers of the key, and how often."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.functions_runtime.driver import EVENTS, MAIN, Worker

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    Deploy = Callable[..., Worker]

MODULE = """
export const hello = (name) => `hello ${name}`;
export function fails() { throw new Error("x"); }
"""
OURS = "https://shop.example"
ASKING = {"access-control-request-method": "POST", "access-control-request-headers": "content-type"}


def cors(response: httpx.Response) -> dict[str, str]:
    return {name: value for name, value in response.headers.items() if name.startswith("access-control-")}


# -------------------- CORS


@pytest.fixture(scope="module")
def listed(worker: Deploy) -> Worker:
    return worker(MODULE, corsOrigins=[OURS, "http://localhost:5173"])


@pytest.fixture(scope="module")
def anyones(worker: Deploy) -> Worker:
    return worker(MODULE, corsOrigins=["*"])


@pytest.fixture(scope="module")
def closed(worker: Deploy) -> Worker:
    return worker(MODULE)


@pytest.mark.parametrize("origin", [OURS, "http://localhost:5173"])
def test_a_page_of_a_listed_origin_may_read_answers(listed: Worker, origin: str) -> None:
    response = listed.invoke("hello", "you", headers={"origin": origin})
    assert cors(response) == {"access-control-allow-origin": origin}
    assert response.headers["vary"] == "origin"


@pytest.mark.parametrize(("function", "status"), [("fails", 500), ("missing", 404), ("hello/", 404)])
def test_it_may_read_failures_too(listed: Worker, function: str, status: int) -> None:
    response = listed.invoke(function, headers={"origin": OURS})
    assert (response.status_code, response.headers["access-control-allow-origin"]) == (status, OURS)


def test_it_may_read_events(listed: Worker) -> None:
    response = listed.invoke("hello", "you", headers={"origin": OURS, **EVENTS})
    assert response.headers["content-type"] == "text/event-stream"
    assert response.headers["access-control-allow-origin"] == OURS


def test_it_is_told_so_before_it_asks(listed: Worker) -> None:
    response = listed.ask("OPTIONS", "/api/invoke/hello", headers={"origin": OURS, **ASKING})
    assert response.status_code == 204
    assert cors(response) == {
        "access-control-allow-origin": OURS,
        "access-control-allow-methods": "POST, OPTIONS",
        "access-control-allow-headers": "accept, authorization, content-type",
        "access-control-max-age": "7200",
    }


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "https://shop.example.evil.example",
        "http://shop.example",
        OURS + ":8443",
        "null",
    ],
)
def test_pages_of_other_origins_may_not(listed: Worker, origin: str) -> None:
    asked = listed.ask("OPTIONS", "/api/invoke/hello", headers={"origin": origin, **ASKING})
    answered = listed.invoke("hello", "you", headers={"origin": origin})
    assert cors(asked) == cors(answered) == {}
    assert answered.headers["vary"] == "origin"


def test_every_page_may_when_all_are_listed(anyones: Worker) -> None:
    response = anyones.invoke("hello", "you", headers={"origin": "https://any.example"})
    assert response.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in response.headers


def test_no_page_may_unless_it_was_said(closed: Worker) -> None:
    asked = closed.ask("OPTIONS", "/api/invoke/hello", headers={"origin": OURS, **ASKING})
    answered = closed.invoke("hello", "you", headers={"origin": OURS})
    assert cors(asked) == cors(answered) == {}
    assert answered.json()["result"] == "hello you"


# -------------------- the invoke key

KEY = "whk_3q2+7w/abc~xyz=="


@pytest.fixture(scope="module")
def locked(worker: Deploy) -> Worker:
    secret = {"type": "secret_text", "name": "INVOKE_KEY", "text": KEY}
    return worker(MODULE, bindings=[secret], invokeKey="INVOKE_KEY", corsOrigins=[OURS])


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "Bearer  "])
def test_the_key_opens(locked: Worker, scheme: str) -> None:
    response = locked.invoke("hello", "you", headers={"authorization": f"{scheme} {KEY}"})
    assert response.json()["result"] == "hello you"


@pytest.mark.parametrize(
    "authorization",
    [
        *(None, "", KEY, "Bearer", f"Bearer {KEY}x", f"Bearer {KEY[:-1]}", f"Basic {KEY}"),
        *(f"Bearer {KEY} {KEY}", f"Bearer {KEY.upper()}", "Bearer " + "x" * 20, "Bearer " + "x" * 5000),
    ],
)
@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/api/invoke/hello"), ("POST", "/api/invoke/missing"), ("GET", "/api/functions"), ("GET", "/")],
)
def test_nothing_else_does(locked: Worker, method: str, path: str, authorization: str | None) -> None:
    headers = {} if authorization is None else {"authorization": authorization}
    response = locked.ask(method, path, headers=headers)
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"
    assert response.json()["error"]["name"] == "Unauthorized"
    assert "functions" not in response.json()


def test_browsers_ask_without_the_key_whether_they_may_ask(locked: Worker) -> None:
    asked = locked.ask("OPTIONS", "/api/invoke/hello", headers={"origin": OURS, **ASKING})
    assert (asked.status_code, asked.headers["access-control-allow-origin"]) == (204, OURS)
    refused = locked.invoke("hello", headers={"origin": OURS})
    assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (401, OURS)


@pytest.mark.parametrize("bindings", [[], [{"type": "secret_text", "name": "INVOKE_KEY", "text": ""}]])
def test_a_key_that_is_not_set_leaves_nothing_open(worker: Deploy, bindings: list[dict[str, str]]) -> None:
    broken = worker(MODULE, bindings=bindings, invokeKey="INVOKE_KEY")
    for headers in ({}, {"authorization": "Bearer"}, {"authorization": "Bearer undefined"}):
        response = broken.invoke("hello", headers=headers)
        assert response.status_code == 500
        assert response.json()["error"] == {
            "name": "Misconfigured",
            "message": "this Worker asks for a key, and its secret INVOKE_KEY is not set",
        }


def test_a_body_is_not_read_for_strangers(locked: Worker) -> None:
    response = locked.ask("POST", "/api/invoke/hello", content=b"{" * 2**21)
    assert response.status_code == 401


# -------------------- rates

LIMITED = MAIN.replace(
    "export default createHandler(functions, OPTIONS);",
    """
const asked = new Map();
const LIMITER = { async limit({ key }) {
  asked.set(key, (asked.get(key) ?? 0) + 1);
  return { success: asked.get(key) <= 2 };
} };
const AWAY = { limit() { throw new Error("away"); } };
const handler = createHandler(functions, OPTIONS);
export default { fetch: (request, env, ctx) => handler.fetch(request, { ...env, LIMITER, AWAY }, ctx) };
""",
)


def test_who_calls_too_often_has_to_wait(worker: Deploy) -> None:
    limited = worker(MODULE, main=LIMITED, rateLimit="LIMITER")
    hers, his = {"cf-connecting-ip": "192.0.2.1"}, {"cf-connecting-ip": "192.0.2.2"}
    assert [limited.invoke("hello", headers=hers).status_code for _ in range(3)] == [200, 200, 429]
    assert limited.invoke("hello", headers=his).status_code == 200
    refused = limited.invoke("hello", headers=hers)
    assert refused.headers["retry-after"] == "60"
    assert refused.json()["error"]["name"] == "RateLimited"
    assert refused.json()["function"] == "hello"


@pytest.mark.parametrize("binding", ["AWAY", "MISSING"])
def test_a_limiter_that_does_not_answer_stops_nobody(worker: Deploy, binding: str) -> None:
    limited = worker(MODULE, main=LIMITED, rateLimit=binding)
    assert [limited.invoke("hello").status_code for _ in range(4)] == [200] * 4
