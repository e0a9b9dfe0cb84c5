"""Events of an invocation as a response: written as they come, with comments in between that keep it open.

https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

import json
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack
from typing import Final

from flask import Response

from app.domain.invocations import Emitted, event_id
from app.ports.invocations import INVOCATION_ID

MIMETYPE: Final = "text/event-stream"
# A proxy that gathers or compresses would hold events back.
_HEADERS: Final = {
    "Cache-Control": "no-store, no-transform",
    "X-Accel-Buffering": "no",
    "X-Content-Type-Options": "nosniff",
}
_HEARTBEAT: Final = b": heartbeat\n\n"

Events = Generator[Sequence[Emitted], None, None]


def opening(invocation_id: str, function: str, events_url: str) -> bytes:
    """Return the event by which every stream begins: which invocation it is, and where it can be read on."""
    data = json.dumps({"invocation": invocation_id, "function": function, "eventsUrl": events_url})
    return _text(invocation_id, [Emitted(0, "invocation", data)])


def events_response(invocation_id: str, events: Events, opened: ExitStack, first: bytes = b"") -> Response:
    """Return events as a response that begins with `first`; what was opened for it is closed with it."""
    answer = Response(_written(invocation_id, events, first), content_type=MIMETYPE)
    answer.headers.update({**_HEADERS, INVOCATION_ID: invocation_id})
    answer.call_on_close(opened.close)
    return answer


def _written(invocation_id: str, events: Events, first: bytes) -> Iterator[bytes]:
    try:
        if first:
            yield first
        for some in events:
            yield _text(invocation_id, some) if some else _HEARTBEAT
    finally:
        events.close()


def _text(invocation_id: str, events: Sequence[Emitted]) -> bytes:
    lines = (
        f"event: {event.name}\nid: {event_id(invocation_id, event.number)}\ndata: {event.data}\n\n"
        for event in events
    )
    return "".join(lines).encode("utf-8", "replace")
