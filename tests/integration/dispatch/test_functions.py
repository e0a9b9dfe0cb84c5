"""Calls for one answer over connections that fail in every way."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest

from app.dispatch import functions as module
from app.dispatch.functions import DispatchFunctions
from app.errors import RemoteRefused, RemoteUnavailable
from app.ports import Call
from sandbox.ports import free_port
from tests.integration.dispatch.upstream import Script, answer, until_closed, upstream

if TYPE_CHECKING:
    import socket

CALL = Call("worker", "hello", b"1", 30)
IMPATIENT = Call("worker", "hello", b"1", 0.2)
SUCCESS = json.dumps({"success": True, "function": "hello", "result": 1, "logs": [], "duration": 1}).encode()


def refusal(script: Script, call: Call = CALL) -> tuple[str, int]:
    """Return the code of the error that a call comes to, and how many requests were sent."""
    with upstream(script) as server:
        functions = DispatchFunctions(server.origin, 2)
        with pytest.raises(RemoteRefused) as refused, functions.call(call) as reply:
            list(reply.body)
        functions.close()
        return refused.value.error_code, len(server.requests)


def trickle(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9999\r\n\r\n")
    while True:  # until nobody takes it any more
        connection.sendall(b" ")
        time.sleep(0.05)  # it is what the test is about


@pytest.mark.parametrize(
    ("script", "code"),
    [
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


@pytest.mark.parametrize("script", [until_closed, trickle])
def test_a_worker_that_takes_too_long_is_given_up(script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MARGIN_SECONDS", 0.2)
    assert refusal(script, IMPATIENT) == ("worker:silent", 1)


def test_nobody_there_is_an_error_that_time_mends() -> None:
    functions = DispatchFunctions(f"http://127.0.0.1:{free_port()}", 2)
    with pytest.raises(RemoteUnavailable), functions.call(CALL):
        pass
    functions.close()


def test_what_is_sent_is_what_was_given() -> None:
    call = Call(
        "work-er", "grüße", b'{"a":1}', 30, {"Accept": "x", "X-Id": "7", "AUTHORIZATION": "ours"}, "key"
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
