"""The API as it answers to anybody: envelope, refusals, lists, tags, uploads of every kind."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.contract.sandbox_cloudflare.driver import (
    ACCOUNT,
    DATE,
    PREVIEW,
    PRODUCTION,
    STAGING,
    TOKEN,
    Sandbox,
    answering,
    refusal,
    script_path,
)

NAMESPACES = "/workers/dispatch/namespaces"


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, (400, 9106)),
        ({"authorization": "Basic abc"}, (400, 6003)),
        ({"authorization": "Bearer"}, (400, 6003)),
        ({"authorization": "Bearer wrong"}, (401, 10000)),
        ({"authorization": f"bearer {TOKEN}"}, None),
    ],
)
def test_the_token_is_checked(
    sandbox: Sandbox, headers: dict[str, str], expected: tuple[int, int] | None
) -> None:
    response = sandbox.http.get(f"{sandbox.api}/accounts/{ACCOUNT}{NAMESPACES}", headers=headers)
    assert (refusal(response) if expected else response.json()["success"]) == (expected or True)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (f"//accounts/{'f' * 32}{NAMESPACES}", (403, 9109)),
        (f"//accounts/not-an-account{NAMESPACES}", (404, 7003)),
        ("/nothing/here", (404, 7003)),
        (f"{NAMESPACES}/absent", (404, 100119)),
        (f"{NAMESPACES}/absent/scripts", (404, 100119)),
        (script_path("absent"), (404, 10092)),
        (script_path("absent") + "/settings", (404, 10092)),
        ("/workers/scripts/absent/settings", (404, 10007)),
        ("/workers/services/absent", (404, 10007)),
    ],
)
def test_what_is_not_there_is_refused_with_its_code(
    sandbox: Sandbox, path: str, expected: tuple[int, int]
) -> None:
    assert refusal(sandbox.call("GET", path)) == expected


def test_a_wrong_method_is_refused(sandbox: Sandbox) -> None:
    assert refusal(sandbox.call("POST", script_path("any")))[0] == 405


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"text"'])
def test_a_body_that_is_no_object_is_refused(sandbox: Sandbox, body: bytes) -> None:
    assert refusal(sandbox.call("POST", NAMESPACES, content=body)) == (400, 10001)


@pytest.mark.parametrize("name", ["", "UPPER", "a b", "../x", "x" * 64, None, 7])
def test_a_namespace_with_an_impossible_name_is_refused(sandbox: Sandbox, name: object) -> None:
    assert refusal(sandbox.call("POST", NAMESPACES, json={"name": name})) == (400, 100117)


def test_a_success_has_the_same_envelope(sandbox: Sandbox) -> None:
    body = sandbox.call("GET", NAMESPACES).json()
    assert (body["success"], body["errors"], body["messages"]) == (True, [], [])
    assert {PRODUCTION, STAGING, PREVIEW} <= {namespace["namespace_name"] for namespace in body["result"]}


def test_too_many_requests_are_throttled(own_sandbox: Callable[..., Sandbox]) -> None:
    small = own_sandbox("--rate-limit=3")
    left = [small.call("GET", NAMESPACES).headers["ratelimit"].split(";")[1] for _ in range(3)]
    assert left == ["r=2", "r=1", "r=0"]
    throttled = small.call("GET", NAMESPACES)
    assert refusal(throttled) == (429, 971)
    assert 0 < int(throttled.headers["retry-after"]) <= 300


# Uploads that are not acceptable


@pytest.mark.parametrize(
    ("code", "metadata", "says"),
    [
        ("throw new RangeError('at start')", {}, "RangeError: at start"),
        ("export default {", {}, "SyntaxError"),
        ("import './missing.js'; export default {};", {}, "missing.js"),
        ("export default {};", {"main_module": "other.js"}, "other.js"),
        ("export default {};", {"compatibility_date": "2099-01-01"}, "2099-01-01"),
        ("export default {};", {"compatibility_flags": ["no_such_flag"]}, "no_such_flag"),
        ("export default {};", {"body_part": "index.js"}, "ES modules"),
        ("export default {};", {"bindings": [{"type": "kv_namespace", "name": "KV"}]}, "kv_namespace"),
        ("export default {};", {"bindings": [{"type": "plain_text", "name": "A"}]}, "'text'"),
        (
            "export default {};",
            {"bindings": [{"type": "json", "name": "A", "json": 1}] * 2},
            "more than once",
        ),
        ("export default {};", {"tags": ["a,b"]}, "a,b"),
    ],
)
def test_an_upload_that_cannot_run_is_refused_and_leaves_nothing(
    sandbox: Sandbox, code: str, metadata: dict[str, Any], says: str
) -> None:
    response = sandbox.put("refused1", code, **metadata)
    assert refusal(response) == (400, 10021)
    assert says in response.json()["errors"][0]["message"]
    assert refusal(sandbox.call("GET", script_path("refused1"))) == (404, 10092)
    assert not list(sandbox.directory.glob(f"namespaces/{PRODUCTION}/scripts/refused1/versions/*"))


@pytest.mark.parametrize("name", ["UPPER", "a" * 64, "-a", "a.b"])
def test_a_script_with_an_impossible_name_is_refused(sandbox: Sandbox, name: str) -> None:
    assert refusal(sandbox.put(name, answering("x"))) == (400, 10016)


def test_the_same_broken_upload_can_be_mended(sandbox: Sandbox) -> None:
    assert sandbox.put("mended", "throw 1").status_code == 400
    assert sandbox.put("mended", "throw 1").status_code == 400
    sandbox.upload("mended", answering("works"))
    assert sandbox.visit("mended").text == "works"


def test_the_same_code_again_is_a_new_version(sandbox: Sandbox) -> None:
    first = sandbox.upload("sameagain", answering("x"))
    second = sandbox.upload("sameagain", answering("x"))
    assert first["deployment_id"] != second["deployment_id"]
    assert first["created_on"] == second["created_on"]


# Bindings


SHOWS_BINDINGS = "export default { fetch(_, { A, B, C }) { return Response.json([A, B, C]); } };"


def test_bindings_reach_the_script(sandbox: Sandbox) -> None:
    bindings = [
        {"type": "plain_text", "name": "A", "text": "plain"},
        {"type": "json", "name": "B", "json": {"deep": [1, None]}},
        {"type": "secret_text", "name": "C", "text": "secret"},
    ]
    sandbox.upload("bindings", SHOWS_BINDINGS, bindings=bindings)
    assert sandbox.visit("bindings").json() == ["plain", {"deep": [1, None]}, "secret"]
    shown = sandbox.result("GET", script_path("bindings") + "/bindings")
    assert shown[2] == {"name": "C", "type": "secret_text"}


def test_bindings_are_kept_by_type_and_inherited_by_name(sandbox: Sandbox) -> None:
    old = [
        {"type": "plain_text", "name": "A", "text": "old"},
        {"type": "secret_text", "name": "C", "text": "kept"},
    ]
    sandbox.upload("inherits", SHOWS_BINDINGS, bindings=old)
    new = [{"type": "inherit", "name": "B", "old_name": "A"}]
    sandbox.upload("inherits", SHOWS_BINDINGS, bindings=new, keep_bindings=["secret_text"])
    assert sandbox.visit("inherits").json() == [None, "old", "kept"]
    sandbox.upload("inherits", SHOWS_BINDINGS)
    assert sandbox.visit("inherits").json() == [None, None, None]
    missing = [{"type": "inherit", "name": "A"}]
    assert refusal(sandbox.put("inherits", SHOWS_BINDINGS, bindings=missing)) == (404, 10056)


# Lists and tags


def test_a_list_is_read_page_by_page(sandbox: Sandbox) -> None:
    sandbox.result("POST", NAMESPACES, json={"name": "paged"})
    names = [f"script{number}" for number in range(5)]
    for name in names:
        sandbox.upload(name, answering("x"), "paged")
    seen: list[str] = []
    cursor = ""
    for _ in range(3):
        query = {"limit": "2", "cursor": cursor}
        body = sandbox.call("GET", f"{NAMESPACES}/paged/scripts", params=query).json()
        seen += [script["id"] for script in body["result"]]
        cursor = body["result_info"]["cursor"]
    assert (seen, cursor) == (names, "")


@pytest.mark.parametrize(
    "query", [{"limit": "0"}, {"limit": "x"}, {"cursor": "é"}, {"tags": "a"}, {"tags": "a:maybe"}]
)
def test_an_impossible_list_is_refused(sandbox: Sandbox, query: dict[str, str]) -> None:
    response = sandbox.call("GET", f"{NAMESPACES}/{PRODUCTION}/scripts", params=query)
    assert refusal(response) == (400, 10021)


def test_scripts_are_listed_and_deleted_by_tag(sandbox: Sandbox) -> None:
    sandbox.upload("tagged1", answering("1"), STAGING, tags=["app-1", "old"])
    sandbox.upload("tagged2", answering("2"), STAGING, tags=["app-1"])
    sandbox.upload("staging-tagged3", answering("3"), STAGING, tags=["app-2", "old"])

    def found(tags: str) -> list[str]:
        scripts = sandbox.result("GET", f"{NAMESPACES}/{STAGING}/scripts", params={"tags": tags})
        return [script["id"] for script in scripts]

    assert found("app-1:yes") == ["tagged1", "tagged2"]
    assert found("app-1:yes,old:no") == ["tagged2"]
    assert sandbox.visit("staging-tagged3").text == "3"
    sandbox.result("DELETE", f"{NAMESPACES}/{STAGING}/scripts", params={"tags": "old:yes"})
    assert found("app-1:yes") == ["tagged2"]
    assert sandbox.visit("staging-tagged3").status_code == 404


def test_scripts_may_be_deleted_by_tag_many_times_at_once(sandbox: Sandbox) -> None:
    for number in range(8):
        sandbox.upload(f"crowd{number}", answering("x"), STAGING, tags=["crowd"])
    path, query = f"{NAMESPACES}/{STAGING}/scripts", {"tags": "crowd:yes"}
    with ThreadPoolExecutor(4) as people:
        answers = list(people.map(lambda _: sandbox.call("DELETE", path, params=query), range(4)))
    assert [answer.status_code for answer in answers] == [200] * 4
    assert sandbox.result("GET", path, params=query) == []


def test_nothing_is_deleted_without_a_filter(sandbox: Sandbox) -> None:
    sandbox.upload("survivor", answering("here"), PREVIEW)
    assert refusal(sandbox.call("DELETE", f"{NAMESPACES}/{PREVIEW}/scripts")) == (400, 10021)
    assert sandbox.call("GET", script_path("survivor", PREVIEW)).status_code == 200


def test_single_tags_are_added_and_removed(sandbox: Sandbox) -> None:
    path = script_path("onetag") + "/tags"
    sandbox.upload("onetag", answering("x"), tags=["a"])
    assert sandbox.result("PUT", path + "/b") == ["a", "b"]
    assert sandbox.result("PUT", path + "/b") == ["a", "b"]
    sandbox.result("DELETE", path + "/a")
    assert sandbox.result("GET", path) == ["b"]
    for bad in (["a&b"], [""], [1], {"a": 1}, [str(number) for number in range(9)]):
        assert refusal(sandbox.call("PUT", path, json=bad)) == (400, 10021)
    assert sandbox.result("GET", path) == ["b"]


# Namespaces with content


def test_a_namespace_goes_with_its_scripts(sandbox: Sandbox) -> None:
    sandbox.result("POST", NAMESPACES, json={"name": "doomed"})
    sandbox.upload("inside", answering("x"), "doomed")
    assert sandbox.result("GET", f"{NAMESPACES}/doomed")["script_count"] == 1
    sandbox.result("DELETE", f"{NAMESPACES}/doomed")
    assert refusal(sandbox.call("GET", f"{NAMESPACES}/doomed/scripts")) == (404, 100119)


def test_content_comes_back_as_it_was_sent(sandbox: Sandbox) -> None:
    sandbox.upload("content", answering("the content"))
    response = sandbox.call("GET", script_path("content") + "/content")
    assert response.headers["cf-entrypoint"] == "index.js"
    assert answering("the content") in response.text


def test_content_is_replaced_and_everything_else_stays(sandbox: Sandbox) -> None:
    text = {"type": "plain_text", "name": "A", "text": "kept"}
    limits = {"cpu_ms": 50}
    sandbox.upload("content2", answering("old"), bindings=[text], tags=["t"], limits=limits)
    code = "export default { fetch: (_, env) => new Response('new, ' + env.A) }"
    parts = {
        "metadata": (None, json.dumps({"main_module": "other.js"})),
        "other.js": ("other.js", code, "application/javascript+module"),
    }
    path = script_path("content2")
    assert sandbox.result("PUT", path + "/content", files=parts)["entry_point"] == "other.js"
    assert sandbox.visit("content2").text == "new, kept"
    settings = sandbox.result("GET", path + "/settings")
    assert (settings["tags"], settings["limits"]) == (["t"], limits)


def test_content_that_does_not_start_replaces_nothing(sandbox: Sandbox) -> None:
    sandbox.upload("content3", answering("old"))
    parts = {
        "metadata": (None, json.dumps({"main_module": "index.js"})),
        "index.js": ("index.js", "throw new Error('mistake')", "application/javascript+module"),
    }
    assert refusal(sandbox.call("PUT", script_path("content3") + "/content", files=parts)) == (400, 10021)
    assert sandbox.visit("content3").text == "old"
    assert refusal(sandbox.call("PUT", script_path("content4") + "/content", files=parts)) == (404, 10092)


# Limits


def test_limits_are_kept_shown_and_changed(sandbox: Sandbox) -> None:
    path = script_path("limited1") + "/settings"
    sandbox.upload("limited1", answering("x"), limits={"cpu_ms": 50, "subrequests": 20})
    assert sandbox.result("GET", path)["limits"] == {"cpu_ms": 50, "subrequests": 20}
    sandbox.result("PATCH", path, json={"limits": {"cpu_ms": 10}})
    assert sandbox.result("GET", path)["limits"] == {"cpu_ms": 10}
    sandbox.upload("limited1", answering("x"))
    assert sandbox.result("GET", path)["limits"] == {}


@pytest.mark.parametrize(
    "limits",
    [
        [],
        "50",
        {"cpu_ms": 0},
        {"cpu_ms": -1},
        {"cpu_ms": "50"},
        {"cpu_ms": True},
        {"cpu_ms": 300_001},
        {"subrequests": 1.5},
        {"memory": 1},
    ],
)
def test_impossible_limits_are_refused(sandbox: Sandbox, limits: object) -> None:
    assert refusal(sandbox.put("limited2", answering("x"), limits=limits)) == (400, 10021)
    sandbox.upload("limited3", answering("x"))
    changed = sandbox.call("PATCH", script_path("limited3") + "/settings", json={"limits": limits})
    assert refusal(changed) == (400, 10021)


def test_modules_of_every_type_are_loaded(sandbox: Sandbox) -> None:
    wasm = bytes.fromhex("0061736d01000000")
    main = """
        import data from "./data.bin";
        import text from "./a.txt";
        import config from "./c.json";
        import wasm from "./w.wasm";
        import cjs from "./m.cjs";
        const all = [data.byteLength, text, config.a, wasm instanceof WebAssembly.Module, cjs.b];
        export default { fetch: () => Response.json(all) };
    """
    parts = {
        "metadata": (None, json.dumps({"main_module": "index.js", "compatibility_date": DATE})),
        "1": ("index.js", main, "application/javascript+module"),
        "2": ("data.bin", b"\x00\x01", "application/octet-stream"),
        "3": ("a.txt", "text", "text/plain"),
        "4": ("c.json", '{"a": 1}', "application/json"),
        "5": ("w.wasm", wasm, "application/wasm"),
        "6": ("m.cjs", "module.exports = { b: 2 };", "application/javascript"),
        "7": ("index.js.map", "{}", "application/source-map"),
    }
    response = sandbox.call("PUT", script_path("alltypes"), files=parts)
    assert response.status_code == 200, response.text
    assert sandbox.visit("alltypes").json() == [2, "text", 1, True, 2]
