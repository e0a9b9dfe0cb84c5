"""A dispatch worker that does on its connection what a test says: a server of raw sockets."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Script = Callable[[socket.socket], None]

EVENTS = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n: open\n\n"
RESULT = b'event: result\ndata: {"success":true,"result":1,"duration":1}\n\n'


def answer(body: bytes, status: str = "200 OK", content_type: str = "application/json") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def log(text: str) -> bytes:
    return f'event: log\nid: x\ndata: {{"message": "{text}"}}\n\n'.encode()


class Upstream:
    """Counts the requests that it got; each is handed to `script`."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.requests = list[bytes]()
        self.origin = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._open = list[socket.socket]()
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self._open.append(connection)
                self._threads.append(threading.Thread(target=self._serve, args=(connection,)))
                self._threads[-1].start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            # What is left unread when a connection is closed makes its other end lose what it has not read.
            self.requests.append(_request(connection))
            self._script(connection)


def _request(connection: socket.socket) -> bytes:
    request = b""
    while not _is_whole(request):
        request += connection.recv(65536) or _end()
    return request


def _is_whole(request: bytes) -> bool:
    head, separator, body = request.partition(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
    return bool(separator) and len(body) >= int(length[1] if length else 0)


def _end() -> bytes:
    raise ConnectionError


@contextmanager
def upstream(script: Script) -> Iterator[Upstream]:
    """Serve until the block ends."""
    server = Upstream(script)
    try:
        yield server
    finally:
        server.close()


def until_closed(connection: socket.socket) -> None:
    """Wait until the other side is gone."""
    while connection.recv(65536):
        pass
