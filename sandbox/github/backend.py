"""git's smart HTTP protocol, spoken by ``git http-backend`` run as a CGI program.

Bodies are streamed both ways. Who may read or write is decided before; what a push changed is looked at
after.
"""

from __future__ import annotations

import os
import subprocess
import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from sandbox.github.git import environment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CHUNK_BYTES = 64 * 1024
EXIT_SECONDS = 30.0
_SERVER_ERROR = 500


@dataclass(frozen=True)
class Question:
    """One request for the backend."""

    directory: Path
    path: str
    method: str
    query: str
    content_type: str
    content_encoding: str
    protocol: str
    user: str
    body: IO[bytes]

    def environment(self) -> dict[str, str]:
        """Return the CGI variables; without CONTENT_LENGTH the backend reads to the end of its input."""
        return environment() | {
            "GIT_PROJECT_ROOT": str(self.directory),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": self.path,
            "REQUEST_METHOD": self.method,
            "QUERY_STRING": self.query,
            "CONTENT_TYPE": self.content_type,
            "HTTP_CONTENT_ENCODING": self.content_encoding,
            "GIT_PROTOCOL": self.protocol,
            "REMOTE_USER": self.user,
            "REMOTE_ADDR": "127.0.0.1",
        }


class Answer:
    """The backend's status and headers, and its output while it is still being written."""

    def __init__(self, process: subprocess.Popen[bytes], feeder: threading.Thread) -> None:
        self._process = process
        self._feeder = feeder
        self.status, self.headers = _headers(_output(process))

    def chunks(self) -> Iterator[bytes]:
        """Yield the output as it comes."""
        output = _output(self._process)
        while chunk := os.read(output.fileno(), CHUNK_BYTES):
            yield chunk

    def finish(self) -> None:
        """Wait for the backend's end; may be called early (a closed pipe then tells it) and twice."""
        _output(self._process).close()
        try:
            self._process.wait(EXIT_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._feeder.join(EXIT_SECONDS)


def ask(question: Question) -> Answer:
    """Start the backend and feed it in a thread; return when its headers have come."""
    process = subprocess.Popen(
        ["git", "http-backend"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        bufsize=0,
        env=question.environment(),
    )
    feeder = threading.Thread(
        target=_feed, args=(question.body, process), daemon=True, name="git-http-backend"
    )
    feeder.start()
    return Answer(process, feeder)


def _output(process: subprocess.Popen[bytes]) -> IO[bytes]:
    assert process.stdout  # noqa: S101 - it was asked for as a pipe
    return process.stdout


def _feed(body: IO[bytes], process: subprocess.Popen[bytes]) -> None:
    assert process.stdin  # noqa: S101 - it was asked for as a pipe
    with suppress(OSError, ValueError), process.stdin as given:
        # An error means that the backend has seen enough or the visitor went away: its exit tells the rest.
        while chunk := body.read(CHUNK_BYTES):
            _write_all(given, chunk)


def _write_all(given: IO[bytes], chunk: bytes) -> None:
    rest = memoryview(chunk)
    while rest:
        rest = rest[given.write(rest) :]


def _headers(output: IO[bytes]) -> tuple[int, list[tuple[str, str]]]:
    status: int = 200
    headers: list[tuple[str, str]] = []
    for line in iter(output.readline, b""):
        name, _, value = line.decode("latin-1").strip().partition(": ")
        if not name:
            return status, headers
        if name.lower() == "status":
            status = int(value.split()[0])
        else:
            headers.append((name, value))
    return _SERVER_ERROR, [("Content-Type", "text/plain")]
