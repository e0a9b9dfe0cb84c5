"""A control plane that knows only what became of addresses, and keeps who asked."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

ADDRESSES = "/addresses/"


@dataclass
class ControlPlane:
    """Answers `told[script]`, after `silence` was ended where there is one."""

    url: str = ""
    told: dict[str, Any] = field(default_factory=dict)
    statuses: dict[str, int] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    silent: set[str] = field(default_factory=set)
    end_of_silence: threading.Event = field(default_factory=threading.Event)

    def count(self, script: str) -> int:
        """Count the questions about a script."""
        return sum(path == ADDRESSES + script for path, _ in self.asked)

    def answer(self, path: str) -> tuple[int, bytes]:
        script = path.removeprefix(ADDRESSES)
        if script in self.silent:
            self.end_of_silence.wait(30)
        told = self.told.get(script, {"state": "unknown", "expiredAt": None})
        body = told if isinstance(told, bytes) else json.dumps(told).encode()
        return self.statuses.get(script, 200), body


@contextmanager
def serving() -> Iterator[ControlPlane]:
    """Serve on loopback."""
    plane = ControlPlane()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            plane.asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
            status, body = plane.answer(self.path)
            self.send_response(status)
            self.send_header("Location", plane.url + ADDRESSES + "elsewhere")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Stay silent."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        plane.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield plane
        finally:
            plane.end_of_silence.set()
            server.shutdown()
            thread.join(10)
