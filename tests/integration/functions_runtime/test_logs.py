"""Whose line it is, however it came to be written, and how many of them an answer holds."""

from __future__ import annotations

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.contract.sandbox_cloudflare.driver import PRODUCTION, Sandbox, eventually
from tests.integration.functions_runtime.driver import EVENTS, Event, Worker, read_events

if TYPE_CHECKING:
    from collections.abc import Callable

    Deploy = Callable[..., Worker]

MODULE = """
import { EventEmitter } from "node:events";

console.log("while loading");
const wait = (most) => scheduler.wait(Math.random() * most);
const bus = new EventEmitter();
let running = 0, most = 0;

async function nested(id, depth) {
  console.info(`${id} nested ${depth}`);
  await wait(20);
  if (depth > 0) await Promise.all([nested(id, depth - 1), wait(5)]);
}
async function* numbers(id) {
  for (let n = 0; n < 3; n++) { await wait(10); console.log(`${id} yields ${n}`); yield n; }
}
function* lazily(id) { console.log(`${id} generator`); yield id; }

export async function mixed({ id, together = 0 }) {
  most = Math.max(most, ++running);
  while (most < together) await scheduler.wait(10);
  console.group(`${id} group`);
  console.count(id);
  console.time("same label");
  await Promise.all([
    new Promise((done) => setTimeout(() => { console.warn(`${id} timer`); done(); }, Math.random() * 80)),
    new Promise((done) => {
      let n = 0;
      const every = setInterval(() => {
        console.log(`${id} interval ${n}`);
        if (++n === 3) { clearInterval(every); done(); }
      }, 5 + Math.random() * 10);
    }),
    Promise.resolve().then(() => console.log(`${id} then 1`)).then(wait.bind(null, 30))
      .then(() => console.log(`${id} then 2`)).finally(() => console.log(`${id} finally`)),
    Promise.reject(new Error("x")).catch(async () => { await wait(10); console.error(`${id} catch`); }),
    nested(id, 3),
    (async () => { for await (const n of numbers(id)) await wait(n); })(),
    new Promise((done) => queueMicrotask(() => { console.debug(`${id} microtask`); done(); })),
    new Promise((done) => setImmediate(() => { console.log(`${id} immediate`); done(); })),
    new Promise((done) => process.nextTick(() => { console.log(`${id} tick`); done(); })),
    new Response(new ReadableStream({
      async pull(it) { await wait(10); console.log(`${id} pull`); it.close(); },
    })).arrayBuffer(),
    fetchless(id),
  ]);
  [...lazily(id)].forEach((it) => console.log(`${it} array`));
  const once = () => console.log(`${id} event`);
  bus.once(id, once);
  bus.emit(id);
  JSON.stringify({ toJSON: () => console.log(`${id} toJSON`) });
  console.timeEnd("same label");
  console.groupEnd();
  console.log(`${id} end`);
  running--;
  return { id, toJSON() { console.log(`${id} result`); return id; } };
}
async function fetchless(id) {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(id));
  console.log(`${id} digest ${new Uint8Array(digest).length}`);
}
export const mostAtOnce = () => most;

let shared;
export async function sharing(id) {
  shared ??= (async () => { console.log("made by", id); return "kept"; })();
  console.log(id, await shared);
}
"""
# None goes on before so many are under way.
TOGETHER = 21
LINES_OF_ONE = 1 + 1 + 1 + 3 + 3 + 1 + 4 + 3 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1


@pytest.fixture(scope="module")
def functions(worker: Deploy) -> Worker:
    return worker(MODULE)


def batch(functions: Worker, client: httpx.Client, name: str) -> list[dict[str, Any]]:
    response = client.post(f"{functions.url}/api/invoke/mixed", json={"id": name, "together": TOGETHER})
    assert response.json()["result"] == name, response.text
    logs: list[dict[str, Any]] = response.json()["logs"]
    return logs


