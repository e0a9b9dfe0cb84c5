"""Patience: how long a client may take to say what it wants.

Whoever trickles a request holds a thread for as long as he likes, however little each single read waits. So
a socket that is being read is noted with the moment by which all has to be there, and one thread ends the
reading of those that are late: to their readers the client has gone.
"""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

# As long as GitHub waits for an answer.
READING_SECONDS: Final = 10.0
_LOOK_SECONDS: Final = 1.0


class Patience:
    """Notes sockets that are being read, and ends the reading of those that take longer than `seconds`."""

    def __init__(self, seconds: float = READING_SECONDS, *, look_seconds: float = _LOOK_SECONDS) -> None:
        self._seconds = seconds
        self._look_seconds = look_seconds
        self._lock = threading.Lock()
        self._until = dict[socket.socket, float]()
        self._is_looking = False

    def begin(self, client: socket.socket | None) -> None:
        """Begin to wait for a client; one that no server gave us is left alone."""
        if client is None:
            return
        with self._lock:
            self._until[client] = time.monotonic() + self._seconds
            is_first, self._is_looking = not self._is_looking, True
        if is_first:  # and not earlier: a server forks before it serves
            threading.Thread(target=self._look, name="branchline-patience", daemon=True).start()

    def end(self, client: socket.socket | None) -> None:
        """Stop waiting: all is there, or nobody wants it any more."""
        if client is not None:
            with self._lock:
                self._until.pop(client, None)

    @contextmanager
    def of(self, client: socket.socket | None) -> Iterator[None]:
        """Wait for a client until the block ends."""
        self.begin(client)
        try:
            yield
        finally:
            self.end(client)

    def _look(self) -> None:
        while True:
            time.sleep(self._look_seconds)
            now = time.monotonic()
            with self._lock:
                late = [client for client, until in self._until.items() if until < now]
                for client in late:
                    del self._until[client]
            for client in late:
                with suppress(OSError):  # it went by itself
                    client.shutdown(socket.SHUT_RD)


# Of this process: its server begins to wait, and its application takes over.
READING: Final = Patience()
