"""Drives a sandbox from outside: a process of its own, over HTTP."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import httpx

from sandbox.ports import free_port

ROOT = Path(__file__).parents[3]
TOOLS = Path(os.environ.get("BRANCHLINE_TOOLS", ROOT / ".sandbox/tools"))
ACCOUNT = "0123456789abcdef0123456789abcdef"
TOKEN = "test-token-of-the-sandbox"
PRODUCTION, STAGING, PREVIEW = "test-production", "test-staging", "test-preview"
UNTRUSTED = "test-untrusted"
DATE = "2026-10-01"


T = TypeVar("T")


def eventually(look: Callable[[], T], timeout: float = 60.0) -> T:
    """Return what `look` returns once it is true; at the end of the time, fail with all it returned."""
    history: list[object] = []
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        if found := look():
            return found
        history.append(found)
        time.sleep(0.02)
    raise AssertionError(f"not within {timeout} seconds; the last answers were {history[-5:]}")


class Sandbox:
    """A running `python -m sandbox.cloudflare`."""

    def __init__(self, directory: Path, *flags: str) -> None:
        self.directory = directory
        self._flags = flags
        self._ports: tuple[str, str] = (str(free_port()), "0")

    def start(self) -> None:
        """Start on the same ports as before, if there was a before."""
        bindings = {
            "PRODUCTION": PRODUCTION,
            "STAGING": STAGING,
            "PREVIEW": PREVIEW,
            "UNTRUSTED": UNTRUSTED,
        }
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "sandbox.cloudflare", "--directory", self.directory),
                *("--port", self._ports[0], "--dispatch-port", self._ports[1]),
                *("--account-id", ACCOUNT, "--token-env", "SANDBOX_TOKEN"),
                *(f"--binding=NAMESPACE_{name}={namespace}" for name, namespace in bindings.items()),
                *self._flags,
            ],
            cwd=ROOT,
            env={**os.environ, "SANDBOX_TOKEN": TOKEN, "BRANCHLINE_TOOLS": str(TOOLS)},
            stdout=subprocess.PIPE,
            text=True,
        )
        self.http = httpx.Client(timeout=60, trust_env=False)
        assert self.process.stdout
        line = self.process.stdout.readline()
        match = re.fullmatch(r"listening on (http://127\.0\.0\.1:(\d+))\n", line)
        assert match, line
        self.url = match[1]
        page = self.http.get(self.url + "/").text
        found = re.search(r"http://127\.0\.0\.1:(\d+)/", page)
        assert found
        self.dispatch_url = f"http://127.0.0.1:{found[1]}"
        self._ports = (match[2], found[1])

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """End the process and return its status."""
        self.process.send_signal(how)
        self.http.close()
        status = self.process.wait(60)
        assert self.process.stdout
        self.process.stdout.close()
        return status

    @property
    def api(self) -> str:
        return self.url + "/client/v4"

    @property
    def apps_domain(self) -> str:
        return f"apps.localhost:{self._ports[1]}"

    def call(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Call the API; the path is below the account unless it starts with //."""
        headers = {"authorization": f"Bearer {TOKEN}", **options.pop("headers", {})}
        base = f"{self.api}{path[1:]}" if path.startswith("//") else f"{self.api}/accounts/{ACCOUNT}{path}"
        return self.http.request(method, base, headers=headers, **options)

    def result(self, method: str, path: str, **options: Any) -> Any:
        """Call the API and return the result of a success."""
        response = self.call(method, path, **options)
        assert response.json()["success"], response.text
        return response.json()["result"]

    def put(self, name: str, code: str, namespace: str = PRODUCTION, **metadata: Any) -> httpx.Response:
        """Upload a script of one module."""
        described = {"main_module": "index.js", "compatibility_date": DATE, **metadata}
        parts = {
            "metadata": (None, json.dumps(described), "application/json"),
            "index.js": ("index.js", code, "application/javascript+module"),
        }
        return self.call("PUT", script_path(name, namespace), files=parts)

    def upload(self, name: str, code: str, namespace: str = PRODUCTION, **metadata: Any) -> dict[str, Any]:
        """Upload a script of one module, which must succeed."""
        response = self.put(name, code, namespace, **metadata)
        assert response.status_code == 200, response.text
        result: dict[str, Any] = response.json()["result"]
        return result

    def visit(self, script: str, path: str = "/", method: str = "GET", **options: Any) -> httpx.Response:
        """Ask a script by its path address."""
        return self.http.request(method, f"{self.dispatch_url}/app/{script}{path}", **options)

    def visit_host(self, script: str, path: str = "/", method: str = "GET", **options: Any) -> httpx.Response:
        """Ask a script by its own host name."""
        headers = {"host": f"{script}.{self.apps_domain}", **options.pop("headers", {})}
        return self.http.request(method, self.dispatch_url + path, headers=headers, **options)


def script_path(name: str, namespace: str = PRODUCTION) -> str:
    return f"/workers/dispatch/namespaces/{namespace}/scripts/{name}"


def answering(text: str) -> str:
    """Return the code of a script that answers with a text."""
    return f"export default {{ fetch() {{ return new Response({text!r}); }} }};"


def refusal(response: httpx.Response) -> tuple[int, int]:
    """Return status and code of a refusal, having checked its envelope."""
    body = response.json()
    assert set(body) == {"success", "errors", "messages", "result"}
    assert (body["success"], body["messages"], body["result"]) == (False, [], None)
    assert isinstance(body["errors"][0]["message"], str)
    return response.status_code, body["errors"][0]["code"]