def streamed(functions: Worker, client: httpx.Client, name: str) -> list[dict[str, Any]]:
    url = f"{functions.url}/api/invoke/mixed"
    with client.stream("POST", url, json={"id": name, "together": TOGETHER}, headers=EVENTS) as response:
        events: list[Event] = list(read_events(response))
    assert events[-1].data["result"] == name
    return [it.data for it in events[:-1]]


def test_two_hundred_invocations_at_once_never_see_each_others_lines(functions: Worker) -> None:
    names = [f"call-{number:03}" for number in range(200)]
    with (
        httpx.Client(timeout=60, trust_env=False, limits=httpx.Limits(max_connections=None)) as client,
        ThreadPoolExecutor(200) as pool,
    ):
        asking = [
            pool.submit(batch if number % 2 else streamed, functions, client, name)
            for number, name in enumerate(names)
        ]
        logs = dict(zip(names, (it.result() for it in asking), strict=True))
    assert functions.result("mostAtOnce") >= TOGETHER
    assert {name: len(lines) for name, lines in logs.items()} == dict.fromkeys(names, LINES_OF_ONE)
    for name, lines in logs.items():
        others = [
            it["message"] for it in lines if name not in it["message"] and "same label" not in it["message"]
        ]
        assert others == []
        counted = [it["message"] for it in lines if it["message"].strip() == f"{name}: 1"]
        assert len(counted) == 1
        kinds = Counter(it["message"].strip().removeprefix(name + " ").rstrip(" 0123456789") for it in lines)
        assert kinds["interval"] == kinds["yields"] == 3
        assert kinds["nested"] == 4
        assert kinds["timer"] == kinds["finally"] == kinds["catch"] == kinds["pull"] == kinds["event"] == 1


def test_lines_of_a_group_are_indented_in_their_own_invocation_only(functions: Worker) -> None:
    messages = functions.messages("mixed", {"id": "one"})
    assert messages[0] == "one group"
    assert all(it.startswith("  one") or "same label" in it for it in messages[1:-2])
    assert messages[-2:] == ["one end", "one result"]


def test_timestamps_are_iso_and_in_order(functions: Worker) -> None:
    stamps = [it["timestamp"] for it in functions.logs("mixed", {"id": "stamped"})]
    assert all(len(it) == 24 and it.endswith("Z") for it in stamps)
    assert stamps == sorted(stamps)


def test_what_another_invocation_began_writes_into_that_ones_log(functions: Worker) -> None:
    assert functions.messages("sharing", "first") == ["made by first", "first kept"]
    assert functions.messages("sharing", "second") == ["second kept"]


# -------------------- the real console


def kept_by_the_platform(sandbox: Sandbox, worker: Worker) -> str:
    return sandbox.http.get(f"{sandbox.url}/logs/{PRODUCTION}/{worker.script}").text


def test_tail_workers_get_every_line_too(sandbox: Sandbox, worker: Deploy) -> None:
    tailed = worker(
        "export function say(text) { console.log('said', text); console.group('g'); console.table([text]);"
        " console.count('tally'); console.trace('traced'); console.groupEnd();"
        " console.assert(false, 'asserted'); }"
    )
    tailed.invoke("say", "hello tail")
    eventually(lambda: "hello tail" in kept_by_the_platform(sandbox, tailed))
    page = kept_by_the_platform(sandbox, tailed)
    for word in ("said", "(index)", "tally: 1", "Trace: traced", "Assertion failed: asserted"):
        assert word in page


def test_lines_outside_of_invocations_go_to_the_real_console_alone(sandbox: Sandbox, worker: Deploy) -> None:
    main = (
        'import { createHandler } from "./functions_runtime/index.js";\n'
        'import * as functions from "./functions.js";\n'
        "const fallback = () => { console.log('the app itself'); console.count(); console.group();\n"
        "  console.time(); console.timeEnd(); console.table([1]); console.groupEnd();\n"
        "  return new Response('ok'); };\n"
        "export default createHandler(functions, { fallback });\n"
    )
    app = worker("console.log('while loading'); export const say = () => console.log('inside');", main=main)
    assert app.ask("GET", "/").text == "ok"
    assert app.messages("say") == ["inside"]
    eventually(lambda: "the app itself" in kept_by_the_platform(sandbox, app))


