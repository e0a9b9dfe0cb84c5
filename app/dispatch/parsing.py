"""Server-sent events, read as they come in pieces; without I/O.

It reads what our runtime writes: lines that end in LF, and events of three names with one line of data each.
Comments and ids are passed over: events get numbers of our own.
https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from collections.abc import Sequence
from typing import Final

from app.domain.invocations import ENDINGS

MOST_EVENT_BYTES: Final = 1024 * 1024
_NAMES: Final = frozenset({"log"}) | ENDINGS


class EventTooLarge(ValueError):
    """One event is longer than may be kept."""


class EventParser:
    """Takes bytes in pieces of any size."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, piece: bytes) -> Sequence[tuple[str, str]]:
        """Return name and data of each event that ends in this piece.

        Raises:
            EventTooLarge: the one that is coming is longer than may be.
        """
        *blocks, self._rest = (self._rest + piece).split(b"\n\n")
        if len(self._rest) > MOST_EVENT_BYTES:
            raise EventTooLarge(f"an event has more than {MOST_EVENT_BYTES} bytes")
        return [event for block in blocks if (event := _event(block))]


def _event(block: bytes) -> tuple[str, str] | None:
    name, data = "", None
    for line in block.decode(errors="replace").split("\n"):
        field, _, value = line.partition(": ")
        if field == "event":
            name = value
        elif field == "data":
            data = value.replace("\r", "")  # to many readers it ends a line
    return (name, data) if name in _NAMES and data is not None else None
