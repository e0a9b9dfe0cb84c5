"""What functions throw, whenever they throw it, and functions that never settle."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.contract.sandbox_cloudflare.driver import eventually

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.integration.functions_runtime.driver import Worker

    Deploy = Callable[..., Worker]

MODULE = """
class OutOfStock extends Error { name = "OutOfStock"; }
const handsOff = () => { throw new Error("hands off"); };
const hostile = new Proxy({}, { get: handsOff, has: handsOff });
const thrown = {
  error: () => new TypeError("wrong"), own: () => new OutOfStock("no shoes"), string: () => "just text",
  number: () => 42, null: () => null, undefined: () => undefined, object: () => ({ code: 7 }),
  symbol: () => Symbol("s"), like: () => ({ name: "Like", message: "an error", stack: "Like: at afar" }),
  exception: () => new DOMException("too slow", "TimeoutError"), hostile: () => hostile,
  nameless: () => Object.assign(new Error("x"), { name: "" }),
  odd: () => Object.assign(new Error(), { message: 5 }),
  cause: () => new Error("outer", { cause: new TypeError("inner", { cause: "text" }) }),
  all: () => new AggregateError([new Error("a")], "several"), long: () => new Error("x".repeat(100_000)),
  lone: () => new Error("\\ud800"),
  loop: () => { const it = new Error("loop"); it.cause = it; return it; },
};
export function now(name) { throw thrown[name](); }
export async function later(name) { await scheduler.wait(1); throw thrown[name](); }
export const reject = (name) => Promise.reject(thrown[name]());
export function deep() { return [1].map(() => inner())[0]; }
function inner() { throw new Error("deep"); }
export async function awaited() { await scheduler.wait(1); return await innerAsync(); }
async function innerAsync() { await null; throw new Error("awaited"); }
export const thenable = () => ({ then(_, refuse) { refuse(new Error("then")); } });
"""


@pytest.fixture(scope="module")
def functions(worker: Deploy) -> Worker:
    return worker(MODULE)


@pytest.mark.parametrize("function", ["now", "later", "reject"])
@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("error", {"name": "TypeError", "message": "wrong"}),
        ("own", {"name": "OutOfStock", "message": "no shoes"}),
        ("string", {"name": "NonError", "message": "just text"}),
        ("number", {"name": "NonError", "message": "42"}),
        ("null", {"name": "NonError", "message": "null"}),
        ("undefined", {"name": "NonError", "message": "undefined"}),
        ("object", {"name": "NonError", "message": "{ code: 7 }"}),
        ("symbol", {"name": "NonError", "message": "Symbol(s)"}),
        ("like", {"name": "Like", "message": "an error"}),
        ("exception", {"name": "TimeoutError", "message": "too slow"}),
        ("nameless", {"name": "Error", "message": "x"}),
        ("odd", {"name": "Error", "message": "5"}),
        ("all", {"name": "AggregateError", "message": "several"}),
        ("hostile", {"name": "NonError", "message": "what was thrown cannot be described"}),
        ("lone", {"name": "Error", "message": "\ufffd"}),
    ],
)
def test_whatever_is_thrown_is_told(
    functions: Worker, function: str, name: str, error: dict[str, str]
) -> None:
    told = functions.error(function, name)
    told.pop("stack", "")
    assert told == error


def test_a_stack_ends_where_the_runtime_begins(functions: Worker) -> None:
    frames = [line.split(" (")[0].strip() for line in functions.error("deep")["stack"].split("\n")]
    assert frames == ["Error: deep", "at inner", "at functions.js:20:47", "at Array.map", "at deep"]
    frames = [line.split(" (")[0].strip() for line in functions.error("awaited")["stack"].split("\n")]
    assert frames == ["Error: awaited", "at innerAsync", "at async awaited"]


def test_a_stack_tells_what_caused_it(functions: Worker) -> None:
    stack = functions.error("now", "cause")["stack"]
    assert stack.startswith("Error: outer\n    at ")
    assert "\ncaused by: TypeError: inner\n    at " in stack


def test_an_error_that_caused_itself_ends(functions: Worker) -> None:
    assert functions.error("now", "loop")["stack"].count("caused by") == 5


def test_a_long_message_is_cut_and_says_so(functions: Worker) -> None:
    error = functions.error("now", "long")
    assert error["message"] == "x" * 16384 + "… [83616 more characters were cut]"
    assert len(error["stack"]) < 17000


def test_stacks_can_be_kept_back(worker: Deploy) -> None:
    quiet = worker(MODULE, stacks=False)
    assert quiet.error("now", "error") == {"name": "TypeError", "message": "wrong"}


def test_a_thenable_is_awaited(functions: Worker) -> None:
    assert functions.error("thenable")["message"] == "then"


# -------------------- time

SLOW = """
let seen = [];
export async function never(_, { signal }) {
  console.log("before");
  signal.addEventListener("abort", () => console.warn("told:", signal.reason.name));
  setTimeout(() => console.log("meanwhile"), 20);
  await new Promise(() => {});
}
export async function deaf() { console.log("deaf"); await scheduler.wait(600); seen.push("went on"); }
export async function late(_, { signal }) { await scheduler.wait(600); throw new Error("nobody listens"); }
export async function looksLater(_, context) {
  await scheduler.wait(400);
  seen.push(`late look: ${context.signal.aborted} ${context.signal.reason?.name}`);
}
export function answersAtOnce(_, { signal, waitUntil }) {
  waitUntil(scheduler.wait(500).then(() => { seen.push(`after the answer: ${signal.aborted}`); }));
}
export const inTime = async () => { await scheduler.wait(50); return "in time"; };
export const whatWasSeen = () => seen;
"""


@pytest.fixture(scope="module")
def slow(worker: Deploy) -> Worker:
    return worker(SLOW, timeoutMs=250)


def test_a_function_that_never_settles_gets_a_timeout_with_the_logs_so_far(slow: Worker) -> None:
    began = time.monotonic()
    response = slow.invoke("never")
    assert 0.2 < time.monotonic() - began < 15
    body = response.json()
    assert response.status_code == 504
    assert body["error"] == {"name": "FunctionTimeout", "message": "never did not settle in 250 ms"}
    assert [it["message"] for it in body["logs"]] == ["before", "meanwhile", "told: TimeoutError"]
    assert body["duration"] >= 240


def test_a_stream_of_events_has_the_same_end(slow: Worker) -> None:
    events = slow.events("never")
    assert [it.name for it in events] == ["log", "log", "log", "error"]
    assert events[-1].data == {
        "error": {"name": "FunctionTimeout", "message": "never did not settle in 250 ms"}
    }


def test_a_function_that_settles_in_time_is_not_disturbed(slow: Worker) -> None:
    assert slow.result("inTime") == "in time"


def test_the_time_of_a_function_that_settled_is_never_over(slow: Worker) -> None:
    slow.result("answersAtOnce")
    eventually(lambda: "after the answer: false" in slow.result("whatWasSeen"))


def test_what_happens_after_a_timeout_disturbs_nobody(slow: Worker) -> None:
    for name in ("deaf", "late", "looksLater"):
        assert slow.error(name, status=504)["name"] == "FunctionTimeout"
    assert slow.result("inTime") == "in time"
    assert slow.ask("GET", "/api/functions").status_code == 200


# -------------------- after the answer

AFTER = """
let seen = [];
export function leaves() {
  console.log("in time");
  setTimeout(() => { console.log("too late"); seen.push("timer"); }, 20);
  Promise.reject(new Error("nobody waits for me"));
  scheduler.wait(20).then(() => { throw new Error("nor for me"); });
  return "answered";
}
export function waitsUntil(_, { waitUntil }) {
  waitUntil(scheduler.wait(50).then(() => { console.log("after the answer"); seen.push("waited"); }));
  waitUntil(Promise.reject(new Error("in vain")));
  return "answered";
}
export const whatWasSeen = () => seen;
"""


@pytest.fixture(scope="module")
def after(worker: Deploy) -> Worker:
    return worker(AFTER)


def test_errors_and_lines_after_the_answer_disturb_nobody(after: Worker) -> None:
    for _ in range(5):
        body = after.invoke("leaves").json()
        assert (body["result"], [it["message"] for it in body["logs"]]) == ("answered", ["in time"])
    assert after.messages("whatWasSeen") == []


def test_work_goes_on_after_the_answer_when_it_was_asked_for(after: Worker) -> None:
    assert after.result("waitsUntil") == "answered"
    eventually(lambda: "waited" in after.result("whatWasSeen"))
