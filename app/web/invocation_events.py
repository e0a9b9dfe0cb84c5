"""Events of an invocation as a response: written as they come, with comments in between that keep it open."""

import json
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, suppress
from typing import Final

from flask import Response

from app.domain.invocations import Emitted, event_id
from app.errors import RemoteUnavailable, UserError
from app.ports.invocations import INVOCATION_ID
from app.web.event_stream import HEARTBEAT, message, streamed

Events = Generator[Sequence[Emitted], None, None]
_LOOK_SECONDS: Final = 45.0


def opening(invocation_id: str, function: str, events_url: str) -> bytes:
    """Return the event by which every stream begins: which invocation it is, and where it can be read on."""
    data = json.dumps({"invocation": invocation_id, "function": function, "eventsUrl": events_url})
    return _text(invocation_id, [Emitted(0, "invocation", data)])


def events_response(
    invocation_id: str, events: Events, look: Callable[[], None], opened: ExitStack, first: bytes = b""
) -> Response:
    """Return events as a response that begins with `first`; what was opened for it is closed with it.

    `look` raises what their reader would be refused with by now: about each minute it is asked.
    """
    parts = _written(invocation_id, events, look, first)
    return streamed(parts, opened, {INVOCATION_ID: invocation_id})


def _written(
    invocation_id: str, events: Events, look: Callable[[], None], first: bytes
) -> Generator[bytes, None, None]:
    try:
        if first:
            yield first
        for some in _allowed(events, look):
            yield _text(invocation_id, some) if some else HEARTBEAT
    finally:
        events.close()


def _allowed(events: Events, look: Callable[[], None]) -> Events:
    """Yield events for as long as their reader may have them; one that comes back is told why not."""
    looked_at = time.monotonic()
    for some in events:
        if time.monotonic() - looked_at >= _LOOK_SECONDS:
            try:
                with suppress(RemoteUnavailable):  # what could not be seen is no refusal, and calls end soon
                    look()
            except UserError:
                return
            looked_at = time.monotonic()
        yield some


def _text(invocation_id: str, events: Sequence[Emitted]) -> bytes:
    return b"".join(message(it.data, event_id(invocation_id, it.number), it.name) for it in events)
