"""A server that answers every request and notes when it came, to count what clients ask of a remote."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Came:
    """A request, and when all of it had come."""

    at: float
    method: str
    path: str


@dataclass
class CountingServer:
    """Notes requests. Each number in `refuse_after` is a request that is refused, and silence asked for."""

    url: str = ""
    came: list[Came] = field(default_factory=list)
    refused: list[tuple[float, float]] = field(default_factory=list)
    """When silence was asked for, and until when."""
    refuse_after: list[int] = field(default_factory=list)
    silence_seconds: int = 3
    refusal: int = 403
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, method: str, path: str) -> bool:
        """Note a request; tell whether it is refused."""
        with self._lock:
            self.came.append(Came(time.monotonic(), method, path))
            is_due = bool(self.refuse_after) and len(self.came) >= self.refuse_after[0]
            if is_due:
                self.refuse_after.pop(0)
            return is_due

    def note_refused(self) -> None:
        now = time.monotonic()
        self.refused.append((now, now + self.silence_seconds))

    def writes(self) -> list[float]:
        return sorted(it.at for it in self.came if it.method != "GET")

    def early(self, under_way_seconds: float) -> int:
        """Count what came during a silence, but for what was under way when it was asked for."""
        return sum(begin + under_way_seconds < it.at < end for it in self.came for begin, end in self.refused)

    def most_within(self, seconds: float) -> int:
        """Return how many came within the busiest such time."""
        times, first, most = sorted(it.at for it in self.came), 0, 0
        for last, at in enumerate(times):
            while times[first] <= at - seconds:
                first += 1
            most = max(most, last - first + 1)
        return most


@contextmanager
def counting() -> Iterator[CountingServer]:
    """Serve on loopback until the block ends."""
    counted = CountingServer()
    handler = type("Handler", (_Handler,), {"counted": counted})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    counted.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield counted
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


class _Handler(BaseHTTPRequestHandler):
    counted: CountingServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def _handle(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.counted.note(self.command, self.path):
            headers = {"Retry-After": str(self.counted.silence_seconds)}
            body = {"message": "You have exceeded a secondary rate limit.", "success": False, "errors": []}
            self._send(self.counted.refusal, headers, body)
            return self.counted.note_refused()
        return self._send(200, {}, {"success": True, "result": {}, "id": 1})

    def _send(self, status: int, headers: dict[str, str], body: object) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _handle  # noqa: N815 - so http.server calls it

    def log_message(self, *_: object) -> None:
        """Stay silent."""
