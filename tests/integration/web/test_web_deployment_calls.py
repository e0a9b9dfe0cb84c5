"""Functions of apps, called as one deployment has them: over the API, and from their page."""

import json
from dataclasses import replace
from html import unescape
from typing import Any

import pytest
from werkzeug.test import TestResponse

from app.domain.deployments import Deployment
from app.domain.variables import Variable
from app.domain.workers import INVOKE_KEY
from app.errors import RemoteUnavailable
from app.ports import Reply
from app.vault import FernetVault
from tests.builders import a_deployment, at
from tests.fakes.invocations import answered, failed
from tests.integration.web.described import assert_described
from tests.integration.web.world import AUTHORIZED, VAULT_KEY, World, error_of

OWN = "production-0000000001-slug0001"
BASE = "/api/deployments/dpl_0001"
PAGE = "/deployments/dpl_0001/functions"
LOG = {"stream": "stdout", "level": "log", "message": "<i>hi</i>", "timestamp": "2026-11-22T12:00:00.000Z"}


@pytest.fixture
def shop(world: World) -> World:
    """An app with a deployment that is up, whose worker tells of a function."""
    keep(world)
    world.cloud.endpoints.listed[OWN] = ["hello"]
    return world


def keep(world: World, **changes: Any) -> Deployment:
    world.app()
    up = {"own_script": OWN, "uploaded_at": at(0), "id": "dpl_0001", "app_id": "app_0001"}
    deployment = replace(a_deployment(), **{**up, **changes})
    with world.records.begin() as tx:
        tx.deployments.add(deployment)
    return deployment


def keep_key(world: World, deployment: Deployment) -> None:
    place = (deployment.app_id, deployment.environment, INVOKE_KEY)
    secret = Variable(*place, value="", is_secret=True, updated_at=at(0), actor="ada")
    sealed = FernetVault([VAULT_KEY]).seal(secret.place, "canary-invoke-key")
    with world.records.begin() as tx:
        tx.variables.save(replace(secret, value=sealed))


def page(world: World, **form: str) -> TestResponse:
    if form:
        return world.client.post(PAGE, headers=AUTHORIZED, data=form)
    return world.client.get(PAGE, headers=AUTHORIZED)


def test_functions_are_listed_as_the_deployment_tells_them(shop: World) -> None:
    answer = shop.call("GET", f"{BASE}/functions")
    assert answer.get_json() == {"functions": ["hello"]}
    document = shop.client.get("/api/openapi.json").get_json()
    assert_described(document, "GET", "/api/deployments/{deployment}/functions", answer)
    shop.cloud.endpoints.fail_next(RemoteUnavailable("it does not list any"))
    assert shop.call("GET", f"{BASE}/functions").status_code == 503


def test_a_function_is_called_at_the_deployments_own_address(shop: World) -> None:
    shop.functions.replies = [answered({"a": 1}), failed(404, "FunctionNotFound")]
    answer = shop.call("POST", f"{BASE}/functions/hello", json={"x": 1})
    assert answer.get_json()["result"] == {"a": 1}
    (call,) = shop.functions.calls
    assert (call.script, call.function, call.payload, call.key) == (OWN, "hello", b'{"x": 1}', None)
    assert shop.call("POST", f"{BASE}/functions/bye").status_code == 404


def test_events_are_told_and_gone_on_with_below_their_own_deployment(shop: World) -> None:
    shop.streams.events = [("log", LOG), ("result", {"success": True, "result": 1, "duration": 3})]
    with shop.call("POST", f"{BASE}/invoke/hello") as answer:
        text = answer.get_data(as_text=True)
    assert f'"eventsUrl": "https://branchline.test{BASE}/invocations/invocation-1/events"' in text
    path = f"{BASE}/invocations/invocation-1/events"
    with shop.call("GET", path, headers={**AUTHORIZED, "Last-Event-ID": "invocation-1:1"}) as rest:
        assert rest.get_data(as_text=True).count("event: ") == 1
    with shop.records.begin() as tx:
        tx.deployments.add(replace(a_deployment(2), id="dpl_0002", app_id="app_0001"))
    assert shop.call("GET", path.replace("dpl_0001", "dpl_0002")).status_code == 404


def test_the_key_that_an_app_asks_for_is_ours_to_give_but_not_to_strangers_code(world: World) -> None:
    keep_key(world, keep(world))
    assert world.call("POST", f"{BASE}/functions/hello").status_code == 200
    assert world.functions.calls[0].key == "canary-invoke-key"
    with world.records.begin() as tx:
        tx.deployments.save(replace(tx.deployments.get("dpl_0001"), is_from_fork=True))
    world.call("POST", f"{BASE}/functions/hello").close()
    assert world.functions.calls[1].key is None


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"uploaded_at": None}, 409, "deployment:not-ready"),
        ({"own_script": None}, 409, "deployment:not-ready"),
        ({"retired_at": at(0)}, 410, "deployment:retired"),
    ],
)
def test_what_is_not_up_is_not_called(world: World, changes: dict[str, Any], status: int, code: str) -> None:
    keep(world, **changes)
    for method, path in (("GET", "functions"), ("POST", "functions/hello"), ("POST", "invoke/hello")):
        answer = world.call(method, f"{BASE}/{path}")
        assert (answer.status_code, error_of(answer)["code"]) == (status, code)
    assert page(world).status_code == status
    assert world.functions.calls == world.streams.calls == []


