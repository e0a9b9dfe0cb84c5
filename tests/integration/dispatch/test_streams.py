"""Streams whose worker breaks off, floods or falls silent, and whose readers come, go and dawdle."""

from __future__ import annotations

import json
import socket
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from app.dispatch import streams as module
from app.dispatch.kept import KeptInvocations
from app.dispatch.live import LiveInvocation
from app.dispatch.loop import LoopThread
from app.dispatch.parsing import MOST_EVENT_BYTES
from app.dispatch.streams import DispatchStreams
from app.errors import Gone, NotFound, Overloaded, RemoteUnavailable
from app.ports import Call, Invocation, Reply
from tests.contract.sandbox_cloudflare.driver import eventually
from tests.integration.dispatch.upstream import (
    EVENTS,
    RESULT,
    Script,
    Upstream,
    answer,
    log,
    until_closed,
    upstream,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CALL = Call("worker", "hello", b"1", 30)


@dataclass
class World:
    server: Upstream
    streams: DispatchStreams
    endings: list[str] = field(default_factory=list)

    def start(self, call: Call = CALL) -> Invocation:
        started = self.streams.start("wrk_1", call, self.endings.append)
        assert not isinstance(started, Reply)
        return started


@contextmanager
def world(
    script: Script, most: int = 10, grace_seconds: float = 30, kept_seconds: float = 60
) -> Iterator[World]:
    with upstream(script) as server:
        streams = DispatchStreams(server.origin, most, grace_seconds=grace_seconds, kept_seconds=kept_seconds)
        try:
            yield World(server, streams)
        finally:
            streams.close()


def numbers(invocation: Invocation, after: int | None = None) -> list[int]:
    return [event.number for some in invocation.follow(after) for event in some]


def last_error(invocation: Invocation) -> str:
    *_, event = [event for some in invocation.follow() for event in some]
    assert event.name == "error"
    name: str = json.loads(event.data)["error"]["name"]
    return name


def sending(*pieces: bytes) -> Script:
    def serve(connection: socket.socket) -> None:
        for piece in pieces:
            connection.sendall(piece)

    return serve


def and_waiting(*pieces: bytes) -> Script:
    def serve(connection: socket.socket) -> None:
        sending(*pieces)(connection)
        until_closed(connection)

    return serve


# -------------------- workers


@pytest.mark.parametrize(
    ("script", "name"),
    [
        (sending(EVENTS), "WorkerFailed"),
        (sending(EVENTS, log("1"), b"event: res"), "WorkerFailed"),
        (and_waiting(EVENTS, b"event: log\ndata: ", b"x" * (MOST_EVENT_BYTES + 1)), "EventTooLarge"),
    ],
)
def test_a_stream_that_breaks_ends_with_an_error_of_ours(script: Script, name: str) -> None:
    with world(script) as given:
        assert last_error(given.start()) == name
        assert eventually(lambda: given.endings) == ["error"]


def test_a_worker_without_a_sign_of_life_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SILENCE_SECONDS", 1.0)
    with world(and_waiting(EVENTS, log("1"))) as given:
        assert last_error(given.start()) == "WorkerSilent"


def test_a_worker_that_only_says_that_it_lives_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MARGIN_SECONDS", 0.2)
    ended = threading.Event()

    def serve(connection: socket.socket) -> None:
        connection.sendall(EVENTS)
        while not ended.wait(0.02):
            connection.sendall(b": heartbeat\n\n")

    with world(serve) as given:
        assert last_error(given.start(Call("worker", "hello", b"", 0.1))) == "WorkerSilent"
        ended.set()


def test_what_comes_behind_the_result_is_nobodys_business() -> None:
    with world(and_waiting(EVENTS, RESULT, log("late"), RESULT)) as given:
        assert numbers(given.start()) == [1]
        assert eventually(lambda: given.endings) == ["result"]


def test_a_refusal_and_an_absent_worker_leave_their_place_free() -> None:
    body = json.dumps({"success": False, "error": {"name": "FunctionNotFound", "message": ""}}).encode()
    with world(sending(answer(body, "404 Not Found")), most=1) as given:
        for _ in range(3):
            refused = given.streams.start("wrk_1", CALL, given.endings.append)
            assert isinstance(refused, Reply)
            assert b"".join(refused.body) == body
    nowhere = DispatchStreams(given.server.origin, 1)
    for _ in range(3):
        with pytest.raises(RemoteUnavailable):
            nowhere.start("wrk_1", CALL, given.endings.append)
    nowhere.close()
    assert given.endings == []


def test_only_so_many_are_open_at_once() -> None:
    go_on = threading.Event()

    def serve(connection: socket.socket) -> None:
        connection.sendall(EVENTS)
        go_on.wait(10)
        connection.sendall(RESULT)

    with world(serve, most=2) as given:
        both = [given.start(), given.start()]
        with pytest.raises(Overloaded):
            given.start()
        go_on.set()
        assert [numbers(one) for one in both] == [[1], [1]]
        assert eventually(lambda: len(given.endings) == 2)
        assert numbers(given.start()) == [1]


# -------------------- readers


def flooding(count: int) -> tuple[Script, Callable[[], int]]:
    """Return a script that writes lines of a kilobyte as fast as it may, and what tells how many it wrote."""
    sent = 0

    def serve(connection: socket.socket) -> None:
        nonlocal sent
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16 * 1024)
        connection.sendall(EVENTS)
        for _ in range(count):
            connection.sendall(log("x" * 1000))
            sent += 1
        connection.sendall(RESULT)

    return serve, lambda: sent


