"""How long GitHub waits for our answer: signed pushes of 25 KB at 50 a second, stored before the answer.

The floor is a bare Flask route that returns 204 under the same gunicorn with the same options, asked in the
same way and in the same run. The disk's fdatasync is printed beside, because each answer waits for one.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
from rich.console import Console
from rich.table import Table

from benchmarks.control_plane import environment, free_port, serving, stop, wait_until_it_answers

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

PER_SECOND = 50
SECONDS = 20
SENDERS = 8
BODY_BYTES = 25_000
BARE = """
from flask import Flask, request
application = Flask(__name__)
@application.route("/", methods=["GET", "POST"])
def answer():
    request.get_data()
    return "", 204
"""


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory(prefix="branchline-bench-") as name:
        directory = Path(name)
        bare = _measure_bare(directory)
        ours = _measure_ours(directory)
        fsync = _fdatasync_seconds(directory)
    table = Table(
        title=f"webhook request time, {PER_SECOND} a second for {SECONDS} s, {BODY_BYTES} bytes each"
    )
    for column in ("", "p50 ms", "p99 ms", "refused"):
        table.add_column(column, justify="right")
    for label, (seconds, refused) in (("bare Flask 204", bare), ("stored delivery", ours)):
        table.add_row(label, _ms(_at(seconds, 0.5)), _ms(_at(seconds, 0.99)), str(refused))
    ratio = _at(ours[0], 0.5) / _at(bare[0], 0.5)
    Console().print(table)
    print(f"stored / bare at p50: {ratio:.2f}; fdatasync here: {fsync * 1000:.2f} ms (median)")


def _measure_bare(directory: Path) -> tuple[list[float], int]:
    (directory / "bare.py").write_text(BARE)
    port = free_port()
    arguments = ["--workers=2", "--threads=4", "--worker-class=gthread", "--no-control-socket"]
    command = [sys.executable, "-m", "gunicorn", *arguments, f"--bind=127.0.0.1:{port}", "bare:application"]
    process = subprocess.Popen(command, cwd=directory, stderr=subprocess.DEVNULL)
    try:
        wait_until_it_answers(f"http://127.0.0.1:{port}/")
        return _send(f"http://127.0.0.1:{port}/", lambda _body: {})
    finally:
        stop(process)


def _measure_ours(directory: Path) -> tuple[list[float], int]:
    nowhere = f"http://127.0.0.1:{free_port()}"
    environ = environment(directory, github_url=nowhere, github_token="none", cloudflare_url=nowhere)  # noqa: S106
    key = environ["GITHUB_WEBHOOK_SECRET"].encode()

    def headers(body: bytes) -> Mapping[str, str]:
        return {
            "Content-Type": "application/json",
            "X-GitHub-Event": "push",
            "X-GitHub-Delivery": str(uuid.uuid4()),
            "X-Hub-Signature-256": "sha256=" + hmac.new(key, body, hashlib.sha256).hexdigest(),
        }

    with serving(environ) as plane:
        return _send(f"{plane.url}/webhooks/github", headers)


def _send(url: str, headers: Callable[[bytes], Mapping[str, str]]) -> tuple[list[float], int]:
    """Send at a fixed rate; return the seconds of each request and how many were refused."""
    body = _push()
    with httpx.Client(timeout=10) as http, ThreadPoolExecutor(SENDERS) as pool:
        start = time.monotonic() + 0.2

        def one(index: int) -> tuple[float, bool]:
            time.sleep(max(0.0, start + index / PER_SECOND - time.monotonic()))
            began = time.perf_counter()
            response = http.post(url, content=body, headers=dict(headers(body)))
            return time.perf_counter() - began, response.is_success

        answers = list(pool.map(one, range(PER_SECOND * SECONDS)))
    return [seconds for seconds, _ in answers], sum(not accepted for _, accepted in answers)


def _push() -> bytes:
    """Return a push to a repository that is no app's, as large as a push with many commits."""
    commit = {"id": "a" * 40, "message": "Make it blue", "author": {"username": "ada"}}
    payload = {
        "ref": "refs/heads/main",
        "before": "b" * 40,
        "after": "a" * 40,
        "created": False,
        "deleted": False,
        "forced": False,
        "head_commit": {**commit, "timestamp": "2026-11-22T12:00:00Z"},
        "commits": [commit],
        "repository": {"id": 1, "full_name": "acme/none"},
        "sender": {"login": "ada"},
        "compare": "x" * BODY_BYTES,
    }
    return json.dumps(payload).encode()


def _fdatasync_seconds(directory: Path) -> float:
    times = []
    with (directory / "sync").open("wb", buffering=0) as file:
        for _ in range(50):
            file.write(b"x" * 4096)
            began = time.perf_counter()
            os.fdatasync(file.fileno())
            times.append(time.perf_counter() - began)
    return statistics.median(times)


def _at(values: Sequence[float], part: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * part))]


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.2f}"


if __name__ == "__main__":
    main()
