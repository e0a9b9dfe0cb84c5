"""Events of an invocation as a response: written as they come, with comments in between that keep it open."""

import json
from collections.abc import Generator, Sequence
from contextlib import ExitStack

from flask import Response

from app.domain.invocations import Emitted, event_id
from app.ports.invocations import INVOCATION_ID
from app.web.event_stream import HEARTBEAT, message, streamed

Events = Generator[Sequence[Emitted], None, None]


def opening(invocation_id: str, function: str, events_url: str) -> bytes:
    """Return the event by which every stream begins: which invocation it is, and where it can be read on."""
    data = json.dumps({"invocation": invocation_id, "function": function, "eventsUrl": events_url})
    return _text(invocation_id, [Emitted(0, "invocation", data)])


def events_response(invocation_id: str, events: Events, opened: ExitStack, first: bytes = b"") -> Response:
    """Return events as a response that begins with `first`; what was opened for it is closed with it."""
    return streamed(_written(invocation_id, events, first), opened, {INVOCATION_ID: invocation_id})


def _written(invocation_id: str, events: Events, first: bytes) -> Generator[bytes, None, None]:
    try:
        if first:
            yield first
        for some in events:
            yield _text(invocation_id, some) if some else HEARTBEAT
    finally:
        events.close()


def _text(invocation_id: str, events: Sequence[Emitted]) -> bytes:
    return b"".join(message(it.data, event_id(invocation_id, it.number), it.name) for it in events)