def stands_still(look: Callable[[], int]) -> int:
    """Return a number once it has not changed between two looks."""
    seen = list[int]()

    def same() -> bool:
        seen.append(look())
        return len(seen) > 20 and len(set(seen[-20:])) == 1

    eventually(same)
    return seen[-1]


def test_a_flood_waits_for_its_reader_and_loses_nothing() -> None:
    count = 20_000
    script, sent = flooding(count)
    with world(script) as given:
        invocation = given.start()
        followed = invocation.follow(0)
        first = next(followed)
        held = stands_still(sent)
        assert held < count / 2
        rest = [event.number for some in followed for event in some]
        assert [event.number for event in first] + rest == list(range(1, count + 2))


def test_a_flood_without_a_reader_waits_for_one() -> None:
    script, sent = flooding(20_000)
    with world(script) as given:
        invocation = given.start()
        assert stands_still(sent) < 10_000
        assert len(numbers(invocation)) == 20_001


def test_a_reader_that_dawdles_does_not_hold_up_another_and_is_told_what_it_lost() -> None:
    script, _ = flooding(5_000)
    with world(script) as given:
        invocation = given.start()
        slow = invocation.follow(0)
        next(slow)
        assert len(numbers(invocation, 0)) == 5_001
        with pytest.raises(Gone):
            list(slow)
        with pytest.raises(Gone) as refused:
            invocation.follow(10)
        assert refused.value.details["oldest"] > 10
        assert numbers(invocation)[-1] == 5_001


def test_a_reader_that_was_cut_off_comes_back_and_misses_nothing() -> None:
    script, _ = flooding(3_000)
    with world(script) as given:
        invocation, seen = given.start(), list[int]()
        while not seen or seen[-1] <= 3_000:
            followed = invocation.follow(seen[-1] if seen else 0)
            seen += [event.number for event in next(followed)]
            followed.close()
        assert seen == list(range(1, 3_002))


def test_a_call_that_nobody_follows_is_ended_after_a_while() -> None:
    closed = threading.Event()

    def serve(connection: socket.socket) -> None:
        and_waiting(EVENTS, log("1"))(connection)
        closed.set()

    with world(serve, grace_seconds=1.0) as given:
        invocation = given.start()
        followed = invocation.follow(0)
        next(followed)
        assert not closed.wait(3)  # somebody follows it
        followed.close()
        assert closed.wait(30)
        assert last_error(invocation) == "Abandoned"


def test_what_is_over_is_forgotten() -> None:
    with world(sending(EVENTS, RESULT), kept_seconds=2.0) as given:
        invocation = given.start()
        assert numbers(given.streams.find("wrk_1", invocation.id)) == [1]

        def is_forgotten() -> bool:
            try:
                given.streams.find("wrk_1", invocation.id)
            except NotFound:
                return True
            return False

        assert eventually(is_forgotten)


def test_only_so_many_that_are_over_are_kept() -> None:
    thread, kept, all_of_them = LoopThread("test"), KeptInvocations(), list[LiveInvocation]()
    for n in range(1100):
        live = LiveInvocation(str(n), thread.loop)
        kept.add("wrk_1", live)
        live.end(None)
        kept.end("wrk_1", live)
        all_of_them.append(live)
    thread.close()
    with pytest.raises(NotFound):
        kept.get("wrk_1", "99")
    assert kept.get("wrk_1", "100") is all_of_them[100]


def test_a_call_whose_worker_has_not_answered_yet_ends_with_the_process() -> None:
    refused = list[Overloaded]()

    def start() -> None:
        with pytest.raises(Overloaded) as error:
            given.start()
        refused.append(error.value)

    with world(until_closed) as given:
        caller = threading.Thread(target=start)
        caller.start()
        eventually(lambda: given.server.requests)
        given.streams.close()
        caller.join(30)
        assert len(refused) == 1


def test_a_process_that_ends_cuts_its_streams() -> None:
    with world(and_waiting(EVENTS, log("1"))) as given:
        invocation = given.start()
        followed = invocation.follow(0)
        assert [event.number for event in next(followed)] == [1]
        given.streams.close()
        assert list(followed) == []
        assert given.endings == ["error"]
        with pytest.raises(Overloaded):
            given.start()
        given.streams.close()
