"""Web processes as they are run, without jobs beside them, and senders who deliver to them as GitHub does."""

import hashlib
import hmac
import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import psutil

from sandbox.ports import free_port

ROOT = Path(__file__).parents[2]
REPOSITORY_ID = 7001
SECRET = "canary-webhook-secret-of-faults"
SETTINGS = {
    "BRANCHLINE_URL": "https://branchline.test",
    "BRANCHLINE_SECRET_KEY": "canary-secret-key-of-32-characters",
    "BRANCHLINE_API_TOKEN": "canary-api-token-of-faults",
    "GITHUB_API_URL": "http://127.0.0.1:9",
    "GITHUB_TOKEN": "canary-github-token",
    "GITHUB_WEBHOOK_SECRET": SECRET,
    "GITHUB_ORG": "acme",
    "GITHUB_TEMPLATE_REPO": "acme/template",
    "CLOUDFLARE_API_URL": "http://127.0.0.1:9",
    "CLOUDFLARE_ACCOUNT_ID": "account",
    "CLOUDFLARE_API_TOKEN": "canary-cloudflare-token",
    "WFP_DISPATCH_DOMAIN": "dispatch.test",
    "APPS_DOMAIN": "apps.test",
}
SENDERS = 16
_START_SECONDS = 60


@dataclass
class Receivers:
    """Two web processes behind one port. Whoever ends them says when they begin again."""

    database_url: str
    log: Path
    port: int = field(default_factory=free_port)
    processes: int = 2
    server: subprocess.Popen[bytes] | None = None

    @property
    def environ(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        bundles = str(self.log.parent / "bundles")
        return {**kept, **SETTINGS, "DATABASE_URL": self.database_url, "BRANCHLINE_BUNDLES": bundles}

    def start(self) -> None:
        options = ["serve", "--no-jobs", f"--port={self.port}", f"--workers={self.processes}"]
        with self.log.open("ab") as log:
            self.server = subprocess.Popen(
                [sys.executable, "-P", "-m", "app", *options], cwd=ROOT, env=self.environ, stderr=log
            )
        deadline = time.monotonic() + _START_SECONDS
        while len(self.workers()) < self.processes or not self._answers():
            is_living = self.server.poll() is None and time.monotonic() < deadline
            assert is_living, self.log.read_text()
            time.sleep(0.05)

    def workers(self) -> list[psutil.Process]:
        assert self.server is not None
        return psutil.Process(self.server.pid).children()

    def kill(self, *, everything: bool) -> None:
        """Kill one web process, which is begun again by the server's first, or all of them and that."""
        assert self.server is not None
        victims = self.workers()
        if everything:
            self.server.kill()
            self.server.wait()
        for victim in victims if everything else victims[:1]:
            with suppress(psutil.NoSuchProcess):
                victim.send_signal(signal.SIGKILL)
        if everything:
            psutil.wait_procs(victims, timeout=10)
            self.start()

    def stop(self) -> None:
        if self.server is not None:
            self.server.terminate()
            self.server.wait(60)

    def _answers(self) -> bool:
        try:
            with _connected(self.port) as connection:
                connection.request("GET", "/healthz")
                return connection.getresponse().status == 200
        except OSError:
            return False


@contextmanager
def working_off(receivers: Receivers) -> Iterator[None]:
    """Run a jobs process until the block ends."""
    with receivers.log.open("ab") as log:
        jobs = subprocess.Popen(
            [sys.executable, "-P", "-m", "app", "jobs"], cwd=ROOT, env=receivers.environ, stderr=log
        )
    try:
        yield
    finally:
        jobs.terminate()
        jobs.wait(60)


def a_push(number: int, *, guid: str | None = None, bytes_: int = 25_000) -> tuple[str, bytes]:
    """Return a guid and the body of a push to the repository of `REPOSITORY_ID`, unlike any other's."""
    payload: dict[str, Any] = {
        "ref": "refs/heads/main",
        "before": "b" * 40,
        "after": f"{number:040x}",
        "created": False,
        "deleted": False,
        "forced": False,
        "head_commit": None,
        "repository": {"id": REPOSITORY_ID, "full_name": "acme/app-1"},
        "sender": {"login": "ada"},
        "compare": "x" * bytes_,
    }
    return guid or str(uuid4()), json.dumps(payload).encode()


def deliver(port: int, guid: str, body: bytes, **headers: str) -> tuple[int, Mapping[str, Any]]:
    """Deliver as GitHub does; status 0 when nobody answered."""
    signature = "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    all_headers = {
        "Content-Type": "application/json",
        "X-GitHub-Event": "push",
        "X-GitHub-Delivery": guid,
        "X-Hub-Signature-256": signature,
        **headers,
    }
    try:
        with _connected(port) as connection:
            connection.request("POST", "/webhooks/github", body=body, headers=all_headers)
            response = connection.getresponse()
            return response.status, json.loads(response.read())
    except (OSError, http.client.HTTPException, ValueError):
        return 0, {}


def deliver_all(port: int, pushes: list[tuple[str, bytes]]) -> list[tuple[int, Mapping[str, Any]]]:
    """Deliver from sixteen senders at once."""
    with ThreadPoolExecutor(SENDERS) as senders:
        return list(senders.map(lambda it: deliver(port, *it), pushes))


@contextmanager
def _connected(port: int) -> Iterator[http.client.HTTPConnection]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=15)
    try:
        yield connection
    finally:
        connection.close()
