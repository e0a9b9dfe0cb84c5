"""Functions through the control plane, beside the same functions at their worker's own address.

First one call at a time: what the way through adds. Then two hundred streams at once on one web process, half
of them cut in the middle and taken up again behind their last event: every line must have come once. Who
measures runs on the same machine, and takes its share of it.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import tempfile
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import psutil
from rich.console import Console
from rich.table import Table

from benchmarks.cloudflare import ACCOUNT, NAMESPACE, ROOT, running_cloudflare
from benchmarks.control_plane import environment, free_port, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.cloudflare import Cloudflare
    from benchmarks.control_plane import ControlPlane

CALLS = 500
STREAMS = 200
LINES = 100
PAUSE_MS = 100
CUT_AFTER = 40
SAMPLE_SECONDS = 0.2
TIMEOUT_SECONDS = 60
MEBIBYTE = 1024 * 1024
ESBUILD = ROOT / ".sandbox/tools/node_modules/esbuild/bin/esbuild"
CODE = """
export const echo = (payload) => payload;
export async function lines({ count, pause }) {
  for (let n = 0; n < count; n++) {
    console.log(n);
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
  return count;
}
"""


@dataclass(frozen=True)
class Way:
    """Where functions are called at once, where for their events, and with what."""

    calls: str
    streams: str
    headers: dict[str, str]


@dataclass
class Stream:
    """What one reader got."""

    lines: list[int] = field(default_factory=list)
    seconds_late: list[float] = field(default_factory=list)
    has_result: bool = False

    @property
    def dropped(self) -> int:
        """How many lines never came."""
        return LINES - len(set(self.lines))

    @property
    def doubled(self) -> int:
        """How many came again."""
        return len(self.lines) - len(set(self.lines))


@dataclass
class Web:
    """The web process: what it held before, at most, and the time that it used."""

    process: psutil.Process
    before_bytes: int = 0
    most_bytes: int = 0
    threads: int = 0
    cpu_seconds: float = 0.0

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Look at it for as long as the block takes."""
        self.before_bytes, is_over = self.process.memory_full_info().uss, threading.Event()
        used_before = sum(self.process.cpu_times()[:2])
        watcher = threading.Thread(target=self._watch, args=(is_over,))
        watcher.start()
        try:
            yield
        finally:
            is_over.set()
            watcher.join()
            self.cpu_seconds = sum(self.process.cpu_times()[:2]) - used_before

    def _watch(self, is_over: threading.Event) -> None:
        while not is_over.wait(SAMPLE_SECONDS):
            self.most_bytes = max(self.most_bytes, self.process.memory_full_info().uss)
            self.threads = max(self.threads, self.process.num_threads())


def main() -> None:
    """Print the tables."""
    with (
        tempfile.TemporaryDirectory(prefix="branchline-bench-") as name,
        running_cloudflare(Path(name)) as cloudflare,
        serving(_environ(Path(name), cloudflare), "--no-jobs") as plane,
    ):
        direct, through = _ways(plane)
        Console().print(_calls_table(*_call_in_turn(direct, through)))
        web = Web(psutil.Process(plane.process.pid).children()[0])
        alone = [asyncio.run(_stream(way, 1, cut=False)) for way in (direct, through)]
        bare = asyncio.run(_stream(direct, STREAMS, cut=False))
        with web.watched():
            streams = asyncio.run(_stream(through, STREAMS, cut=True))
        Console().print(_streams_table(*alone, bare, streams))
        Console().print(_memory_table(web))


def _environ(directory: Path, cloudflare: Cloudflare) -> dict[str, str]:
    nowhere = f"http://127.0.0.1:{free_port()}"
    environ = environment(directory, github_url=nowhere, github_token="none", cloudflare_url=cloudflare.api)  # noqa: S106
    return environ | {
        "CLOUDFLARE_ACCOUNT_ID": ACCOUNT,
        "CLOUDFLARE_API_TOKEN": cloudflare.token,
        "WFP_NAMESPACE_PRODUCTION": NAMESPACE,
        "WFP_DISPATCH_DOMAIN": cloudflare.dispatch,
        "BRANCHLINE_BUNDLES": str(directory / "bundles"),
        "BRANCHLINE_ESBUILD": str(ESBUILD),
        "BRANCHLINE_INVOKE_RATE": "10000",
    }


def _ways(plane: ControlPlane) -> tuple[Way, Way]:
    """Put a worker up; return its own way and the one through the control plane."""
    token = {"Authorization": f"Bearer {plane.environ['BRANCHLINE_API_TOKEN']}"}
    order = {"name": "bench", "code": CODE}
    answer = httpx.post(f"{plane.url}/api/workers", json=order, headers=token, timeout=TIMEOUT_SECONDS)
    worker = answer.raise_for_status().json()
    own, ours = f"{worker['alternateUrl']}/api/invoke", f"{plane.url}/api/workers/{worker['id']}"
    events = {"Accept": "text/event-stream"}
    return Way(own, own, events), Way(f"{ours}/functions", f"{ours}/invoke", token)


# -------------------- one call at a time


def _call_in_turn(direct: Way, through: Way) -> tuple[list[float], list[float]]:
    with httpx.Client() as theirs, httpx.Client(headers=through.headers) as ours:
        pairs = [
            (_call(theirs, direct, number), _call(ours, through, number)) for number in range(CALLS + 50)
        ]
    bare, took = zip(*pairs[50:], strict=True)  # an isolate's first calls are not like its others
    return list(bare), list(took)


def _call(client: httpx.Client, way: Way, number: int) -> float:
    began = time.perf_counter()
    answer = client.post(f"{way.calls}/echo", json={"number": number})
    took = time.perf_counter() - began
    assert answer.json()["result"] == {"number": number}
    return took


def _calls_table(bare: list[float], took: list[float]) -> Table:
    table = Table(title=f"{CALLS} calls, in turn")
    for column in ("", "p50", "p95"):
        table.add_column(column, justify="right")
    table.add_row("worker's own address", *_spread(bare))
    table.add_row("through the control plane", *_spread(took))
    table.add_row("difference", *_spread([ours - its for its, ours in zip(bare, took, strict=True)]))
    return table


# -------------------- many streams at once


async def _stream(way: Way, count: int, *, cut: bool) -> list[Stream]:
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(headers=way.headers, limits=limits, timeout=TIMEOUT_SECONDS) as client:
        return await asyncio.gather(
            *(_read(client, way, cut=cut and number % 2 == 0) for number in range(count))
        )


async def _read(client: httpx.AsyncClient, way: Way, *, cut: bool) -> Stream:
    stream, body = Stream(), {"count": LINES, "pause": PAUSE_MS}
    request = client.build_request("POST", f"{way.streams}/lines", json=body)
    again = await _follow(client, request, stream, CUT_AFTER if cut else LINES)
    if again is not None:
        url, last = again
        await _follow(
            client, client.build_request("GET", url, headers={"Last-Event-ID": last}), stream, LINES
        )
    return stream


async def _follow(
    client: httpx.AsyncClient, request: httpx.Request, stream: Stream, most: int
) -> tuple[str, str] | None:
    """Read up to the end, or to `most` lines; then return where the others are, and the last event's id."""
    response = await client.send(request, stream=True)
    response.raise_for_status()
    name, last, url = "", "", ""
    try:
        async for line in response.aiter_lines():
            kind, _, value = line.partition(": ")
            if kind == "event":
                name = value
            elif kind == "id":
                last = value
            elif kind == "data" and name == "invocation":
                url = json.loads(value)["eventsUrl"]
            elif kind == "data":
                _take(stream, name, json.loads(value))
                if len(stream.lines) == most < LINES:
                    return url, last
    finally:
        await response.aclose()
    return None


def _take(stream: Stream, name: str, data: dict[str, str]) -> None:
    if name == "log":
        stream.lines.append(int(data["message"]))
        stream.seconds_late.append(time.time() - datetime.fromisoformat(data["timestamp"]).timestamp())
    stream.has_result = stream.has_result or name == "result"


def _streams_table(*runs: list[Stream]) -> Table:
    table = Table(title=f"streams of {LINES} lines, one every {PAUSE_MS} ms")
    for column in ("", "streams", "whole", "dropped", "doubled", "a line late, p50", "p99"):
        table.add_column(column, justify="right")
    ways = ("worker's own address", "through the control plane")
    for way, streams in zip((*ways, ways[0], f"{ways[1]}, half of them cut"), runs, strict=True):
        table.add_row(way, str(len(streams)), *_stream_figures(streams))
    return table


def _stream_figures(streams: list[Stream]) -> list[str]:
    whole = sum(it.has_result and it.lines == list(range(LINES)) for it in streams)
    late = sorted(seconds for it in streams for seconds in it.seconds_late)
    return [
        str(whole),
        str(sum(it.dropped for it in streams)),
        str(sum(it.doubled for it in streams)),
        *(f"{late[int(len(late) * part)] * 1000:.1f} ms" for part in (0.5, 0.99)),
    ]


def _memory_table(web: Web) -> Table:
    table = Table(title="the web process meanwhile")
    for column in ("before", "at most", "a stream", "threads", "CPU a line"):
        table.add_column(column, justify="right")
    grown = web.most_bytes - web.before_bytes
    table.add_row(
        f"{web.before_bytes / MEBIBYTE:.0f} MiB",
        f"{web.most_bytes / MEBIBYTE:.0f} MiB",
        f"{grown / STREAMS / 1024:.0f} KiB",
        str(web.threads),
        f"{web.cpu_seconds / STREAMS / LINES * 1e6:.0f} µs",
    )
    return table


def _spread(seconds: list[float]) -> list[str]:
    return [f"{statistics.quantiles(seconds, n=20)[part] * 1000:.2f} ms" for part in (9, 18)]


if __name__ == "__main__":
    main()
