"""Calls for one answer over connections that fail in every way."""

from __future__ import annotations

import json
import socket
import time

import pytest

from app.dispatch import functions as module
from app.dispatch.functions import DispatchFunctions
from app.errors import RemoteRefused, RemoteUnavailable
from app.ports import Call
from tests.integration.dispatch.upstream import Script, answer, until_closed, upstream

CALL = Call("worker", "hello", b"1", 0.2)
SUCCESS = json.dumps({"success": True, "function": "hello", "result": 1, "logs": [], "duration": 1}).encode()


@pytest.fixture(autouse=True)
def _short_margin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MARGIN_SECONDS", 0.2)


def refusal(script: Script) -> tuple[str, int]:
    """Return the code of the error that a call comes to, and how many requests were sent."""
    with upstream(script) as server:
        functions = DispatchFunctions(server.origin, 2)
        with pytest.raises(RemoteRefused) as refused, functions.call(CALL) as reply:
            list(reply.body)
        functions.close()
        return refused.value.error_code, len(server.requests)


def trickle(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9999\r\n\r\n")
    for _ in range(30):
        connection.sendall(b" ")
        time.sleep(0.05)  # it is what the test is about


@pytest.mark.parametrize(
    ("script", "code"),
    [
        (until_closed, "worker:silent"),
        (trickle, "worker:silent"),
        (lambda _: None, "worker:failed"),
        (lambda connection: connection.sendall(answer(SUCCESS)[:-5]), "worker:failed"),
        (lambda connection: connection.sendall(b"no HTTP at all\r\n\r\n"), "worker:failed"),
        (lambda connection: connection.sendall(answer(b"<html>", content_type="text/html")), "worker:failed"),
        (lambda connection: connection.sendall(answer(b"<html>", "530 Cloudflare")), "worker:failed"),
        (lambda connection: connection.sendall(answer(b"[" * 200_000, "500 No")), "worker:failed"),
        (lambda connection: connection.sendall(answer(b"[1]", "404 No")), "worker:not-up"),
        (lambda connection: connection.sendall(answer(b" " * 5_000_000, "500 No")), "worker:failed"),
    ],
)
def test_a_worker_that_does_not_answer_is_an_error_and_is_not_asked_twice(script: Script, code: str) -> None:
    assert refusal(script) == (code, 1)


def test_nobody_there_is_an_error_that_time_mends() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        origin = f"http://127.0.0.1:{closed.getsockname()[1]}"
    functions = DispatchFunctions(origin, 2)
    with pytest.raises(RemoteUnavailable), functions.call(CALL):
        pass
    functions.close()


def test_what_is_sent_is_what_was_given() -> None:
    call = Call(
        "work-er", "grüße", b'{"a":1}', 1, {"Accept": "x", "X-Id": "7", "AUTHORIZATION": "ours"}, "key"
    )
    with upstream(lambda connection: connection.sendall(answer(SUCCESS))) as server:
        functions = DispatchFunctions(server.origin, 2)
        with functions.call(call) as reply:
            assert b"".join(reply.body) == SUCCESS
        functions.close()
        head, _, body = server.requests[0].partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    assert first == "POST /app/work-er/api/invoke/gr%C3%BC%C3%9Fe HTTP/1.1"
    assert {name: headers[name] for name in ("accept", "x-id", "authorization", "content-type")} == {
        "accept": "application/json",
        "x-id": "7",
        "authorization": "bearer key",
        "content-type": "application/json",
    }
    assert len(lines) == len(headers)
    assert body == b'{"a":1}'


def test_a_connection_is_used_again() -> None:
    def serve(connection: socket.socket) -> None:
        for _ in range(3):
            connection.sendall(answer(SUCCESS))
            connection.recv(65536)

    with upstream(serve) as server:
        functions = DispatchFunctions(server.origin, 2)
        for _ in range(3):
            with functions.call(CALL) as reply:
                assert b"".join(reply.body) == SUCCESS
        functions.close()
        assert len(server.requests) == 1  # counted once a connection
