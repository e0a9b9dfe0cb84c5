"""Trouble between us and an HTTP server: a proxy on loopback that fails chosen requests on purpose.

It reads each request whole before it passes it on, so it is no place to measure anything.
"""

import json
import os
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

_NOT_PASSED_ON = {"connection", "keep-alive", "transfer-encoding", "content-length", "content-encoding"}


class Fault(StrEnum):
    """What happens to a request."""

    DROPPED = "the connection ends in the middle of the request"
    UNANSWERED = "the request arrives and the connection ends before the answer"
    CUT = "the connection ends in the middle of the answer"
    RESET = "the connection is reset in the middle of the answer"
    SILENT = "the answer comes late"
    BROKEN = "500"
    BAD_GATEWAY = "502"
    SICK = "503"
    LIMITED = "429"
    FORBIDDEN = "403"
    ABSENT = "404"


_STATUSES = {Fault.BROKEN, Fault.BAD_GATEWAY, Fault.SICK, Fault.LIMITED, Fault.FORBIDDEN, Fault.ABSENT}
# GitHub's words for it, which tell a limit from a missing permission.
_FORBIDDEN = json.dumps({"message": "You have exceeded a secondary rate limit."}).encode()


@dataclass
class FaultyProxy:
    """Passes requests on to `upstream`; `faults` by method and the end of the path. `failed` tells them.

    `choose`, where it is given, says what happens instead of `faults`. Where an answer names `upstream`, it
    is made to name the proxy.
    """

    upstream: str
    url: str = ""
    retry_after: str = "7"
    silence: threading.Event = field(default_factory=threading.Event)
    silent_seconds: float = 10.0
    choose: Callable[[str, str], Fault | None] | None = None
    faults: dict[tuple[str, str], Fault] = field(default_factory=dict)
    failed: list[tuple[str, str]] = field(default_factory=list)

    def fault(self, method: str, path: str) -> Fault | None:
        if self.choose is not None:
            chosen = self.choose(method, path)
            self.failed += [(method, path)] * (chosen is not None)
            return chosen
        found = [fault for (verb, end), fault in self.faults.items() if verb == method and path.endswith(end)]
        self.failed += [(method, path)] * bool(found)
        return found[0] if found else None


@contextmanager
def faults_before(upstream: str) -> Iterator[FaultyProxy]:
    """Serve a proxy in front of an origin."""
    proxy = FaultyProxy(upstream)
    with httpx.Client(base_url=upstream, timeout=30, trust_env=False) as client:
        handler = type("Handler", (_Handler,), {"proxy": proxy, "client": client})
        with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
            proxy.url = f"http://127.0.0.1:{server.server_port}"
            thread = threading.Thread(target=server.serve_forever, args=(0.05,))
            thread.start()
            try:
                yield proxy
            finally:
                proxy.silence.set()
                server.shutdown()
                thread.join(10)


class _Handler(BaseHTTPRequestHandler):
    proxy: FaultyProxy
    client: httpx.Client
    protocol_version = "HTTP/1.1"

    def _pass_on(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        fault = self.proxy.fault(self.command, self.path.partition("?")[0])
        if fault is Fault.DROPPED:
            self.rfile.read(length // 2)
            return self._hang_up()
        body = self.rfile.read(length)
        if fault in _STATUSES:
            return self._refuse(fault)
        if fault is Fault.SILENT:
            self.proxy.silence.wait(self.proxy.silent_seconds)
        headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
        response = self.client.request(self.command, self.path, content=body, headers=headers)
        if fault is Fault.UNANSWERED:
            return self._hang_up()
        content = response.content.replace(self.proxy.upstream.encode(), self.proxy.url.encode())
        is_cut = fault in {Fault.CUT, Fault.RESET}
        self._answer(response.status_code, response.headers, content, is_cut=is_cut)
        if fault is Fault.RESET:
            # No lingering: what is closed is reset.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            os.close(self.connection.detach())
        return None

    def _refuse(self, fault: Fault) -> None:
        headers = {"Retry-After": self.proxy.retry_after} if fault is not Fault.ABSENT else {}
        if fault in {Fault.FORBIDDEN, Fault.ABSENT}:
            body = _FORBIDDEN if fault is Fault.FORBIDDEN else b'{"message": "Not Found"}'
            return self._answer(int(fault), {**headers, "Content-Type": "application/json"}, body)
        return self._answer(int(fault), headers, b"<html>not now</html>")

    def _answer(self, status: int, headers: Any, body: bytes, *, is_cut: bool = False) -> None:
        self.send_response(status)
        for name, value in headers.items():
            if name.lower() not in _NOT_PASSED_ON:
                self.send_header(name, value.replace(self.proxy.upstream, self.proxy.url))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if is_cut else body)
        if is_cut:
            self._hang_up()

    def _hang_up(self) -> None:
        self.close_connection = True

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _pass_on  # noqa: N815 - so http.server calls it

    def log_message(self, *_: object) -> None:
        """Stay silent."""
