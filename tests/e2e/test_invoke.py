"""Functions called through the control plane: at once, as a stream that is cut and taken up, as a job."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.waiting import wait_for
from sandbox.web import client

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from sandbox.developer import Developer

pytestmark = pytest.mark.timeout(420)
LINES = 30
FUNCTIONS = """
type Order = { count: number; pause: number };

export const add = (numbers: number[]): number => numbers.reduce((sum, number) => sum + number, 0);

export async function tell({ count, pause }: Order): Promise<string> {
  for (let n = 0; n < count; n++) {
    console.log(`line ${n}`);
    await scheduler.wait(pause);
  }
  return "told";
}

const seen = new Map<string, number>();
export function flaky(_: unknown, { headers }: { headers: Headers }): string {
  const key = headers.get("idempotency-key") ?? "";
  seen.set(key, (seen.get(key) ?? 0) + 1);
  if (seen.get(key) === 1) throw new TypeError("not yet");
  return `${key}, ${headers.get("invocation-attempt")}`;
}
"""


@dataclass
class Reader:
    """Reads events, and remembers them."""

    names: list[str] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    data: list[Any] = field(default_factory=list)
    seconds_late: list[float] = field(default_factory=list)

    def read(self, response: httpx.Response, most: int | None = None) -> None:
        """Read events up to the end, or so many."""
        for line in response.iter_lines():
            kind, _, value = line.partition(": ")
            if kind == "event":
                self.names.append(value)
            elif kind == "id":
                self.ids.append(value)
            elif kind == "data":
                self._take(json.loads(value))
                if len(self.data) == most:
                    return

    @property
    def messages(self) -> list[str]:
        return [data["message"] for name, data in zip(self.names, self.data, strict=True) if name == "log"]

    def _take(self, data: Any) -> None:
        self.data.append(data)
        if self.names[-1] == "log":
            self.seconds_late.append(time.time() - datetime.fromisoformat(data["timestamp"]).timestamp())


@pytest.fixture(scope="module")
def greeter(ada: Developer) -> Iterator[dict[str, Any]]:
    """A worker, deleted when the stories are over."""
    worker: dict[str, Any] = ada.branchline.post("/api/workers", {"name": "greeter", "code": FUNCTIONS})
    yield worker
    ada.wait_for_job(ada.branchline.call("DELETE", f"/api/workers/{worker['id']}")["jobId"])


@pytest.fixture
def http(ada: Developer, greeter: dict[str, Any]) -> Iterator[httpx.Client]:
    plane = ada.facts["controlPlane"]
    with client(f"{plane['url']}/api/workers/{greeter['slug']}", plane["apiToken"]) as http:
        yield http


def test_a_call_is_answered_as_at_the_workers_own_address(
    http: httpx.Client, greeter: dict[str, Any]
) -> None:
    assert set(http.get("/functions").json()["functions"]) == {"add", "tell", "flaky"}
    with client(greeter["alternateUrl"]) as own:
        for function, body, status in (("add", b"[1, 2]", 200), ("add", b"", 500), ("subtract", b"", 404)):
            ours = http.post(f"/functions/{function}", content=body)
            theirs = own.post(f"/api/invoke/{function}", content=body)
            assert ours.status_code == theirs.status_code == status
            assert ours.json() | {"duration": 0} == theirs.json() | {"duration": 0}
    assert http.post("/functions/add", content=b"1" * (1024 * 1024 + 1)).status_code == 413


def test_a_stream_that_is_cut_goes_on_behind_the_last_event(http: httpx.Client) -> None:
    reader, body = Reader(), {"count": LINES, "pause": 50}
    with http.stream("POST", "/invoke/tell", json=body) as response:
        invocation = response.headers["invocation-id"]
        reader.read(response, 10)
    url = reader.data[0]["eventsUrl"]
    assert (reader.names[0], reader.ids[0]) == ("invocation", f"{invocation}:0")
    with http.stream("GET", url, headers={"Last-Event-ID": reader.ids[-1]}) as response:
        reader.read(response)
    assert reader.messages == [f"line {n}" for n in range(LINES)]
    assert reader.ids == [f"{invocation}:{n}" for n in range(LINES + 2)]
    assert (reader.names[-1], reader.data[-1]["result"]) == ("result", "told")
    again = Reader()
    with http.stream("GET", url) as response:
        again.read(response)
    assert again.data == reader.data[1:]


def test_lines_come_while_the_function_runs(http: httpx.Client) -> None:
    reader, began = Reader(), time.monotonic()
    with http.stream("POST", "/invoke/tell", json={"count": 1, "pause": 20_000}) as response:
        reader.read(response, 2)
        assert time.monotonic() - began < 15
    assert reader.messages == ["line 0"]
    assert reader.seconds_late[0] < 10


def test_a_job_calls_again_until_the_function_succeeds(ada: Developer, http: httpx.Client) -> None:
    asked = http.post("/functions/flaky/jobs", json={"payload": {"n": 1}, "retries": 2}).json()
    job = ada.wait_for_job(asked["jobId"])
    assert job["result"]["result"] == f"{asked['jobId']}, 2"
    assert job["result"]["attempts"] == 2
    assert [step["name"] for step in job["steps"]] == ["attempt 1", "attempt 2"]


def test_a_job_that_fails_says_what_the_function_said(ada: Developer, http: httpx.Client) -> None:
    asked = http.post("/functions/flaky/jobs", json={"retries": 0}).json()

    def look() -> tuple[dict[str, Any] | None, object]:
        job = ada.branchline.get(f"/api/jobs/{asked['jobId']}")
        return (job if job["status"] == "failed" else None), job["status"]

    error = wait_for("the job failed", look, 60)["error"]
    assert error["code"] == "function:failed"
    assert error["details"]["answer"]["error"]["name"] == "TypeError"
    assert error["details"]["attempts"] == 1


def test_calls_are_counted_a_moment_later(
    ada: Developer, http: httpx.Client, greeter: dict[str, Any]
) -> None:
    def calls() -> int:
        return int(ada.branchline.get(f"/api/workers/{greeter['id']}")["invocations"])

    before = calls()
    for _ in range(3):
        http.post("/functions/add", json=[1])
    wait_for("three more calls", lambda: (calls() >= before + 3 or None, calls()), 60)
    assert ada.branchline.get(f"/api/workers/{greeter['id']}")["lastInvokedAt"] is not None