# -------------------- limits

LOUD = """
export function lines({ count, length = 10, wide = "x" }) {
  for (let n = 0; n < count; n++) console.log(wide.repeat(length));
  return "done";
}
export function long(text) { console.log(text.repeat(1000)); console.log("next"); }
export function costly(count) {
  let looked = 0;
  const value = { [Symbol.for("nodejs.util.inspect.custom")]() { looked++; return "x"; } };
  for (let n = 0; n < count; n++) console.log(value);
  return looked;
}
export function deep() { for (let n = 0; n < 10_000; n++) console.group(); console.log("a\\nb"); }
export function deepLines() {
  for (let n = 0; n < 50; n++) console.group();
  console.log("\\n".repeat(20_000));
}
export function huge() {
  console.log("x".repeat(2 ** 24));
  console.log(Array.from({ length: 1e6 }, (_, n) => n));
  console.table(Array.from({ length: 150_000 }, (_, n) => n));
  console.log("still here");
}
"""


@pytest.fixture(scope="module")
def loud(worker: Deploy) -> Worker:
    return worker(LOUD)


def test_a_long_line_is_cut_and_says_so(loud: Worker) -> None:
    assert loud.messages("long", "0123456789" * 2) == [
        ("0123456789" * 2 * 1000)[:16384] + "… [3616 more characters were cut]",
        "next",
    ]


def test_a_cut_never_splits_a_character(loud: Worker) -> None:
    message = loud.messages("long", "x" + "😀" * 50)[0]
    message.encode()
    assert message.endswith("😀\ufffd… [84616 more characters were cut]")


def test_an_answer_holds_a_thousand_lines_and_says_how_many_more_there_were(loud: Worker) -> None:
    logs = loud.logs("lines", {"count": 1234})
    assert len(logs) == 1001
    assert logs[-1]["level"] == "warn"
    assert logs[-1]["message"] == (
        "[234 more lines were cut: an answer holds 1000 lines or 262144 characters of them]"
    )


def test_an_answer_is_bounded_in_characters(loud: Worker) -> None:
    logs = loud.logs("lines", {"count": 500, "length": 10_000})
    assert len(logs) == 28
    assert logs[-1]["message"].startswith("[473 more lines were cut")
    assert len(json.dumps(logs)) < 300_000


def test_an_answer_that_is_just_full_says_nothing(loud: Worker) -> None:
    logs = loud.logs("lines", {"count": 1000})
    assert {it["message"] for it in logs} == {"x" * 10}


def test_lines_that_are_cut_are_not_even_looked_at(loud: Worker) -> None:
    # The platform's own console looks at each value once; a line that we keep is looked at once more.
    some, more = loud.result("costly", 500), loud.result("costly", 5000)
    assert some - 500 in {0, 500}
    assert more - some <= 4500 + 500


def test_limits_are_options(worker: Deploy) -> None:
    tight = worker(LOUD, maxLines=2, maxLineChars=5, maxLogChars=1000)
    assert tight.messages("lines", {"count": 3}) == [
        *["xxxxx… [5 more characters were cut]"] * 2,
        "[1 more lines were cut: an answer holds 2 lines or 1000 characters of them]",
    ]


def test_groups_indent_so_far_and_no_further(loud: Worker) -> None:
    assert loud.messages("deep") == [" " * 80 + "a\n" + " " * 80 + "b"]
    assert len(loud.messages("deepLines")[0]) < 16500


def test_huge_values_cost_no_huge_answers(loud: Worker) -> None:
    messages = loud.messages("huge")
    assert messages[0].endswith(f"[{2**24 - 16384} more characters were cut]")
    assert messages[1].endswith("... 999900 more items\n]")
    assert messages[2].startswith("┌")
    assert messages[3] == "still here"
    assert all(len(it) < 16500 for it in messages)
