"""Server-sent events: how every stream of ours is written, whatever it tells of.

https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from collections.abc import Generator, Iterator, Mapping
from contextlib import ExitStack
from typing import Any, Final

from flask import Response

MIMETYPE: Final = "text/event-stream"
# What the description of a route says of such an answer.
DESCRIBED: Final[dict[str, Any]] = {
    "description": "The events, as they come",
    "content": {MIMETYPE: {"schema": {"type": "string"}}},
}
HEARTBEAT: Final = b": heartbeat\n\n"
# A proxy that gathers or compresses would hold events back.
_HEADERS: Final = {
    "Cache-Control": "no-store, no-transform",
    "X-Accel-Buffering": "no",
    "X-Content-Type-Options": "nosniff",
}


def message(data: str, place: str, name: str | None = None) -> bytes:
    """Return one event; `data` is one line, and `place` what its reader comes back with."""
    kind = f"event: {name}\n" if name else ""
    return f"{kind}id: {place}\ndata: {data}\n\n".encode("utf-8", "replace")


def passed(place: str) -> bytes:
    """Return a heartbeat that says how far its reader is, although there was nothing for it."""
    return f": heartbeat\nid: {place}\n\n".encode()


def retry_after(seconds: float) -> bytes:
    """Return how long a reader is to wait before it comes back."""
    return f"retry: {int(seconds * 1000)}\n".encode()


def streamed(
    parts: Generator[bytes, None, None], opened: ExitStack, headers: Mapping[str, str] | None = None
) -> Response:
    """Return parts as a response, each written as it comes; what was opened for it is closed with it."""
    answer = Response(_written(parts), content_type=MIMETYPE)
    answer.headers.update({**_HEADERS, **(headers or {})})
    answer.call_on_close(opened.close)
    return answer


def _written(parts: Generator[bytes, None, None]) -> Iterator[bytes]:
    try:
        yield from parts
    finally:
        parts.close()
