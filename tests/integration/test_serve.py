"""`branchline serve` as it is run: a real server in front of a real database."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from app.bootstrap.jobs import job_parts
from app.bootstrap.schema import upgrade_database
from app.bootstrap.web import web_app
from sandbox.ports import free_port
from tests.integration.web.world import github_signature

ROOT = Path(__file__).parents[2]
SECRET = "canary-webhook-secret"
SETTINGS = {
    "BRANCHLINE_URL": "https://branchline.test",
    "BRANCHLINE_SECRET_KEY": "canary-secret-key-of-32-characters",
    "BRANCHLINE_API_TOKEN": "canary-api-token-of-serve",
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
MIBIBYTE = 1024 * 1024


def until(is_true: Callable[[], bool], *, saying: Callable[[], object], timeout_seconds: float = 60) -> None:
    deadline = time.monotonic() + timeout_seconds
    while not is_true():
        assert time.monotonic() < deadline, saying()
        time.sleep(0.05)


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {**SETTINGS, "DATABASE_URL": f"sqlite:///{tmp_path / 'branchline.sqlite'}"}


@dataclass
class Server:
    """A running `branchline serve`."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            given = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body=body, headers=given)
            response = connection.getresponse()
            return response.status, json.loads(response.read())
        finally:
            connection.close()

    def is_up(self) -> bool:
        try:
            return self.call("GET", "/healthz") == (200, {"status": "ok"})
        except OSError:
            return False

    def jobs(self) -> list[int]:
        """Return the ids of the jobs processes that live."""
        found = psutil.Process(self.process.pid).children()
        return [child.pid for child in found if "jobs" in words(child)]


def words(process: psutil.Process) -> list[str]:
    """Return the command line of a process, which is empty once it ended."""
    try:
        return list(process.cmdline())
    except psutil.NoSuchProcess:  # a zombie is one too
        return []


@contextmanager
def serving(environ: dict[str, str], log: Path, *options: str, directory: Path = ROOT) -> Iterator[Server]:
    port = free_port()
    command = [sys.executable, "-P", "-m", "app", "serve", "--port", str(port), *options]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=directory, env={"PATH": os.environ["PATH"], **environ}, stdout=output, stderr=output
        )
    server = Server(process, port, log)
    try:
        until(server.is_up, saying=log.read_text)
        yield server
    finally:
        process.terminate()
        process.wait(60)


def test_a_delivery_goes_through_a_real_server(environ: dict[str, str], tmp_path: Path) -> None:
    upgrade_database(environ)
    log = tmp_path / "log"
    with serving(environ, log, "--no-jobs") as server:
        assert server.call("GET", "/readyz") == (200, {"status": "ready"})
        assert _deliver(server, b"{}") == (202, {"delivery": "guid-1", "known": False})
        assert _deliver(server, b"{}")[1]["known"] is True
        assert _too_large(server) == 413
        assert _endless(server) in {413, None}
        assert _deliver(server, b"[]", guid="guid-2")[0] == 400
        token = f"Bearer {SETTINGS['BRANCHLINE_API_TOKEN']}"
        status, accepted = server.call(
            "POST",
            "/api/apps",
            json.dumps({"name": "hello"}),
            Authorization=token,
            Content_Type="application/json",
        )
        assert status == 202
        status, job = server.call("GET", f"/api/jobs/{accepted['jobId']}", Authorization=token)
        assert (status, job["status"], job["steps"]) == (200, "queued", [])
        status, listed = server.call("GET", "/api/deliveries", Authorization=token)
        assert [item["guid"] for item in listed["items"]] == ["guid-1"]
    assert server.process.returncode == 0
    assert "canary" not in log.read_text()


def test_another_app_in_the_directory_is_not_taken_for_ours(environ: dict[str, str], tmp_path: Path) -> None:
    upgrade_database(environ)
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "__main__.py").write_text("open('foreign', 'w')")
    foreign, log = tmp_path / "foreign", tmp_path / "log"
    with serving(environ, log, directory=tmp_path):
        until(lambda: foreign.exists() or "takes jobs" in log.read_text(), saying=log.read_text)
    assert not foreign.exists()


def test_the_jobs_process_is_started_again_and_all_end_together(
    environ: dict[str, str], tmp_path: Path
) -> None:
    upgrade_database(environ)
    log = tmp_path / "log"
    with serving(environ, log) as server:
        until(lambda: len(server.jobs()) == 1, saying=log.read_text)
        (first,) = server.jobs()
        os.kill(first, signal.SIGKILL)
        until(lambda: server.jobs() not in ([], [first]), saying=log.read_text)
        everyone = psutil.Process(server.process.pid).children(recursive=True)
        server.process.send_signal(signal.SIGTERM)
        until(lambda: server.process.poll() is not None, saying=log.read_text)
    assert server.process.returncode == 0
    assert [words(child) for child in everyone if words(child)] == []
    assert "the jobs process ended" in log.read_text()


def test_a_process_without_its_tables_is_not_ready(environ: dict[str, str]) -> None:
    client = web_app(environ).test_client()
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.get_json()["error"]["code"] == "database:not-migrated"
    assert "branchline db upgrade" in answer.get_json()["error"]["message"]
    upgrade_database(environ)
    assert client.get("/readyz").status_code == 200


def test_making_a_jobs_process_connects_nowhere(environ: dict[str, str]) -> None:
    before = threading.active_count()
    assert job_parts(environ)
    assert threading.active_count() == before


def _deliver(server: Server, body: bytes, guid: str = "guid-1") -> tuple[int, Any]:
    return server.call(
        "POST",
        "/webhooks/github",
        body,
        Content_Type="application/json",
        X_GitHub_Event="push",
        X_GitHub_Delivery=guid,
        X_Hub_Signature_256=github_signature(body, SECRET),
    )


def _too_large(server: Server) -> int:
    """Announce 5 GiB and send nothing; returns the status."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        length = 5 * 1024 * MIBIBYTE
        connection.sendall(
            f"POST /webhooks/github HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n".encode()
        )
        return int(connection.recv(12).split()[1])


def _endless(server: Server) -> int | None:
    """Send chunks until the server has enough; returns the status, or None when it just hung up."""
    chunk = b"%x\r\n%s\r\n" % (MIBIBYTE, b"x" * MIBIBYTE)
    signature = b"X-Hub-Signature-256: sha256=" + b"0" * 64
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        try:
            connection.sendall(
                b"POST /webhooks/github HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
                + signature
                + b"\r\n\r\n"
            )
            for _ in range(200):
                connection.sendall(chunk)
        except OSError:
            pass
        else:
            raise AssertionError("200 MiB were taken")
        try:
            return int(connection.recv(12).split()[1])
        except (OSError, IndexError):
            return None
