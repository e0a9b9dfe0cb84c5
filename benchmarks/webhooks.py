"""How many webhooks a second are on disk when they are answered: signed pushes of 25 KB, sixteen at once.

The floor is a bare Flask route that reads the body and returns 204, under the same gunicorn with the same
options, asked by the same wrk in turn with ours. Nobody works deliveries off meanwhile. The disk's fdatasync
is printed beside, because every commit waits for one, and how busy the machine was with other things.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from benchmarks.control_plane import environment, free_port, stop, wait_until_it_answers
from benchmarks.postgres import postgres

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

ROUNDS = 3
SECONDS = 6
AT_ONCE = 16
PROCESSES = 2
THREADS = 8
BODY_BYTES = 25_000
PATH = "/webhooks/github"
BARE = """
from flask import Flask, request
application = Flask(__name__)
@application.route("/", methods=["GET", "POST"])
@application.route("/healthz")
@application.route("/webhooks/github", methods=["POST"])
def answer():
    request.get_data()
    return "", 204
"""
# Every delivery has a guid of its own, which is not signed; the body and its signature stay the same.
SENDER = """
local body = io.open("%(body)s", "rb"):read("*a")
local number = 0
request = function()
  number = number + 1
  return wrk.format("POST", "/webhooks/github", {
    ["Content-Type"] = "application/json",
    ["User-Agent"] = "GitHub-Hookshot/1",
    ["X-GitHub-Event"] = "push",
    ["X-GitHub-Delivery"] = "%(run)s-" .. string.format("%%012d", number),
    ["X-Hub-Signature-256"] = "%(signature)s",
  }, body)
end
done = function(summary, latency)
  io.write(string.format('{"requests": %%d, "seconds": %%f, "p50": %%f, "p99": %%f, "refused": %%d}',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1000, latency:percentile(99) / 1000,
    summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.timeout))
