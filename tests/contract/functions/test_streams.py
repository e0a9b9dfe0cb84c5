"""Functions called for their events: one suite for our fake and for workers on workerd."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from app.dispatch.functions import DispatchFunctions
from app.dispatch.streams import DispatchStreams
from app.errors import NotFound, RemoteMissing
from app.ports import Call, Invocation, Reply, Streams
from tests.contract.sandbox_cloudflare.driver import eventually
from tests.fakes.invocations import FakeStreams, failed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from app.domain.invocations import Emitted
    from tests.contract.sandbox_cloudflare.driver import Sandbox
    from tests.integration.functions_runtime.driver import Worker

LINE = {"stream": "stdout", "level": "log", "message": "0", "timestamp": "2026-11-22T12:00:00.000Z"}


@dataclass
class Host:
    """A port, and a worker with the functions of `conftest.py`."""

    streams: Streams
    script: str = "fake"
    endings: list[str] = field(default_factory=list)

    def start(self, function: str, payload: bytes = b"") -> Invocation | Reply:
        return self.streams.start("wrk_1", Call(self.script, function, payload, 5), self.endings.append)

    def invocation(self, function: str, payload: bytes = b"") -> Invocation:
        started = self.start(function, payload)
        assert not isinstance(started, Reply), started
        return started


@pytest.fixture
def real(sandbox: Sandbox, worker: Worker) -> Iterator[Host]:
    streams = DispatchStreams(sandbox.dispatch_url, 20, grace_seconds=3.0)
    yield Host(streams, worker.script)
    streams.close()


@pytest.fixture(params=["fake", "dispatch"])
def host(request: pytest.FixtureRequest) -> Host:
    if request.param == "fake":
        events: list[tuple[str, Any]] = [("log", LINE)] * 3
        return Host(FakeStreams([*events, ("result", {"success": True, "result": 3, "duration": 1})]))
    real: Host = request.getfixturevalue("real")
    return real


def events_of(invocation: Invocation, after: int | None = None) -> list[Emitted]:
    return [event for some in invocation.follow(after) for event in some]


def test_events_come_in_order_up_to_the_result(host: Host) -> None:
    events = events_of(host.invocation("lines", b"3"))
    assert [(event.number, event.name) for event in events] == [
        (1, "log"),
        (2, "log"),
        (3, "log"),
        (4, "result"),
    ]
    assert set(json.loads(events[0].data)) == set(LINE)
    assert set(json.loads(events[-1].data)) == {"success", "result", "duration"}
    assert eventually(lambda: host.endings) == ["result"]


def test_a_reader_goes_on_where_it_stopped(host: Host) -> None:
    invocation = host.invocation("lines", b"3")
    events = events_of(invocation)
    again = host.streams.find("wrk_1", invocation.id)
    assert events_of(again) == events_of(again, 0) == events
    assert events_of(again, 2) == events[2:]
    assert events_of(again, 4) == []


def test_others_do_not_find_it(host: Host) -> None:
    invocation = host.invocation("lines", b"3")
    for owner, invocation_id in (("wrk_2", invocation.id), ("wrk_1", "another")):
        with pytest.raises(NotFound):
            host.streams.find(owner, invocation_id)
    events_of(invocation)


def test_a_refusal_is_a_reply() -> None:
    host = Host(FakeStreams(refusal=failed(404, "FunctionNotFound")))
    started = host.start("nothing")
    assert isinstance(started, Reply)
    assert (started.status, started.ending) == (404, None)
    assert host.endings == []


# -------------------- workers alone


def test_a_worker_refuses_as_the_fake_does(real: Host) -> None:
    for function, payload, status in (("nothing", b"", 404), ("lines", b"{", 400)):
        started = real.start(function, payload)
        assert isinstance(started, Reply)
        assert (started.status, started.ending) == (status, None)
    assert real.endings == []
    real.script = "nobody"
    with pytest.raises(RemoteMissing):
        real.start("lines")


def test_a_function_that_fails_ends_with_an_error(real: Host) -> None:
    for function, name in (("bad", "TypeError"), ("slow", "FunctionTimeout")):
        (event,) = events_of(real.invocation(function))
        assert event.name == "error"
        assert json.loads(event.data)["error"]["name"] == name
    assert eventually(lambda: real.endings) == ["error", "error"]


def test_a_function_finds_the_invocations_id_in_its_headers(real: Host) -> None:
    headers = {"Invocation-Id": "of-somebody"}
    call = Call(real.script, "named", b"", 5, headers)
    invocation = real.streams.start("wrk_1", call, real.endings.append)
    assert not isinstance(invocation, Reply)
    assert json.loads(events_of(invocation)[-1].data)["result"] == invocation.id


def test_thousands_of_lines_come_once_each(real: Host) -> None:
    events = events_of(real.invocation("lines", b"4000"))
    assert [event.number for event in events] == list(range(1, 4002))
    messages = [json.loads(event.data)["message"] for event in events[:-1]]
    assert messages == [str(n) for n in range(4000)]


def test_a_function_is_told_when_nobody_follows_any_more(real: Host, sandbox: Sandbox) -> None:
    invocation = real.invocation("waiting")
    followed = invocation.follow(0)
    next(followed)
    followed.close()
    assert eventually(lambda: real.endings) == ["error"]
    *_, event = events_of(real.streams.find("wrk_1", invocation.id))
    assert json.loads(event.data)["error"]["name"] == "Abandoned"
    functions = DispatchFunctions(sandbox.dispatch_url, 2)

    def how_it_ended() -> bool:
        with functions.call(Call(real.script, "howItEnded", b"", 5)) as reply:
            return b'"aborted"' in b"".join(reply.body)

    assert eventually(how_it_ended)
    functions.close()
