"""Workers of functions on a real workerd, as they are uploaded: an author's module, our runtime, a main.

They run behind the dispatch worker, in the one process of a sandbox, each under a script of its own.
"""

from __future__ import annotations

import hashlib
import json
import socket
import struct
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from tests.contract.sandbox_cloudflare.driver import PRODUCTION, Sandbox, script_path

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCE = Path(__file__).parents[3] / "functions_runtime" / "src"
MAIN = """\
import { createHandler } from "./functions_runtime/index.js";
import * as functions from "./functions.js";
export default createHandler(functions, OPTIONS);
"""
DATE = "2026-11-01"
FLAGS = ["enable_request_signal"]
EVENTS = {"accept": "text/event-stream"}


@dataclass(frozen=True)
class Event:
    """One server-sent event, and when it came."""

    name: str
    id: str
    data: Any
    at: float


@dataclass(frozen=True)
class Worker:
    """An uploaded module of functions."""

    sandbox: Sandbox
    script: str

    @property
    def url(self) -> str:
        return f"{self.sandbox.dispatch_url}/app/{self.script}"

    def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        return self.sandbox.http.request(method, self.url + path, **options)

    def invoke(self, function: str, payload: Any = None, **options: Any) -> httpx.Response:
        """Call a function; None sends no body."""
        content = {} if payload is None else {"json": payload}
        return self.ask("POST", f"/api/invoke/{function}", **content, **options)

    def result(self, function: str, payload: Any = None) -> Any:
        """Return the result of a call that must succeed."""
        response = self.invoke(function, payload)
        assert response.status_code == 200, response.text
        return response.json()["result"]

    def error(self, function: str, payload: Any = None, status: int = 500) -> dict[str, str]:
        """Return the error of a call that must fail."""
        response = self.invoke(function, payload)
        assert response.status_code == status, response.text
        error: dict[str, str] = response.json()["error"]
        return error

    def logs(self, function: str, payload: Any = None) -> list[dict[str, str]]:
        logs: list[dict[str, str]] = self.invoke(function, payload).json()["logs"]
        return logs

    def messages(self, function: str, payload: Any = None) -> list[str]:
        return [line["message"] for line in self.logs(function, payload)]

    @contextmanager
    def stream(self, function: str, payload: Any = None) -> Iterator[httpx.Response]:
        """Call a function for its events, and leave them to be read."""
        url = f"{self.url}/api/invoke/{function}"
        with (
            httpx.Client(timeout=60, trust_env=False) as client,
            client.stream("POST", url, json=payload, headers=EVENTS) as response,
        ):
            yield response

    def events(self, function: str, payload: Any = None) -> list[Event]:
        """Call a function and read its events to their end."""
        with self.stream(function, payload) as response:
            assert response.headers["content-type"] == "text/event-stream", response.read()
            return list(read_events(response))


def read_events(response: httpx.Response) -> Iterator[Event]:
    """Yield events as they come; comments are passed over."""
    fields: dict[str, str] = {}
    for line in response.iter_lines():
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
        elif fields.keys() != {""}:
            yield Event(fields["event"], fields["id"], json.loads(fields["data"]), time.time())
        if not line:
            fields = {}


def reset_when_closed(connection: socket.socket) -> None:
    """Let a connection end without a farewell: its other end learns of it at once, as of a crash."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def connection_of(response: httpx.Response) -> socket.socket:
    connection: socket.socket = response.extensions["network_stream"].get_extra_info("socket")
    return connection


def upload(
    sandbox: Sandbox,
    code: str,
    *,
    main: str = MAIN,
    bindings: list[dict[str, str]] | None = None,
    **options: Any,
) -> tuple[str, httpx.Response]:
    """Upload a module of functions with the runtime; the same one twice is one script."""
    main = main.replace("OPTIONS", json.dumps(options))
    name = "f" + hashlib.sha256(json.dumps([code, main, bindings]).encode()).hexdigest()[:20]
    modules = {"main.js": main, "functions.js": code}
    modules |= {f"functions_runtime/{path.name}": path.read_text() for path in sorted(SOURCE.glob("*.js"))}
    metadata = {
        "main_module": "main.js",
        "compatibility_date": DATE,
        "compatibility_flags": FLAGS,
        "bindings": bindings or [],
    }
    parts: list[Any] = [("metadata", (None, json.dumps(metadata), "application/json"))]
    parts += [(path, (path, text, "application/javascript+module")) for path, text in modules.items()]
    return name, sandbox.call("PUT", script_path(name, PRODUCTION), files=parts)


def deploy(sandbox: Sandbox, code: str, **options: Any) -> Worker:
    """Upload a module that must start."""
    name, response = upload(sandbox, code, **options)
    assert response.status_code == 200, response.text
    return Worker(sandbox, name)