# -------------------- the page


def test_the_page_calls_without_scripts(shop: World) -> None:
    shown = page(shop).text
    assert "<option>hello</option>" in shown
    assert f"https://{OWN}.apps.test/api/invoke/hello" in shown
    shop.functions.replies = [answered("<script>", logs=[LOG])]
    answer = page(shop, function="hello", payload='{"n": 1}')
    assert answer.status_code == 200
    assert "&lt;i&gt;hi&lt;/i&gt;" in answer.text
    assert "&#34;&lt;script&gt;&#34;" in answer.text
    refused = page(shop, function="hello", payload="{")
    assert refused.status_code == 400
    assert "it is no JSON" in refused.text
    assert len(shop.functions.calls) == 1


@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        *(
            (body, 502, "not answer as a worker does")
            for body in (b"oops", b"", b"\xff", b"7", b"[{}]", b"{}")
        ),
        *((body, 502, "not answer as a worker does") for body in (b'{"logs": null}', b"7" * 5000)),
        (b"[" * 100_000, 400, "nested too deeply"),
    ],
)
def test_what_no_worker_answers_is_said_to_be_so(shop: World, body: bytes, status: int, told: str) -> None:
    shop.functions.replies = [Reply(200, {}, (body,))]
    answer = page(shop, function="hello", payload='{"n": 1}')
    assert answer.status_code == status
    assert told in answer.text
    assert "&#34;n&#34;: 1" in answer.text


@pytest.mark.parametrize(
    "strange",
    [None, False, 0, -1.5, 1e999, "", "x", "\ud800 half", "\0", [], [[]], {}, {"name": 1}, {"toString": 1}],
)
def test_whatever_an_answer_says_is_shown_as_text(shop: World, strange: Any) -> None:
    line = {"level": strange, "message": strange, "timestamp": strange}
    for told in (
        {"result": strange, "logs": strange, "duration": strange},
        {"result": strange, "logs": [strange, line, LOG]},
        {"success": False, "error": strange, "logs": [line]},
        {"success": strange, "error": {"name": strange, "message": strange, "stack": strange}},
    ):
        body = json.dumps({"success": True, **told}).encode()
        shop.functions.replies = [Reply(200, {}, (body,))]
        answer = page(shop, function="hello", payload="")
        assert answer.status_code == 200
        assert ("&lt;i&gt;hi&lt;/i&gt;" in answer.text) is (told.get("logs") == [strange, line, LOG])


@pytest.mark.parametrize("depth", range(100, 1000, 50))
def test_what_is_nested_deeply_is_shown_or_said_to_be_so(shop: World, depth: int) -> None:
    nested = "[" * depth + "]" * depth
    for field in ("result", "logs", "duration", "error"):
        body = f'{{"success": true, "{field}": {nested}}}'.encode()
        shop.functions.replies = [Reply(200, {}, (body,))]
        answer = page(shop, function="hello", payload="")
        assert answer.status_code == 200 or "nested too deeply" in answer.text


def test_a_result_does_not_grow_without_end_when_it_is_indented(shop: World) -> None:
    body = b'{"success": true, "result": %s1%s%s}' % (b"[" * 400, b",1" * 400_000, b"]" * 400)
    shop.functions.replies = [Reply(200, {}, (body,))]
    answer = page(shop, function="hello", payload="")
    assert answer.status_code == 200
    assert len(answer.data) < 3 * len(body)


def test_the_page_shows_what_to_type_in_a_terminal(shop: World) -> None:
    expected = "branchline deployments invoke dpl_0001 hello --stream --data '{}'"
    assert expected in unescape(page(shop).text)
    shop.cloud.endpoints.listed[OWN] = ["größe$"]
    shown = unescape(page(shop).text)
    assert "branchline deployments invoke dpl_0001 'größe$' --stream --data '{}'" in shown
    assert 'data-terminal="branchline deployments invoke dpl_0001"' in shown


def test_an_app_without_functions_is_told_how_to_have_some(shop: World) -> None:
    shop.cloud.endpoints.fail_next(RemoteUnavailable("it answers 404"))
    shown = page(shop)
    assert shown.status_code == 200
    assert "No functions to call here" in shown.text
    assert "it answers 404" in shown.text
