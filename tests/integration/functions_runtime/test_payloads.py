"""What goes in and what comes out: JSON of any type, none at all, too much of it, and what is no JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.proofs import pick

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.integration.functions_runtime.driver import Worker

    Deploy = Callable[..., Worker]

MODULE = """
export const echo = (payload) => payload;
export const kind = (payload) => typeof payload;
export const size = (payload) => payload.length;
export function polluted(payload) { return [{}.evil === undefined, Object.hasOwn(payload, "__proto__")]; }
"""
MEBIBYTE = 1024 * 1024

# Beyond these, JavaScript writes other digits of the same double.
numbers = st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(-(2**53), 2**53)
json_values = st.recursive(
    st.none() | st.booleans() | numbers | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=5), inner, max_size=5),
    max_leaves=20,
)


@pytest.fixture(scope="module")
def functions(worker: Deploy) -> Worker:
    return worker(MODULE)


@given(value=json_values)
@settings(max_examples=pick(short=50, full=500), deadline=None)
def test_json_of_any_type_goes_through_unchanged(functions: Worker, value: Any) -> None:
    response = functions.ask("POST", "/api/invoke/echo", json=value)
    assert response.json()["result"] == value


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        *((b"null", "object"), (b"true", "boolean"), (b"0", "number"), (b'""', "string")),
        *((b" [1] \n", "object"), (b'\xef\xbb\xbf{"a": 1}', "object"), (b"", "undefined")),
    ],
)
def test_the_payload_has_the_type_it_was_sent_with(functions: Worker, body: bytes, kind: str) -> None:
    assert functions.ask("POST", "/api/invoke/kind", content=body).json()["result"] == kind


@pytest.mark.parametrize(
    "body", [b"{", b"undefined", b"'a'", b"{a: 1}", b"[1,]", b" ", b"NaN", b'"\xff\xfe"', b"1 2", b"name=Ada"]
)
def test_what_is_no_json_is_refused(functions: Worker, body: bytes) -> None:
    response = functions.ask("POST", "/api/invoke/echo", content=body)
    assert response.status_code == 400
    assert response.json()["error"]["name"] == "InvalidPayload"
    assert response.json()["error"]["message"].startswith("the body is not JSON: ")


def test_names_of_the_language_are_only_names(functions: Worker) -> None:
    body = b'{"__proto__": {"evil": 1}, "constructor": {"prototype": {"evil": 1}}}'
    assert functions.ask("POST", "/api/invoke/polluted", content=body).json()["result"] == [True, True]


def in_chunks(body: bytes) -> Iterator[bytes]:
    """Send a body without saying how long it is."""
    for start in range(0, len(body), 65536):
        yield body[start : start + 65536]


@pytest.mark.parametrize("framed", [lambda body: body, in_chunks], ids=["declared", "chunked"])
def test_a_mebibyte_is_accepted_and_a_byte_more_is_not(
    functions: Worker, framed: Callable[[bytes], Any]
) -> None:
    largest = b'"' + b"x" * (MEBIBYTE - 2) + b'"'
    accepted = functions.ask("POST", "/api/invoke/size", content=framed(largest))
    assert accepted.json()["result"] == MEBIBYTE - 2
    refused = functions.ask("POST", "/api/invoke/size", content=framed(largest + b" "))
    assert refused.status_code == 413
    assert refused.json()["error"] == {
        "name": "PayloadTooLarge",
        "message": f"a payload has at most {MEBIBYTE} bytes",
    }


def test_the_limit_is_an_option(worker: Deploy) -> None:
    small = worker(MODULE, maxPayloadBytes=8)
    assert small.ask("POST", "/api/invoke/size", content=b'"123456"').json()["result"] == 6
    assert small.ask("POST", "/api/invoke/size", content=b'"1234567"').status_code == 413
    assert small.ask("POST", "/api/invoke/size", content=in_chunks(b'"1234567"')).status_code == 413


def test_a_chunked_body_may_be_empty(functions: Worker) -> None:
    assert functions.ask("POST", "/api/invoke/kind", content=in_chunks(b"")).json()["result"] == "undefined"


# -------------------- results

RESULTS = """
class Money { constructor(cents) { this.cents = cents; } toJSON() { return `${this.cents} cents`; } }
const circular = { name: "me" }; circular.self = circular;
let ended = [];
export const results = {
  undefined: () => undefined, nothing() {}, date: () => new Date(0), nan: () => [NaN, Infinity, undefined],
  nested: () => ({ a: undefined, b: () => 1, c: Symbol("c"), d: new Map([[1, 2]]), e: new Error("x") }),
  money: () => new Money(5), url: () => new URL("https://a.example/"), buffer: () => Buffer.from("a"),
  toJson: () => ({ toJSON() {} }), nullish: () => Object.assign(Object.create(null), { a: 1 }),
  text: () => "\\u2028\\ud800", boxed: () => [new String("s"), new Number(1), Object(true)],
  function: () => () => 1, symbol: () => Symbol("s"), bigint: () => 1n, map: () => new Map(),
  set: () => new Set(),
  response: () => new Response("x"), binary: () => new Uint8Array(3), bytes: () => new ArrayBuffer(3),
  blob: () => new Blob(["x"]), error: () => new Error("x"),
  stream: () => new ReadableStream({ pull(it) { it.enqueue("x"); }, cancel() { ended.push("stream"); } }),
  async *asyncGenerator() { try { for (;;) yield 1; } finally { ended.push("async generator"); } },
  *generator() { try { for (;;) yield 1; } finally { ended.push("generator"); } },
  minding: () => new ReadableStream({ cancel() { throw new Error("minds"); } }),
  locked: () => { const it = new ReadableStream(); it.getReader(); return it; },
  nestedBigint: () => ({ a: [1n] }), circular: () => circular,
  throwing: () => ({ toJSON() { throw new TypeError("not me"); } }),
  getter: () => ({ get a() { throw "no"; } }),
};
export const run = (name) => results[name]();
export const promised = async (name) => results[name]();
export const iterating = () => { const it = results.generator(); it.next(); return it; };
export async function iteratingAsync() {
  const it = results.asyncGenerator();
  await it.next();
  return it;
}
export const whatEnded = () => ended;
"""


@pytest.fixture(scope="module")
def returning(worker: Deploy) -> Worker:
    return worker(RESULTS)


@pytest.mark.parametrize(
    ("name", "result"),
    [
        ("undefined", None),
        ("nothing", None),
        ("toJson", None),
        ("date", "1970-01-01T00:00:00.000Z"),
        ("nan", [None, None, None]),
        ("nested", {"d": {}, "e": {}}),
        ("money", "5 cents"),
        ("url", "https://a.example/"),
        ("buffer", {"type": "Buffer", "data": [97]}),
        ("nullish", {"a": 1}),
        ("text", "\u2028\ud800"),
        ("boxed", ["s", 1, True]),
    ],
)
@pytest.mark.parametrize("function", ["run", "promised"])
def test_a_result_is_written_as_json_does(
    returning: Worker, function: str, name: str, result: object
) -> None:
    assert returning.result(function, name) == result


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("function", "the function returned a function; a result is one JSON value"),
        ("symbol", "returned a symbol"),
        ("bigint", "returned a BigInt"),
        ("map", "returned a Map (Object.fromEntries"),
        ("set", "returned a Set (Array.from"),
        ("response", "returned a Response"),
        ("binary", "returned binary data"),
        ("bytes", "returned binary data"),
        ("blob", "returned binary data"),
        ("error", "returned an Error; throw it"),
        ("stream", "returned a ReadableStream, which may never end"),
        ("minding", "returned a ReadableStream"),
        ("locked", "returned a ReadableStream"),
        ("asyncGenerator", "returned an async iterator, which may never end"),
        ("generator", "returned an iterator, which may never end"),
        ("nestedBigint", "cannot be written as JSON: Do not know how to serialize a BigInt"),
        ("circular", "cannot be written as JSON: Converting circular structure to JSON"),
        ("throwing", "cannot be written as JSON: not me"),
        ("getter", "cannot be written as JSON: no"),
    ],
)
@pytest.mark.parametrize("function", ["run", "promised"])
def test_a_result_that_json_cannot_hold_is_an_error_that_says_so(
    returning: Worker, function: str, name: str, complaint: str
) -> None:
    error = returning.error(function, name)
    assert error["name"] == "InvalidResult"
    assert complaint in error["message"]
    assert "stack" not in error


def test_streams_and_generators_that_nobody_reads_are_ended(returning: Worker) -> None:
    for function, name in [("run", "stream"), ("iterating", None), ("iteratingAsync", None)]:
        returning.error(function, name)
    assert set(returning.result("whatEnded")) == {"stream", "generator", "async generator"}


@pytest.mark.parametrize("name", ["bigint", "stream", "circular"])
def test_a_stream_of_events_says_the_same(returning: Worker, name: str) -> None:
    (event,) = returning.events("run", name)
    assert event.name == "error"
    assert event.data["error"] == returning.error("run", name)
