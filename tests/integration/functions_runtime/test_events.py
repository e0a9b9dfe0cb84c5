"""An invocation as server-sent events: when they come, in which order, and when nobody reads them."""

from __future__ import annotations

import re
import socket
import time
from typing import TYPE_CHECKING
from uuid import UUID

import httpx
import psutil
import pytest

from tests.contract.sandbox_cloudflare.driver import Sandbox, eventually
from tests.integration.functions_runtime.driver import (
    EVENTS,
    Worker,
    connection_of,
    read_events,
    reset_when_closed,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    Deploy = Callable[..., Worker]

MODULE = """
export async function counts(most) {
  for (let n = 1; n <= most; n++) { console.log("at", n); await scheduler.wait(10); }
  console.error("over");
  return { counted: most };
}
export function fails() { console.log("about to"); throw new TypeError("wrong"); }
export async function takesASecond() { console.log("started"); await scheduler.wait(1000); }
export async function quiet(milliseconds) { await scheduler.wait(milliseconds); return "quiet"; }
export const silent = () => undefined;
export function text() { console.log("a\\n\\ndata: b\\r\\u2028\\u{1F600}"); return "c\\n\\nevent: d"; }

let seen = [];
export async function watches(id, { signal, invocationId }) {
  signal.addEventListener("abort", () => {
    console.log("while aborting");
    seen.push([id, signal.reason.name, signal.reason.message]);
  });
  console.log("watching");
  seen.push([id, "watching"]);
  for (let n = 0; n < (id === "stays" ? 10 : 400) && !signal.aborted; n++) await scheduler.wait(50);
  await scheduler.wait(100);
  seen.push([id, signal.aborted ? "cleaned up" : "nobody left"]);
}
export async function looksUp(id, context) {
  console.log("started");
  seen.push([id, "started"]);
  await scheduler.wait(3000);
  seen.push([id, context.signal.aborted ? "aborted" : "alone"]);
}
export const whatWasSeen = () => seen;
"""


@pytest.fixture(scope="module")
def functions(worker: Deploy) -> Worker:
    return worker(MODULE, heartbeatMs=100)


def test_lines_come_in_order_and_the_result_last(functions: Worker) -> None:
    events = functions.events("counts", 5)
    assert [it.name for it in events] == ["log"] * 6 + ["result"]
    assert [it.data["message"] for it in events[:-1]] == [*(f"at {n}" for n in range(1, 6)), "over"]
    assert list(events[0].data) == ["stream", "level", "message", "timestamp"]
    assert (events[0].data["stream"], events[0].data["level"]) == ("stdout", "log")
    assert (events[5].data["stream"], events[5].data["level"]) == ("stderr", "error")
    assert list(events[-1].data) == ["success", "result", "duration"]
    assert events[-1].data["success"] is True
    assert events[-1].data["result"] == {"counted": 5}


def test_an_error_comes_last_too(functions: Worker) -> None:
    log, error = functions.events("fails")
    assert log.data["message"] == "about to"
    assert error.name == "error"
    assert list(error.data) == ["error"]
    assert error.data["error"]["name"] == "TypeError"
    assert error.data["error"]["stack"].startswith("TypeError: wrong\n    at fails")


def test_every_event_can_be_told_from_all_others(functions: Worker) -> None:
    ids = [[it.id.split(":") for it in functions.events("counts", 3)] for _ in range(2)]
    invocations = {UUID(invocation) for all_ids in ids for invocation, _ in all_ids}
    assert len(invocations) == 2
    assert [[number for _, number in all_ids] for all_ids in ids] == [["1", "2", "3", "4", "5"]] * 2


def test_headers_keep_anyone_from_holding_events_back(functions: Worker) -> None:
    with functions.stream("silent") as response:
        assert response.status_code == 200
        assert response.headers["content-type"] == "text/event-stream"
        assert response.headers["cache-control"] == "no-store, no-transform"
        assert response.headers["x-accel-buffering"] == "no"


def test_text_cannot_break_out_of_its_event(functions: Worker) -> None:
    log, result = functions.events("text")
    assert log.data["message"] == "a\n\ndata: b\r\u2028\U0001f600"
    assert result.data["result"] == "c\n\nevent: d"


def test_undefined_is_null_here_too(functions: Worker) -> None:
    (result,) = functions.events("silent")
    assert result.data["result"] is None


@pytest.mark.parametrize(
    "accept",
    ["text/event-stream", "application/json, Text/Event-Stream;q=0.9", "text/html,text/event-stream"],
)
def test_whoever_accepts_events_gets_them(functions: Worker, accept: str) -> None:
    response = functions.invoke("silent", headers={"accept": accept})
    assert response.headers["content-type"] == "text/event-stream"


def test_a_call_that_does_not_begin_is_answered_in_one_piece(functions: Worker) -> None:
    for status, function, content in [
        (404, "missing", "1"),
        (400, "counts", "{"),
        (413, "counts", "1" * 2**21),
    ]:
        response = functions.ask("POST", f"/api/invoke/{function}", content=content, headers=EVENTS)
        assert response.status_code == status
        assert response.headers["content-type"] == "application/json"


def test_a_stream_cannot_be_taken_up_again_by_running_the_function_twice(functions: Worker) -> None:
    response = functions.invoke("counts", 1, headers={**EVENTS, "last-event-id": "some:1"})
    assert response.status_code == 409
    assert response.json()["error"]["name"] == "NotResumable"


# -------------------- when they come


def test_the_first_line_is_there_within_fifty_milliseconds(functions: Worker) -> None:
    """The machine may be busy with something else at times; it is not twenty times in a row."""
    delays = []
    for _ in range(20):
        log, result = functions.events("takesASecond")
        written = time.mktime(time.strptime(log.data["timestamp"][:19], "%Y-%m-%dT%H:%M:%S")) - time.timezone
        delays.append(log.at - written - float(log.data["timestamp"][19:23]))
        if delays[-1] < 0.05 and result.at - log.at > 0.8:
            return
    raise AssertionError(delays)


def test_an_answer_begins_before_its_first_event(functions: Worker) -> None:
    began = time.monotonic()
    with functions.stream("quiet", 15_000) as response:
        assert response.status_code == 200
        assert time.monotonic() - began < 12


def test_a_quiet_stream_has_heartbeats(functions: Worker) -> None:
    with functions.stream("quiet", 1000) as response:
        text = response.read().decode()
    assert text.startswith(": open\n\n")
    took = re.search(r'"duration":(\d+)', text)
    assert took
    assert 2 <= text.count(": heartbeat\n\n") <= int(took[1]) / 100 + 1
    assert re.fullmatch(r"(: [a-z]+\n\n)+event: result\nid: [0-9a-f-]+:1\ndata: .*\n\n", text)


# -------------------- when the reader goes away


TOLD_AND_CLEANED_UP = [["watching"], ["AbortError", "the caller is gone"], ["cleaned up"]]


def seen_of(functions: Worker, name: str) -> list[list[str]]:
    return [it[1:] for it in functions.result("whatWasSeen") if it[0] == name]


@pytest.mark.parametrize("abruptly", [True, False], ids=["reset", "closed"])
def test_a_function_is_told_that_its_reader_is_gone_and_may_clean_up(
    functions: Worker, *, abruptly: bool
) -> None:
    name = f"events {abruptly}"
    with functions.stream("watches", name) as response:
        events = read_events(response)
        assert next(events).data["message"] == "watching"
        if abruptly:
            reset_when_closed(connection_of(response))
    eventually(lambda: seen_of(functions, name) == TOLD_AND_CLEANED_UP)


def test_a_reader_that_stays_is_not_missed(functions: Worker) -> None:
    functions.events("watches", "stays")
    assert seen_of(functions, "stays") == [["watching"], ["nobody left"]]


def test_a_signal_that_is_looked_at_late_knows_it_already(functions: Worker) -> None:
    with functions.stream("looksUp", "late") as response:
        events = read_events(response)
        assert next(events).data["message"] == "started"
        reset_when_closed(connection_of(response))
    eventually(lambda: seen_of(functions, "late") == [["started"], ["aborted"]])


def test_a_caller_that_waits_for_one_piece_can_go_away_too(functions: Worker) -> None:
    """Without a stream only the platform can tell; workerd does for a connection that is reset."""
    with post(functions, "watches", '"piece"') as connection:
        eventually(lambda: seen_of(functions, "piece"))
        reset_when_closed(connection)
    eventually(lambda: seen_of(functions, "piece") == TOLD_AND_CLEANED_UP)


def test_it_is_known_late_that_it_went(functions: Worker) -> None:
    with post(functions, "looksUp", '"late piece"') as connection:
        eventually(lambda: seen_of(functions, "late piece"))
        reset_when_closed(connection)
    eventually(lambda: seen_of(functions, "late piece") == [["started"], ["aborted"]])


def post(functions: Worker, function: str, body: str) -> socket.socket:
    """Send a call and wait for nothing."""
    url = httpx.URL(f"{functions.url}/api/invoke/{function}")
    connection = socket.create_connection((url.host, url.port or 80))
    head = f"POST {url.path} HTTP/1.1\r\nhost: {url.host}\r\ncontent-length: {len(body)}\r\n\r\n"
    connection.sendall((head + body).encode())
    return connection


# -------------------- when the reader is slow

LOUD = """
let isDone = false;
const line = "x".repeat(1000);
export async function shouts({ lines, pause }) {
  for (let n = 0; n < lines; n++) { console.log(line); if (n % pause === 0) await scheduler.wait(0); }
  isDone = true;
  return "done";
}
export const done = () => isDone;
export async function bursts() {
  for (let burst = 0; burst < 3; burst++) {
    for (let n = 0; n < 50; n++) console.log(`${burst} ${n} ${"x".repeat(100)}`);
    await scheduler.wait(1000);
  }
}
"""
MEBIBYTE = 1024 * 1024


def test_a_reader_that_does_not_read_costs_no_memory(sandbox: Sandbox, worker: Deploy) -> None:
    loud = worker(LOUD)
    workerd = psutil.Process(int((sandbox.directory / "run/workerd.pid").read_text()))
    loud.result("done")
    before = workerd.memory_info().rss
    grown = 0
    with loud.stream("shouts", {"lines": 100_000, "pause": 100}) as response:

        def is_done() -> bool:
            nonlocal grown
            grown = max(grown, workerd.memory_info().rss - before)
            return bool(loud.result("done"))

        eventually(is_done, timeout=60)
        events = list(read_events(response))
    logs, result = events[:-1], events[-1]
    assert result.data["result"] == "done"
    notes = [it.data["message"] for it in logs if it.data["message"].startswith("[")]
    dropped = sum(int(re.findall(r"\d+", it)[0]) for it in notes)
    assert dropped > 50_000
    assert dropped + len(logs) - len(notes) == 100_000
    assert grown < 64 * MEBIBYTE


def test_what_was_dropped_is_noted_where_it_was(worker: Deploy) -> None:
    events = worker(LOUD, maxQueuedChars=4000).events("bursts")
    messages = [it.data["message"] for it in events[:-1]]
    gaps = [n for n, message in enumerate(messages) if message.startswith("[")]
    assert len(gaps) == 3
    assert [messages[n + 1].split()[:2] for n in gaps[:-1]] == [["1", "0"], ["2", "0"]]
    for gap, message in enumerate(messages[n] for n in gaps):
        kept = sum(it.startswith(f"{gap} ") for it in messages)
        assert (
            message == f"[{50 - kept} lines were dropped here: they were written faster than they were read]"
        )
    assert [it.id.rpartition(":")[2] for it in events] == [str(n + 1) for n in range(len(events))]
