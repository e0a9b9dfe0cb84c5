"""What the functions' runtime costs: a function called through it, and the same one in a bare Worker.

Both stand behind the dispatch worker in one workerd, and both write to the console. The bare one parses the
body, calls the function and answers its result; the runtime also checks the call, limits its time, names it,
and answers its logs. They are measured in turn. Calls a second are what a caller sees, and suffer when the
machine does something else; the CPU time that workerd spends on a call suffers less.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import statistics
import subprocess
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
from rich.console import Console
from rich.table import Table

from benchmarks.control_plane import free_port, stop
from sandbox.cloudflare.workerd_config import find_workerd

if TYPE_CHECKING:
    from collections.abc import Iterator

ROUNDS = 7
SECONDS = 2.0
CONNECTIONS = 16
AIM = 0.7
ROOT = Path(__file__).parents[1]
TOOLS = Path(os.environ.get("BRANCHLINE_TOOLS", ROOT / ".sandbox/tools"))
CASES = (("no line", 0), ("one line", 1), ("ten lines", 10))

FUNCTIONS = """
export async function total({ id, lines, logged }) {
  for (let n = 0; n < logged; n++) console.log("order %s has %d lines", id, lines.length);
  await null;
  return { id, total: lines.reduce((sum, { price, count }) => sum + price * count, 0) };
}
"""
BARE = """
import { total } from "./functions.js";
export default { fetch: async (request) => Response.json(await total(await request.json())) };
"""
MAIN = """
import { createHandler } from "./functions_runtime/index.js";
import * as functions from "./functions.js";
export default createHandler(functions);
"""
NAMESPACE = "export default (scripts) => ({ get: (name) => scripts[name] });"
CONFIG = """
using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  extensions = [(modules = [(name = "bench:namespace", esModule = embed "namespace.js", internal = true)])],
  services = [
    (name = "bare", worker = (compatibilityDate = "2026-11-01", modules = [%(bare)s])),
    (name = "ours", worker = (compatibilityDate = "2026-11-01", modules = [%(ours)s],
      compatibilityFlags = ["enable_request_signal"])),
    (name = "dispatch", worker = (compatibilityDate = "2026-11-01", modules = [%(dispatch)s], bindings = [
      (name = "APPS_DOMAIN", text = "apps.localhost"),
      (name = "NAMESPACE_PRODUCTION", wrapped = (moduleName = "bench:namespace", innerBindings = [
        (name = "bare", service = "bare"), (name = "ours", service = "ours")])),
    ])),
  ],
  sockets = [(name = "http", address = "127.0.0.1:%(port)d", http = (), service = "dispatch")],
);
"""


@dataclass(frozen=True)
class Measured:
    """One round: how fast answers came, and what workerd spent on each."""

    per_second: float
    cpu_seconds: float


def main() -> None:
    """Print the table."""
    table = Table(title=f"calls over {CONNECTIONS} connections, median of {ROUNDS} rounds in turn")
    for column in ("logged", "bare a second", "ours a second", "ratio", "CPU µs bare", "ours", "ratio"):
        table.add_column(column, justify="right")
    with tempfile.TemporaryDirectory(prefix="branchline-bench-") as name, _workerd(Path(name)) as load:
        for label, logged in CASES:
            rounds = [(load.measure("bare", logged), load.measure("ours", logged)) for _ in range(ROUNDS)]
            table.add_row(label, *_figures(rounds))
    Console().print(table)
    print(f"aim: at least {AIM} of the bare Worker's calls a second, with a line logged")


def _figures(rounds: list[tuple[Measured, Measured]]) -> list[str]:
    bare, ours = zip(*rounds, strict=True)
    speeds = [statistics.median(it.per_second for it in side) for side in (bare, ours)]
    costs = [statistics.median(it.cpu_seconds for it in side) * 1e6 for side in (bare, ours)]
    speed = statistics.median(our.per_second / its.per_second for its, our in rounds)
    cost = statistics.median(its.cpu_seconds / our.cpu_seconds for its, our in rounds)
    return [
        *(f"{it:,.0f}" for it in speeds),
        f"{speed:.2f}",
        *(f"{it:.0f}" for it in costs),
        f"{cost:.2f}",
    ]


@dataclass(frozen=True)
class _Load:
    """Connections to a running workerd."""

    port: int
    process: psutil.Process
    connections: list[socket.socket]

    def measure(self, script: str, logged: int) -> Measured:
        """Call for some seconds; every answer must be a success."""
        request = _request(script, logged)
        self._call_all(request)  # an isolate's first calls are not like its others
        before, began = sum(self.process.cpu_times()[:2]), time.perf_counter()
        calls = 0
        while (took := time.perf_counter() - began) < SECONDS:
            self._call_all(request)
            calls += len(self.connections)
        spent = sum(self.process.cpu_times()[:2]) - before
        return Measured(calls / took, spent / calls)

    def _call_all(self, request: bytes) -> None:
        for connection in self.connections:
            connection.sendall(request)
        for connection in self.connections:
            _read_answer(connection)


def _request(script: str, logged: int) -> bytes:
    path = f"/app/{script}/" if script == "bare" else f"/app/{script}/api/invoke/total"
    order = {"id": "o1", "logged": logged, "lines": [{"price": 3, "count": 2}, {"price": 5, "count": 1}]}
    body = json.dumps(order).encode()
    return f"POST {path} HTTP/1.1\r\nhost: bench\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body


def _read_answer(connection: socket.socket) -> None:
    answer = connection.recv(65536)
    while not _is_whole(answer):
        answer += connection.recv(65536) or _fail(answer)
    if not answer.startswith(b"HTTP/1.1 200"):
        _fail(answer)


def _is_whole(answer: bytes) -> bool:
    head, _, body = answer.partition(b"\r\n\r\n")
    _, _, length = head.partition(b"Content-Length: ")
    return bool(length) and len(body) == int(length.partition(b"\r")[0])


def _fail(answer: bytes) -> bytes:
    raise RuntimeError(f"not a success: {answer.decode(errors='replace')}")


# -------------------- the one process


@contextmanager
def _workerd(folder: Path) -> Iterator[_Load]:
    port = free_port()
    _write(folder, port)
    command = [str(find_workerd(TOOLS)), "serve", "config.capnp"]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL)
    connections: list[socket.socket] = []
    try:
        connections += [_connect(port) for _ in range(CONNECTIONS)]
        yield _Load(port, psutil.Process(process.pid), connections)
    finally:
        for connection in connections:
            connection.close()
        stop(process)


def _write(folder: Path, port: int) -> None:
    shutil.copytree(ROOT / "functions_runtime/src", folder / "functions_runtime")
    shutil.copyfile(ROOT / "dispatch_worker/src/dispatch.js", folder / "dispatch.js")
    texts = {"functions.js": FUNCTIONS, "bare.js": BARE, "main.js": MAIN, "namespace.js": NAMESPACE}
    for name, text in texts.items():
        (folder / name).write_text(text)
    runtime = [f"functions_runtime/{path.name}" for path in (folder / "functions_runtime").glob("*.js")]
    config = CONFIG % {
        "bare": _modules("bare.js", "functions.js"),
        "ours": _modules("main.js", "functions.js", *runtime),
        "dispatch": _modules("dispatch.js"),
        "port": port,
    }
    (folder / "config.capnp").write_text(config)


def _modules(*names: str) -> str:
    return ", ".join(f'(name = "{name}", esModule = embed "{name}")' for name in names)


def _connect(port: int) -> socket.socket:
    deadline = time.monotonic() + 10
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=10)
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)


if __name__ == "__main__":
    main()
