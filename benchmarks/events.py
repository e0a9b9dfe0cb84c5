"""From a fact's commit to its readers: how late a hundred, and five hundred, open streams hear of it.

The floor is a bare Flask route under the same kind of server, whose streams a thread of its own tells the
time in the same rhythm: what it costs to wake so many threads and to write to so many sockets. Who measures
runs on the same machine, and takes its share of it.
"""

from __future__ import annotations

import asyncio
import json
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import psutil
from rich.console import Console
from rich.table import Table

from app.database.records import SqlRecords
from app.database.session import create_engine
from app.domain.events import Event, Tag
from benchmarks.control_plane import environment, free_port, serving, stop, wait_until_it_answers
from benchmarks.invoke import MEBIBYTE, Web
from benchmarks.postgres import postgres

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from app.ports import Records

STREAMS = (100, 500)
FACTS = 100
PAUSE_SECONDS = (0.05, 0.15)
PATIENCE_SECONDS = 60.0
BARE = """
import json, random, threading, time
from flask import Flask, Response
application = Flask(__name__)
changed, told = threading.Condition(), []
def tell():
    while True:
        time.sleep(random.uniform(0.05, 0.15))
        with changed:
            told.append(time.time())
            changed.notify_all()
threading.Thread(target=tell, daemon=True).start()
def stream():
    seen = len(told)
    yield b": open\\n\\n"
    while True:
        with changed:
            changed.wait_for(lambda: len(told) > seen)
            new, seen = told[seen:], len(told)
        yield b"".join(b"data: %s\\n\\n" % json.dumps({"at": at}).encode() for at in new)
@application.get("/")
def hello():
    return "", 204
@application.get("/stream")
def follow():
    return Response(stream(), content_type="text/event-stream")
"""


def main() -> None:
    """Print the table."""
    table = Table(title=f"{FACTS} facts, one every {statistics.mean(PAUSE_SECONDS) * 1000:.0f} ms")
    for column in ("", "streams", "missing", "doubled", "p50 ms", "p99 ms", "MiB", "KiB a stream"):
        table.add_column(column, justify="right")
    for count in STREAMS:
        for name, measure in (("bare Flask", _bare), ("SQLite", _sqlite), ("PostgreSQL", _postgresql)):
            table.add_row(name, str(count), *measure(count))
    Console().print(table)


# -------------------- what is measured


def _bare(count: int) -> list[str]:
    with tempfile.TemporaryDirectory(prefix="branchline-bench-") as name:
        (Path(name) / "bare.py").write_text(BARE)
        port = free_port()
        options = ["--workers=1", f"--threads={count + 8}", "--worker-class=gthread", "--no-control-socket"]
        options += [f"--worker-connections={count + 1000}", f"--bind=127.0.0.1:{port}"]
        command = [sys.executable, "-m", "gunicorn", *options, "bare:application"]
        process = subprocess.Popen(command, cwd=name, stderr=subprocess.DEVNULL)
        try:
            wait_until_it_answers(f"http://127.0.0.1:{port}/")
            readers = Readers(f"http://127.0.0.1:{port}/stream", count)
            web = Web(psutil.Process(process.pid).children()[0])
            with web.watched(), readers.reading():
                readers.wait_for(FACTS)
            late = [late for each in readers.heard for at, late in each[:FACTS] if at is not None]
            return ["-", "-", *_figures(late, web, count)]
        finally:
            stop(process)


def _sqlite(count: int) -> list[str]:
    with tempfile.TemporaryDirectory(prefix="branchline-bench-") as name:
        return _ours(Path(name), count, f"sqlite:///{name}/branchline.sqlite")


def _postgresql(count: int) -> list[str]:
    with ExitStack() as stack:
        name = stack.enter_context(tempfile.TemporaryDirectory(prefix="branchline-bench-"))
        return _ours(Path(name), count, stack.enter_context(postgres()))


