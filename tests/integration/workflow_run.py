"""One run of an app's workflow, as Actions runs it: a process per step, and a control plane that records."""

from __future__ import annotations

import json
import os
import re
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.node import node_directory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

REPOSITORY = Path(__file__).parents[2]
SCRIPT = REPOSITORY / "actions_templates" / "deploy.mjs"
SECRET = json.loads((REPOSITORY / "tests/payloads/standard_webhooks.json").read_text())["secret"]
GRANT = "grant-of-this-deployment"
RUNNER_TOKEN = "runner-token-of-this-job"
PROOFS = {"BRANCHLINE_SECRET", "ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"}

ENDLESS_WRANGLER = """#!/usr/bin/env node
require("fs").writeFileSync("pid", String(process.pid));
setInterval(() => {}, 1000);
"""


class Recorder(ThreadingHTTPServer):
    """A control plane, a Cloudflare and GitHub's maker of tokens: keeps what it is asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), RecordingHandler)
        self.requests: list[tuple[str, str, Any]] = []
        self.proofs: list[str | None] = []
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.starts: list[tuple[int, dict[str, Any]]] = [(200, self.allowed())]
        self.end = {
            "deployment": "dpl_1",
            "url": "http://preview.test",
            "alternateUrl": "http://test/app/preview",
            "immutableUrl": "http://preview-1.test",
            "live": True,
        }

    def allowed(self) -> dict[str, Any]:
        return {
            "deploy": True,
            "deployment": "dpl_1",
            "environment": "preview",
            "namespace": "branchline-dev-preview",
            "script": "preview-pr7-abcd1234",
            "tags": ["app-1", "env-preview"],
            "url": "http://preview.test",
            "alternateUrl": "http://test/app/preview",
            "immutableUrl": "http://preview-1.test",
            "goesLive": True,
            "cloudflare": {"apiBaseUrl": f"{self.url}/client/v4", "accountId": "acc", "apiToken": GRANT},
        }

    def allowed_by_itself(self) -> dict[str, Any]:
        """Return the plan of a run that uploads to Cloudflare by itself."""
        cloudflare = {"apiBaseUrl": f"{self.url}/client/v4", "accountId": "acc"}
        return self.allowed() | {"cloudflare": cloudflare, "variables": {"BRANCHLINE_COMMIT": "c" * 40}}

    def answer(self, method: str, path: str, body: Any) -> tuple[int, dict[str, Any]]:
        self.requests.append((method, path, body))
        if path == "/api/deployments":
            return self.starts.pop(0) if len(self.starts) > 1 else self.starts[0]
        return 200, self.end if path == "/webhooks/deployments" else {"success": True, "result": body}

    def token(self, path: str, authorization: str | None) -> dict[str, Any]:
        self.requests.append(("GET", path, authorization))
        made = sum(1 for method, _, _ in self.requests if method == "GET")
        return {"count": 1, "value": f"token-of-github-{made}"}

    @property
    def starts_asked(self) -> list[dict[str, Any]]:
        return [body for _, path, body in self.requests if path == "/api/deployments"]

    @property
    def ends_told(self) -> list[dict[str, Any]]:
        return [body for _, path, body in self.requests if path == "/webhooks/deployments"]


class RecordingHandler(BaseHTTPRequestHandler):
    server: Recorder

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.proofs.append(self.headers["authorization"] or self.headers["webhook-signature"])
        self.respond(*self.server.answer(self.command, self.path, body))

    do_PUT = do_POST  # noqa: N815 - the base class names it

    def do_GET(self) -> None:
        self.respond(200, self.server.token(self.path, self.headers["authorization"]))

    def respond(self, status: int, answer: dict[str, Any]) -> None:
        payload = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(payload)))
        if status == 409:
            self.send_header("retry-after", "1")
        self.end_headers()
        self.wfile.write(payload)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it
        pass


class Run:
    """One workflow run in a little app; `step` does one phase in a process of its own."""

    def __init__(self, directory: Path, url: str) -> None:
        self.app = directory / "app"
        self.app.mkdir()
        self.summary = directory / "summary.md"
        self.event: dict[str, Any] = {"repository": {"id": 123}}
        self.node = node_directory(directory / "bin") / "node"
        self.env = runner_environment(directory, url) | {"GITHUB_STEP_SUMMARY": str(self.summary)}
        self.write_package(build="node -e 0")

    def write_package(self, build: str) -> None:
        package = {"name": "app", "version": "1.0.0", "scripts": {"build": build}}
        lock = {
            "name": "app",
            "version": "1.0.0",
            "lockfileVersion": 3,
            "requires": True,
            "packages": {"": {}},
        }
        (self.app / "package.json").write_text(json.dumps(package))
        (self.app / "package-lock.json").write_text(json.dumps(lock))

    def write_wrangler(self, source: str) -> None:
        program = self.app / "node_modules/.bin/wrangler"
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_text(source)
        program.chmod(0o755)

    def start(self, phase: str, **env: str) -> subprocess.Popen[str]:
        Path(self.env["GITHUB_EVENT_PATH"]).write_text(json.dumps(self.event))
        return subprocess.Popen(
            [self.node, SCRIPT, phase],
            cwd=self.app,
            env=self.env | env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def step(self, phase: str, **env: str) -> tuple[int, str]:
        process = self.start(phase, **env)
        output, _ = process.communicate(timeout=60)
        assert not {SECRET, RUNNER_TOKEN} & set(re.split(r"[\s:]", output))
        return process.returncode, output


def runner_environment(directory: Path, url: str) -> dict[str, str]:
    return {
        "PATH": f"{directory}/bin:{os.environ['PATH']}",
        "HOME": str(directory),
        "RUNNER_TEMP": str(directory),
        "GITHUB_EVENT_PATH": str(directory / "event.json"),
        "GITHUB_REPOSITORY": "acme/hello",
        "GITHUB_REPOSITORY_ID": "123",
        "GITHUB_EVENT_NAME": "push",
        "GITHUB_REF": "refs/heads/blue",
        "GITHUB_REF_NAME": "blue",
        "GITHUB_SHA": "c" * 40,
        "GITHUB_SERVER_URL": "http://github.test",
        "GITHUB_RUN_ID": "1",
        "GITHUB_RUN_NUMBER": "1",
        "BRANCHLINE_URL": url,
        "ACTIONS_ID_TOKEN_REQUEST_URL": f"{url}/token?api-version=2.0",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": RUNNER_TOKEN,
    }


def wait_until(condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "condition never came true"
        time.sleep(0.02)


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    server = Recorder()
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def run(tmp_path: Path, recorder: Recorder) -> Run:
    return Run(tmp_path, recorder.url)
