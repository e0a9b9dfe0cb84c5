"""Functions of workers, called through the API: at once, as events, as jobs."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

import pytest
from werkzeug.test import TestResponse

from app.domain.jobs import JobType
from app.domain.variables import Variable
from app.domain.workers import INVOKE_KEY, Options
from app.errors import Gone, RemoteMissing, RemoteRefused, RemoteUnavailable
from app.ports import Reply
from app.vault import FernetVault
from app.web.outside import Gate
from tests.builders import NOON, a_version, a_worker
from tests.fakes.invocations import answered, failed
from tests.integration.web.described import assert_described
from tests.integration.web.world import AUTHORIZED, TOKEN, VAULT_KEY, World

FUNCTION: Final = "/api/workers/worker-1/functions/hello"
STREAM: Final = "/api/workers/worker-1/invoke/hello"
JOBS: Final = f"{FUNCTION}/jobs"
LOG: Final = {"stream": "stdout", "level": "log", "message": "line", "timestamp": "2026-11-22T12:00:00Z"}
TOLD: Final = [("log", LOG), ("log", LOG), ("result", {"success": True, "result": 1, "duration": 3})]


@pytest.fixture
def called(world: World) -> Iterator[World]:
    """A world with a worker that is up."""
    keep(world)
    yield world
    world.close()


def keep(world: World, options: Options = Options(), **changes: Any) -> None:  # noqa: B008 - it is frozen
    version = a_version(options=options)
    with world.records.begin() as tx:
        tx.workers.add(a_worker(version_id=version.id, **changes))
        tx.versions.add(version)


def code(answer: TestResponse) -> str:
    error: str = answer.get_json()["error"]["code"]
    return error


def counted(world: World) -> list[tuple[int, int]]:
    world.tally.write(world.records)
    with world.records.read() as tx:
        calls = tx.calls.of(["wrk_0001"]).get("wrk_0001", {})
    return [(it.invocations, it.failures) for it in calls.values()]


# -------------------- for one answer


@pytest.mark.parametrize("key", ["wrk_0001", "wslug001", "worker-1"])
def test_a_function_answers_as_its_worker_does(called: World, key: str) -> None:
    called.functions.replies = [answered({"a": 1})]
    answer = called.call("POST", f"/api/workers/{key}/functions/hello", json={"x": 1})
    assert (answer.status_code, answer.mimetype) == (200, "application/json")
    assert answer.get_json() == {
        "success": True,
        "function": "hello",
        "result": {"a": 1},
        "logs": [],
        "duration": 1,
    }
    (call,) = called.functions.calls
    assert (call.script, call.function, json.loads(call.payload)) == ("wslug001", "hello", {"x": 1})
    assert (call.timeout_seconds, call.key) == (30, None)
    answer.close()
    assert called.functions.open == 0


@pytest.mark.parametrize("payload", [b"", b"null", b'"text"', b"[1, 2]", b"{", b"\xff"])
def test_a_payload_is_passed_on_as_it_is(called: World, payload: bytes) -> None:
    assert called.call("POST", FUNCTION, data=payload).status_code == 200
    assert called.functions.calls[0].payload == payload


def test_what_a_worker_refuses_is_passed_on_with_its_status(called: World) -> None:
    for status in (400, 404, 413, 429, 500, 504):
        called.functions.replies = [failed(status)]
        answer = called.call("POST", FUNCTION)
        assert (answer.status_code, answer.get_json()["success"]) == (status, False)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (RemoteUnavailable("away"), 503),
        (RemoteRefused("broke off", code="worker:failed"), 502),
        (RemoteMissing("not up", code="worker:not-up"), 502),
        (Gone("expired", code="worker:expired"), 410),
    ],
)
def test_a_worker_that_does_not_answer_is_an_error_of_ours(
    called: World, error: Exception, status: int
) -> None:
    called.functions.replies = [error]  # type: ignore[list-item]
    answer = called.call("POST", FUNCTION)
    assert (answer.status_code, set(answer.get_json()["error"])) == (status, {"code", "message", "details"})


def test_a_worker_that_expired_or_is_not_up_is_not_called(world: World) -> None:
    keep(world, expired_at=NOON)
    answer = world.call("POST", FUNCTION)
    assert (answer.status_code, code(answer)) == (410, "worker:expired")
    assert answer.get_json()["error"]["details"] == {"expiredAt": NOON.isoformat()}
    with world.records.begin() as tx:
        tx.workers.save(a_worker(version_id=None))
    assert code(world.call("POST", FUNCTION)) == "worker:not-ready"
    assert code(world.call("POST", "/api/workers/nobody/functions/hello")) == "worker:not-found"
    assert world.functions.calls == []


def test_nobody_calls_without_the_token(called: World) -> None:
    for path in (FUNCTION, STREAM, JOBS):
        assert called.client.post(path).status_code == 401
    assert called.client.get("/api/workers/worker-1/functions").status_code == 401
    assert called.functions.calls == called.streams.calls == []


def test_a_payload_is_as_large_as_the_worker_takes(world: World) -> None:
    keep(world, Options(max_payload_bytes=100))
    assert world.call("POST", FUNCTION, data=b"1" * 100).status_code == 200
    answer = world.call("POST", FUNCTION, data=b"1" * 101)
    assert (answer.status_code, code(answer)) == (413, "request:too-large")
    assert len(world.functions.calls) == 1


def test_headers_go_along_but_for_ours_and_those_of_the_hop(called: World) -> None:
    mine = {"X-Request-Id": "7", "Traceparent": "00-1", "Idempotency-Key": "k"}
    not_passed = {
        "Connection": "X-Hop",
        "X-Hop": "1",
        "Cookie": "session=1",
        "TE": "trailers",
        "Proxy-Authorization": "Basic x",
        "X-Forwarded-For": "10.0.0.1",
        "Branchline-Secret": "1",
        "Accept": "text/event-stream",
        "Last-Event-ID": "a:1",
    }
    called.call("POST", FUNCTION, json=1, headers={**AUTHORIZED, **mine, **not_passed})
    passed = {name.lower(): value for name, value in called.functions.calls[0].headers.items()}
    assert {name: passed.get(name.lower()) for name in mine} == mine
    assert set(passed) & {name.lower() for name in not_passed} == set()
    assert TOKEN not in repr(passed)


def test_the_key_that_a_worker_asks_for_is_ours_to_give(world: World) -> None:
    keep(world, Options(has_invoke_key=True))
    worker = a_worker()
    secret = Variable(worker.id, worker.environment, INVOKE_KEY, "", True, NOON, "ada")  # noqa: FBT003
    sealed = FernetVault([VAULT_KEY]).seal(secret.place, "canary-invoke-key")
    with world.records.begin() as tx:
        tx.variables.save(replace(secret, value=sealed))
    answer = world.call("POST", FUNCTION)
    assert world.functions.calls[0].key == "canary-invoke-key"
    assert "canary" not in answer.get_data(as_text=True)
    assert "canary" not in repr(world.functions.calls)


def test_no_more_calls_are_open_than_may_be(called: World) -> None:
    gate = Gate(1, "call functions")
    invoking = replace(called.web.extensions["branchline"].invoking, gate=gate)
    called.web.extensions["branchline"] = replace(called.web.extensions["branchline"], invoking=invoking)
    with gate.entered("calling"):
        answer = called.call("POST", FUNCTION)
        assert (answer.status_code, code(answer)) == (503, "request:overloaded")
        assert int(answer.headers["Retry-After"]) > 0
    called.call("POST", FUNCTION).close()
    called.call("POST", FUNCTION).close()
    assert len(called.functions.calls) == 2


def test_one_worker_is_called_as_often_as_it_may_be(called: World) -> None:
    for _ in range(200):
        with called.call("POST", FUNCTION) as answer:
            assert answer.status_code == 200
    for path in (FUNCTION, STREAM):
        refused = called.call("POST", path)
        assert (refused.status_code, code(refused)) == (429, "request:too-many")
        assert refused.headers["Retry-After"] == "1"
    called.later(1)
    assert called.call("POST", FUNCTION).status_code == 200


# -------------------- what is counted


def test_calls_are_counted_and_written_together(called: World) -> None:
    called.functions.replies = [answered(), failed(500), failed(404), answered()]
    for _ in range(4):
        called.call("POST", FUNCTION).close()
    with called.records.read() as tx:
        assert tx.calls.of(["wrk_0001"]) == {}
    assert counted(called) == [(3, 1)]
    assert counted(called) == [(3, 1)]


def test_a_call_that_breaks_counts_as_one_that_failed_where_it_may_have_run(called: World) -> None:
    called.functions.replies = [
        RemoteRefused("broke off", code="worker:failed"),
        RemoteMissing("not up", code="worker:not-up"),
        RemoteUnavailable("away"),
        answered(),
    ]
    for _ in range(4):
        called.call("POST", FUNCTION).close()
    assert counted(called) == [(2, 1)]


def test_calls_of_a_worker_that_is_gone_are_not_kept(called: World) -> None:
    called.call("POST", FUNCTION).close()
    with called.records.begin() as tx:
        tx.workers.remove("wrk_0001")
    assert counted(called) == []


# -------------------- for events


def events(answer: TestResponse) -> list[dict[str, str]]:
    """Return the fields of each event; comments are passed over."""
    blocks = [block for block in answer.get_data(as_text=True).split("\n\n") if block]
    return [
        dict(line.split(": ", 1) for line in block.split("\n"))
        for block in blocks
        if not block.startswith(":")
    ]


def test_a_stream_tells_events_as_they_come(called: World) -> None:
    called.streams.events = TOLD
    answer = called.call("POST", STREAM, json={"n": 3})
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/event-stream")
    assert answer.headers["X-Accel-Buffering"] == "no"
    assert answer.headers["Cache-Control"] == "no-store, no-transform"
    assert answer.headers["Invocation-Id"] == "invocation-1"
    first, *others = events(answer)
    assert (first["event"], first["id"]) == ("invocation", "invocation-1:0")
    url = "https://branchline.test/api/workers/wrk_0001/invocations/invocation-1/events"
    assert json.loads(first["data"]) == {"invocation": "invocation-1", "function": "hello", "eventsUrl": url}
    assert [(it["event"], it["id"], json.loads(it["data"])) for it in others] == [
        (name, f"invocation-1:{number}", data) for number, (name, data) in enumerate(TOLD, 1)
    ]
    assert ": heartbeat\n\n" in answer.get_data(as_text=True)
    answer.close()
    assert called.streams.started["wrk_0001", "invocation-1"].closed == 1
    assert counted(called) == [(1, 0)]


def test_a_stream_goes_on_behind_the_last_event_that_was_seen(called: World) -> None:
    called.streams.events = TOLD
    called.call("POST", STREAM).close()
    path = "/api/workers/worker-1/invocations/invocation-1/events"
    for seen, left in (("", 3), ("invocation-1:0", 3), ("invocation-1:2", 1), ("invocation-1:3", 0)):
        headers = {**AUTHORIZED, **({"Last-Event-ID": seen} if seen else {})}
        answer = called.call("GET", path, headers=headers)
        assert [it["event"] for it in events(answer)] == [name for name, _ in TOLD][3 - left :]
        assert answer.headers["Invocation-Id"] == "invocation-1"
        answer.close()


@pytest.mark.parametrize(
    "seen", ["invocation-2:1", "1", "invocation-1:", "invocation-1:x", "invocation-1:-1"]
)
def test_an_event_that_is_none_of_the_invocation_is_not_gone_on_from(called: World, seen: str) -> None:
    called.streams.events = TOLD
    called.call("POST", STREAM).close()
    path = "/api/workers/worker-1/invocations/invocation-1/events"
    answer = called.call("GET", path, headers={**AUTHORIZED, "Last-Event-ID": seen})
    assert (answer.status_code, code(answer)) == (400, "request:invalid")


def test_an_invocation_is_found_below_its_own_worker_alone(called: World) -> None:
    called.streams.events = TOLD
    called.call("POST", STREAM).close()
    with called.records.begin() as tx:
        tx.workers.add(a_worker(2))
    for path in ("worker-2/invocations/invocation-1", "worker-1/invocations/invocation-9"):
        answer = called.call("GET", f"/api/workers/{path}/events")
        assert (answer.status_code, code(answer)) == (404, "invocation:not-found")


def test_a_stream_that_a_worker_refuses_is_answered_in_one_piece(called: World) -> None:
    called.streams.refusal = failed(404, "FunctionNotFound")
    answer = called.call("POST", STREAM)
    assert (answer.status_code, answer.mimetype) == (404, "application/json")
    assert answer.get_json()["error"]["name"] == "FunctionNotFound"
    called.streams.refusal = RemoteUnavailable("away")
    assert called.call("POST", STREAM).status_code == 503
    assert counted(called) == []
    called.streams.refusal = None
    for _ in range(5):  # more than there are places
        called.call("POST", STREAM).close()


# -------------------- as a job


@pytest.mark.parametrize(
    ("body", "payload", "retries"),
    [
        ({}, "", 3),
        ({"payload": None}, "null", 3),
        ({"payload": {"a": [1, "ä"]}, "retries": 0}, '{"a":[1,"\\u00e4"]}', 0),
        ({"payload": 7, "retries": 10}, "7", 10),
    ],
)
def test_a_job_is_asked_for(called: World, body: dict[str, Any], payload: str, retries: int) -> None:
    answer = called.call("POST", JOBS, json=body)
    assert answer.status_code == 202
    told = answer.get_json()
    assert told["pollUrl"] == f"https://branchline.test/api/jobs/{told['jobId']}"
    assert (told["workerId"], told["function"]) == ("wrk_0001", "hello")
    with called.records.read() as tx:
        job = tx.jobs.get(told["jobId"])
    assert (job.type, job.app_id) == (JobType.INVOKE, "wrk_0001")
    assert job.arguments == {"function": "hello", "payload": payload, "retries": retries}


@pytest.mark.parametrize(
    ("body", "status", "expected"),
    [
        ('{"retries": 11}', 400, "request:invalid"),
        ('{"retries": true}', 400, "request:invalid"),
        ('{"times": 1}', 400, "request:invalid"),
        ('{"payload": NaN}', 400, "request:invalid"),
        ('{"payload": 1e999}', 400, "request:invalid"),
        ("[]", 400, "request:invalid"),
        (json.dumps({"payload": "x" * 262_143}), 413, "invocation:payload-too-large"),
    ],
)
def test_a_job_that_cannot_be_is_refused(called: World, body: str, status: int, expected: str) -> None:
    answer = called.call("POST", JOBS, data=body, content_type="application/json")
    assert (answer.status_code, code(answer)) == (status, expected)


def test_a_job_for_a_function_that_is_not_there_says_which_are(called: World) -> None:
    answer = called.call("POST", "/api/workers/worker-1/functions/bye/jobs", json={})
    assert (answer.status_code, code(answer)) == (404, "function:not-found")
    assert answer.get_json()["error"]["details"] == {"functions": ["hello"]}


# -------------------- what is described


def test_functions_are_listed(called: World) -> None:
    assert called.call("GET", "/api/workers/worker-1/functions").get_json() == {"functions": ["hello"]}


@pytest.mark.parametrize("reply", [answered(), failed(500), failed(404), RemoteUnavailable("away")])
def test_answers_are_described(called: World, reply: Reply | RemoteUnavailable) -> None:
    document = called.client.get("/api/openapi.json").get_json()
    called.functions.replies = [reply]
    listing, path = "/api/workers/{worker}/functions", "/api/workers/{worker}/functions/{function}"
    assert_described(document, "POST", path, called.call("POST", FUNCTION))
    assert_described(document, "POST", f"{path}/jobs", called.call("POST", JOBS, json={}))
    assert_described(document, "GET", listing, called.call("GET", "/api/workers/worker-1/functions"))
