"""G1: whatever GitHub answers, a step writes once, and holds its thread for seconds at most.

Real PyGithub and a real pace before a server of one resource, which is looked for and then made, as steps
do. What a step would wait for without a thread passes at once here.
"""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from app.errors import RateLimited, RemoteMissing, RemoteUnavailable
from app.github.client import GitHub
from app.github.limits import allowance
from app.pacing.ledgers import LocalLedgers
from app.pacing.pacer import Pacer
from tests.accounts import github_settings
from tests.faults.figures import Figures, Form

THING = "/repos/acme/shop/things/1"
LIMIT = "You have exceeded a secondary rate limit."
HOUR = 3600
# What a fault does to a write: was it done, what is answered, and what to wait for then.
FAULTS = {
    "500": (False, 500, {}, 1),
    "502": (False, 502, {}, 1),
    "503 when it was done": (True, 503, {}, 1),
    "403 with Retry-After": (False, 403, {"Retry-After": "30"}, 30),
    "403 without": (False, 403, {}, 60),
    "429": (False, 429, {"Retry-After": "30"}, 30),
    "a reset in an hour": (False, 403, {"X-RateLimit-Remaining": "0"}, HOUR),
    "no answer when it was done": (True, None, {}, 1),
    "no answer when it was not": (False, None, {}, 1),
    "silence": (True, 0, {}, 1),
}


class ShiftedTime:
    """Time that passes by itself, and at once when somebody waits without holding a thread."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.ahead)

    def stamp(self) -> float:
        return self.now().timestamp()

    def monotonic(self) -> float:
        return time.monotonic() + self.ahead


@dataclass
class Host:
    """A host of one thing; writes meet `faults`."""

    clock: ShiftedTime
    url: str = ""
    faults: list[str] = field(default_factory=list)
    made: int = 0
    early: int = 0
    silent_until: float = 0.0
    ended: threading.Event = field(default_factory=threading.Event)


@contextmanager
def serving(clock: ShiftedTime) -> Iterator[Host]:
    host = Host(clock)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"host": host}))
    server.daemon_threads = True
    host.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield host
    finally:
        host.ended.set()
        server.shutdown()
        server.server_close()
        thread.join(10)


class _Handler(BaseHTTPRequestHandler):
    host: Host
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._note()
        self._answer(200 if self.host.made else 404, {}, "Not Found")

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self._note()
        met = FAULTS[self.host.faults.pop()] if self.host.faults else (True, 201, {}, 0)
        is_done, status, headers, seconds = met
        self.host.made += is_done
        if status == 0:
            self.host.ended.wait(20)
        if not status:
            self.close_connection = True
            return
        if status in {403, 429}:
            self.host.silent_until = self.host.clock.stamp() + seconds
        self._answer(status, headers, LIMIT if status in {403, 429} else "trouble")

    def _note(self) -> None:
        self.host.early += self.host.clock.stamp() < self.host.silent_until - 1

    def _answer(self, status: int, headers: dict[str, str], message: str) -> None:
        now = self.host.clock.now()
        told = {"X-RateLimit-Limit": "5000", "X-RateLimit-Remaining": "4000", "Date": format_datetime(now)}
        told |= {"X-RateLimit-Reset": str(int(now.timestamp()) + HOUR), **headers}
        body = json.dumps({"message": message, "id": 1}).encode()
        self.send_response_only(status)
        for name, value in {**told, "Content-Type": "application/json"}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Stay silent."""


def ensure(github: GitHub) -> None:
    """Look for the thing, and make it if it is not there."""
    try:
        with github.doing("looking for the thing"):
            github.request("GET", THING)
    except RemoteMissing:
        with github.doing("making the thing"):
            github.request("POST", THING, {})


def run_step(github: GitHub, clock: ShiftedTime) -> tuple[float, float]:
    """Repeat `ensure` until it is done; return how long it held the thread at most, and waited without."""
    longest = waited = 0.0
    for _ in range(10):
        began = time.monotonic()
        try:
            ensure(github)
        except RemoteUnavailable as error:
            pause = (error.retry_at - clock.now()).total_seconds() if isinstance(error, RateLimited) else 1.0
            waited += pause
            clock.ahead += pause + 0.1
            longest = max(longest, time.monotonic() - began)
        else:
            return max(longest, time.monotonic() - began), waited
    raise AssertionError("it never ends")


def test_each_fault_is_outlived_with_one_write_and_a_free_thread(form: Form, figures: Figures) -> None:
    names = [it for it in FAULTS if it != "silence"] if form is Form.SHORT else list(FAULTS)
    held, duplicates, early = {}, 0, 0
    for name in names:
        clock = ShiftedTime()
        with serving(clock) as host:
            settings = github_settings(host.url, write_pause_seconds=1)
            pace = Pacer(allowance(settings), LocalLedgers(clock.stamp), clock.now, monotonic=clock.monotonic)
            host.faults = [name]
            held[name], waited = run_step(GitHub(settings, clock.now, pace=pace), clock)
            assert host.faults == [], f"{name}: nothing was written"
            assert waited == pytest.approx(FAULTS[name][3], abs=max(2.1, FAULTS[name][3] / 5))
            duplicates += host.made - 1
            early += host.early
    figures.tell("G1", "kinds of trouble with a write", len(names))
    figures.tell("G1", "duplicate writes", duplicates)
    figures.tell("G1", "calls before a limit ended", early)
    figures.tell("G1", "longest that a thread was held in seconds", round(max(held.values()), 2))
    assert duplicates == 0
    assert early == 0
    assert max(held.values()) <= 15