end
"""


@dataclass(frozen=True)
class Measured:
    """One run of the sender."""

    per_second: float
    p50_ms: float
    p99_ms: float
    refused: int


@dataclass(frozen=True)
class Server:
    """What is measured: its name, the WSGI application, where it is found, and its settings."""

    name: str
    application: str
    directory: Path
    environ: Mapping[str, str]


class Sender:
    """Sends one body again and again, sixteen at once, each under a guid of its own."""

    def __init__(self, directory: Path, secret: str) -> None:
        body = _push()
        self._body, self._script = directory / "body.json", directory / "sender.lua"
        self._body.write_bytes(body)
        self._signature = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()

    def send(self, url: str, seconds: int) -> dict[str, Any]:
        """Send for so long, and return what wrk says of it."""
        told = {"body": self._body, "run": f"{time.time_ns():x}", "signature": self._signature}
        self._script.write_text(SENDER % told)
        options = ["-t1", f"-c{AT_ONCE}", f"-d{seconds}", "--timeout=10s", "-s", str(self._script)]
        said = subprocess.run(["wrk", *options, f"{url}{PATH}"], check=True, capture_output=True, text=True)
        summary: dict[str, Any] = json.loads(said.stdout[said.stdout.index("{") :])
        return summary


def main() -> None:
    """Print the table."""
    if shutil.which("wrk") is None:
        sys.exit("webhooks: the sender wrk is not there; Debian has it: apt-get install wrk")
    with tempfile.TemporaryDirectory(prefix="branchline-bench-") as name, postgres() as url:
        directory = Path(name)
        secret, servers = _servers(directory, url)
        sender = Sender(directory, secret)
        runs: dict[str, list[Measured]] = {server.name: [] for server in servers}
        for _ in range(ROUNDS):
            for server in servers:
                runs[server.name].append(_measure(server, sender))
        fsync = _fdatasync_seconds(directory)
    Console().print(_table(runs))
    load = ", ".join(f"{it:.1f}" for it in os.getloadavg())
    print(f"fdatasync here: {fsync * 1000:.2f} ms (median); load of the machine: {load}")


def _servers(directory: Path, postgres_url: str) -> tuple[str, list[Server]]:
    (directory / "bare.py").write_text(BARE)
    nowhere = f"http://127.0.0.1:{free_port()}"
    ours = environment(directory, github_url=nowhere, github_token="none", cloudflare_url=nowhere)  # noqa: S106
    ours = {"BRANCHLINE_BUNDLES": str(directory / "bundles"), **ours}
    servers = [
        Server("bare Flask 204", "bare:application", directory, {"PATH": ours["PATH"]}),
        Server("stored, SQLite", "app.wsgi:application", Path.cwd(), ours),
        Server(
            "stored, PostgreSQL", "app.wsgi:application", Path.cwd(), {**ours, "DATABASE_URL": postgres_url}
        ),
    ]
    for server in servers[1:]:
        upgrade = [sys.executable, "-m", "app", "db", "upgrade"]
        subprocess.run(upgrade, env=dict(server.environ), check=True, capture_output=True)
    return ours["GITHUB_WEBHOOK_SECRET"], servers


def _measure(server: Server, sender: Sender) -> Measured:
    with _serving(server) as url:
        sender.send(url, 1)  # what is loaded and connected once
        told = sender.send(url, SECONDS)
    return Measured(told["requests"] / told["seconds"], told["p50"], told["p99"], told["refused"])


@contextmanager
def _serving(server: Server) -> Iterator[str]:
    port = free_port()
    options = [f"--workers={PROCESSES}", f"--threads={THREADS}", "--worker-class=gthread"]
    command = [sys.executable, "-m", "gunicorn", *options, "--no-control-socket", f"--bind=127.0.0.1:{port}"]
    process = subprocess.Popen(
        [*command, server.application],
        cwd=server.directory,
        env=dict(server.environ),
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_until_it_answers(f"http://127.0.0.1:{port}/healthz")
        yield f"http://127.0.0.1:{port}"
    finally:
        stop(process)


def _push() -> bytes:
    """Return a push with as many commits as 25 KB hold, which compress as commits do."""
    chance = random.Random(1)  # noqa: S311 - the same body in every run
    words = [
        "make",
        "the",
        "button",
        "blue",
        "and",
        "test",
        "that",
        "nobody",
        "looks",
        "at",
        "it",
        "any",
        "more",
    ]
    payload: dict[str, Any] = {
        "ref": "refs/heads/main",
        "before": "b" * 40,
        "after": "a" * 40,
        "repository": {"id": 1, "full_name": "acme/none"},
        "sender": {"login": "ada"},
        "commits": [],
    }
    while len(json.dumps(payload)) < BODY_BYTES:
        sha, tree = (f"{chance.getrandbits(160):040x}" for _ in range(2))
        payload["commits"].append(
            {
                "id": sha,
                "tree_id": tree,
                "message": " ".join(chance.choices(words, k=12)),
                "url": f"https://github.com/acme/none/commit/{sha}",
                "author": {"name": "Ada", "email": "ada@example.com", "username": "ada"},
                "modified": [f"src/{chance.getrandbits(24):x}.ts" for _ in range(3)],
            }
        )
    return json.dumps(payload).encode()


def _table(runs: Mapping[str, Sequence[Measured]]) -> Table:
    title = f"{BODY_BYTES} bytes, {AT_ONCE} at once, {PROCESSES} web processes, {ROUNDS} x {SECONDS} s"
    table = Table(title=title)
    for column in ("", "a second", "p50 ms", "p99 ms", "refused", "of the bare route", "in each round"):
        table.add_column(column, justify="right")
    bare = [run.per_second for run in next(iter(runs.values()))]
    for name, found in runs.items():
        parts = [run.per_second / floor for run, floor in zip(found, bare, strict=True)]
        table.add_row(
            name,
            f"{median(run.per_second for run in found):.0f}",
            f"{median(run.p50_ms for run in found):.1f}",
            f"{median(run.p99_ms for run in found):.1f}",
            str(sum(run.refused for run in found)),
            f"{median(parts):.2f}",
            " ".join(f"{part:.2f}" for part in parts),
        )
    return table


def _fdatasync_seconds(directory: Path) -> float:
    times = []
    with (directory / "sync").open("wb", buffering=0) as file:
        for _ in range(50):
            file.write(b"x" * 4096)
            began = time.perf_counter()
            os.fdatasync(file.fileno())
            times.append(time.perf_counter() - began)
    return median(times)


if __name__ == "__main__":
    main()
