"""How routes call functions, whosever they are: answered as a worker does, or with events as they come."""

from collections.abc import Mapping
from contextlib import ExitStack
from typing import Final, Protocol

from flask import Response, request

from app.domain.invocations import number_of
from app.domain.rights import Act
from app.pipeline.invoke import invoke, stream
from app.ports import Call, Reply
from app.web.context import context
from app.web.guard import still
from app.web.invocation_events import events_response, opening
from app.web.invocation_forms import passed_on, read_payload

_HARMLESS: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


class Called(Protocol):
    """Whose functions can be called."""

    def call(self, function: str, payload: bytes, headers: Mapping[str, str]) -> Call:
        """Return a call of one of them."""


def answered(owner_id: str, called: Called, function: str, most_bytes: int) -> Response:
    """Call a function with the request's body, and answer as it does."""
    given = context().invoking
    with ExitStack() as opening_up:
        opening_up.enter_context(given.gate.entered(f"invoking {function}"))
        call = _call(owner_id, called, function, most_bytes)
        reply = opening_up.enter_context(invoke(owner_id, call, given.invoker))
        opened = opening_up.pop_all()
    return _passed_back(reply, opened)


def streamed(owner_id: str, called: Called, function: str, most_bytes: int, *, place: str) -> Response:
    """Call a function with the request's body, and answer with events; `place` is its owner's in our API."""
    given = context().invoking
    with ExitStack() as opening_up:
        opening_up.enter_context(given.gate.entered(f"invoking {function}"))
        started = stream(owner_id, _call(owner_id, called, function, most_bytes), given.invoker)
        if isinstance(started, Reply):
            return _passed_back(started, ExitStack())
        events = started.follow(0)
        opened = opening_up.pop_all()
    url = f"{context().platform.url}{place}/invocations/{started.id}/events"
    first = opening(started.id, function, url)
    return events_response(started.id, events, still(Act.INVOKE), opened, first)


def resumed(owner_id: str, invocation_id: str) -> Response:
    """Go on with an invocation's events behind `Last-Event-ID`, or with the first that is kept."""
    given = context().invoking
    found = given.invoker.streams.find(owner_id, invocation_id)
    last = request.headers.get("Last-Event-ID")
    with ExitStack() as opening_up:
        opening_up.enter_context(given.gate.entered("reading events"))
        events = found.follow(number_of(found.id, last) if last else None)
        opened = opening_up.pop_all()
    return events_response(found.id, events, still(Act.INVOKE), opened)


def _call(owner_id: str, called: Called, function: str, most_bytes: int) -> Call:
    """Return the call that the request asks for, when its owner's may be called once more."""
    context().invoking.rates.take(owner_id)
    return called.call(function, read_payload(most_bytes), passed_on())


def _passed_back(reply: Reply, opened: ExitStack) -> Response:
    """Return a worker's reply as ours; what was opened for it is closed when it is sent."""
    answer = Response(reply.body, reply.status, reply.headers, content_type="application/json")
    answer.headers.update(_HARMLESS)
    answer.call_on_close(opened.close)
    return answer