def _ours(directory: Path, count: int, database_url: str) -> list[str]:
    nowhere = f"http://127.0.0.1:{free_port()}"
    environ = environment(directory, github_url=nowhere, github_token="none", cloudflare_url=nowhere)  # noqa: S106
    environ |= {"DATABASE_URL": database_url, "BRANCHLINE_LIVE_STREAMS": "1000"}
    environ["BRANCHLINE_BUNDLES"] = str(directory / "bundles")
    with serving(environ, "--no-jobs") as plane, memory_of(database_url) as records:
        url, token = f"{plane.url}/api/events/stream", environ["BRANCHLINE_API_TOKEN"]
        readers = Readers(url, count, token)
        web = Web(psutil.Process(plane.process.pid).children()[0])
        with web.watched(), readers.reading():
            committed = _write(records)
            readers.wait_for(FACTS)
    numbers = [[number for number, _ in each] for each in readers.heard]
    missing = sum(FACTS - len(set(each)) for each in numbers)
    doubled = sum(len(each) - len(set(each)) for each in numbers)
    late = [heard - committed[number] for each in readers.heard for number, heard in each]
    return [str(missing), str(doubled), *_figures(late, web, count)]


@contextmanager
def memory_of(database_url: str) -> Iterator[Records]:
    """Give records over a database, for as long as the block takes."""
    engine = create_engine(database_url)
    yield SqlRecords(engine, lambda _session, _job: None, lambda: datetime.now(UTC))
    engine.dispose()


def _write(records: Records) -> dict[float, float]:
    """Write facts down one by one; return when each was committed."""
    committed = dict[float, float]()
    for number in range(FACTS):
        time.sleep(random.uniform(*PAUSE_SECONDS))  # noqa: S311 - a rhythm that no poll can follow
        with records.begin() as tx:
            at = datetime.now(UTC)
            tx.events.append(Event(Tag.BRANCH_PUSHED, "app_bench", "github:ann", at, {"number": number}))
        committed[number] = time.time()
    return committed


def _figures(seconds_late: list[float], web: Web, count: int) -> list[str]:
    late = sorted(seconds_late)
    more = web.most_bytes - web.before_bytes
    return [
        f"{late[len(late) // 2] * 1000:.1f}",
        f"{late[int(len(late) * 0.99)] * 1000:.1f}",
        f"{web.most_bytes / MEBIBYTE:.0f}",
        f"{more / count / 1024:.0f}",
    ]


# -------------------- who reads


class Readers:
    """Open streams, all read in one thread; `heard` is what each was told, and when.

    They follow all that the address tells, or, when `apps` are named, one of those apps each, in turn.
    """

    def __init__(self, url: str, count: int, token: str = "", apps: Sequence[str] = ()) -> None:
        self.heard: list[list[tuple[float, float]]] = [[] for _ in range(count)]
        self._parts = urlsplit(url)
        self._token = token
        self._apps = apps
        self._open = 0
        self._loop = asyncio.new_event_loop()

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Read until the block ends; it begins when all streams are open."""
        thread = threading.Thread(target=self._loop.run_until_complete, args=(self._read_all(),))
        thread.start()
        try:
            _wait(lambda: self._open == len(self.heard), "not all streams opened")
            yield
        finally:
            self._loop.call_soon_threadsafe(self._task.cancel)
            thread.join()
            self._loop.close()

    def wait_for(self, number: int) -> None:
        """Return when each has heard of so many."""
        _wait(lambda: min(map(len, self.heard)) >= number, "not all were told of everything")

    def _head(self, number: int) -> bytes:
        chosen = f"?app={self._apps[number % len(self._apps)]}" if self._apps else ""
        return (
            f"GET {self._parts.path}{chosen} HTTP/1.1\r\nHost: {self._parts.netloc}\r\n"
            f"Authorization: Bearer {self._token}\r\n\r\n"
        ).encode()

    async def _read_all(self) -> None:
        reading = asyncio.gather(*(self._read(*it) for it in enumerate(self.heard)))
        self._task = asyncio.ensure_future(reading)
        with suppress(asyncio.CancelledError):
            await reading

    async def _read(self, number: int, heard: list[tuple[float, float]]) -> None:
        reader, writer = await asyncio.open_connection(self._parts.hostname, self._parts.port)
        writer.write(self._head(number))
        try:
            while line := await reader.readline():
                if line.startswith((b"id: ", b": open")) and not heard:
                    self._open += 1
                if line.startswith(b"data: "):
                    heard.append(_told(json.loads(line[6:])))
        finally:
            writer.close()


def _told(data: dict[str, float | dict[str, int]]) -> tuple[float, float]:
    """Return the number of a fact and the time now; of the floor's, how late it is."""
    now = time.time()
    if isinstance(at := data.get("at"), float):
        return at, now - at
    payload = data["payload"]
    assert isinstance(payload, dict)
    return payload["number"], now


def _wait(is_so: Callable[[], bool], otherwise: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        if time.monotonic() > deadline:
            raise TimeoutError(otherwise)
        time.sleep(0.05)
