"""Bodies of requests as they come: bounded in bytes and in time, whatever the sender says or does.

gunicorn waits for the next byte for as long as the sender likes. A body therefore has a time by which it has
to be there; then the connection is closed for reading, which wakes the thread that waits for it.
"""

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Event, Timer
from typing import Final

from flask import request
from werkzeug.exceptions import ClientDisconnected, RequestTimeout

from app.errors import TooLarge
from app.web.gateway.context import context

# What gunicorn takes from the connection at once; of less it copies the rest for each piece.
_PIECE_BYTES: Final = 1024 * 1024


@contextmanager
def reading(limit_bytes: int) -> Iterator[Iterator[bytes]]:
    """Give the body of this request piece by piece.

    Raises:
        TooLarge: it says that it is longer than `limit_bytes`, or turns out to be.
        ClientDisconnected: it ended before its end.
        RequestTimeout: it did not come in time.
    """
    if (request.content_length or 0) > limit_bytes:
        raise _too_large(limit_bytes)
    is_late = Event()
    watch = Timer(context().body_seconds, _cut_off, [is_late, request.environ.get("gunicorn.socket")])
    watch.daemon = True
    watch.start()
    try:
        yield _pieces(limit_bytes, is_late)
    finally:
        watch.cancel()


def whole(limit_bytes: int) -> bytes:
    """Return the body of this request; for what is small.

    Raises:
        TooLarge, ClientDisconnected, RequestTimeout: as `reading`.
    """
    with reading(limit_bytes) as body:
        return b"".join(body)


def _pieces(limit_bytes: int, is_late: Event) -> Iterator[bytes]:
    left = limit_bytes
    while piece := _next_piece(is_late):
        left -= len(piece)
        if left < 0:
            raise _too_large(limit_bytes)
        yield piece


def _next_piece(is_late: Event) -> bytes:
    try:
        piece = request.stream.read(_PIECE_BYTES)
    except Exception as error:
        # Each server has errors of its own for a body that breaks off.
        if is_late.is_set():
            raise RequestTimeout from error
        raise ClientDisconnected from error
    if is_late.is_set():
        raise RequestTimeout
    return piece


def _cut_off(is_late: Event, connection: socket.socket | None) -> None:
    is_late.set()
    if connection is not None:
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RD)


def _too_large(limit_bytes: int) -> TooLarge:
    return TooLarge(f"uploading: the request is larger than {limit_bytes} bytes", code="upload:too-large")
