"""From asking for a worker of 50 lines to its address answering, beside a bare `PUT` of the same script.

A deployment compiles, puts the version up under its own address, asks it there for its functions, and puts it
up under the worker's: two uploads, where the floor is one. Both end with the first call that is answered by
the new code. The floor sends the very modules that a worker is made of.
"""

from __future__ import annotations

import json
import os
import statistics
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
from rich.console import Console
from rich.table import Table

from app.bootstrap.workers import runtime_modules
from app.domain.sources import Source
from app.domain.workers import Options
from app.functions.esbuild import EsbuildCompiler
from app.pipeline.workers_bundle import COMPATIBILITY_DATE, COMPATIBILITY_FLAGS
from app.render.functions import AUTHOR, MAIN, render_main
from benchmarks.cloudflare import ACCOUNT, NAMESPACE, ROOT, running_cloudflare
from benchmarks.control_plane import environment, serving
from benchmarks.spreads import spread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.cloudflare import Cloudflare

ROUNDS = 40
TIMEOUT_SECONDS = 30
FLOOR = "barebare"
ESBUILD = ROOT / ".sandbox/tools/node_modules/esbuild/bin/esbuild"


def main() -> None:
    """Deploy new versions in turn with bare uploads, compile alone, and print the table."""
    with tempfile.TemporaryDirectory(prefix="branchline-bench-") as name:
        directory = Path(name)
        with running_cloudflare(directory) as cloudflare, _asking(directory, cloudflare) as branchline:
            worker = Worker(branchline, cloudflare)
            worker.deploy(0)
            bare(cloudflare, 0)
            pairs = [(worker.deploy(number), bare(cloudflare, number)) for number in range(1, ROUNDS + 1)]
    Console().print(table(pairs, [compile_once(number) for number in range(ROUNDS)]))


class Worker:
    """A worker that is deployed again and again."""

    def __init__(self, branchline: httpx.Client, cloudflare: Cloudflare) -> None:
        self._branchline = branchline
        self._dispatch = cloudflare.dispatch
        self._slug = ""

    def deploy(self, number: int) -> float:
        """Deploy a version and return the seconds until its code answers."""
        asked_at = time.monotonic()
        if self._slug:
            answer = self._branchline.put("/api/workers/bench", json={"code": code(number)})
        else:
            answer = self._branchline.post("/api/workers", json={"name": "bench", "code": code(number)})
        self._slug = answer.raise_for_status().json()["slug"]
        wait_until(lambda: result(f"{self._dispatch}/app/{self._slug}") == number)
        return time.monotonic() - asked_at


def bare(cloudflare: Cloudflare, number: int) -> float:
    """Upload the same modules straight to Cloudflare and return the seconds until they answer."""
    modules = {MAIN: render_main(Options()).encode(), AUTHOR: compiled(number), **runtime_modules()}
    metadata = {
        "main_module": MAIN,
        "compatibility_date": COMPATIBILITY_DATE,
        "compatibility_flags": list(COMPATIBILITY_FLAGS),
    }
    parts = [(name, (name, text, "application/javascript+module")) for name, text in modules.items()]
    path = f"accounts/{ACCOUNT}/workers/dispatch/namespaces/{NAMESPACE}/scripts/{FLOOR}"
    asked_at = time.monotonic()
    httpx.put(
        f"{cloudflare.api}/{path}",
        headers={"Authorization": f"Bearer {cloudflare.token}"},
        files=[("metadata", (None, json.dumps(metadata).encode(), "application/json")), *parts],
        timeout=TIMEOUT_SECONDS,
    ).raise_for_status()
    wait_until(lambda: result(f"{cloudflare.dispatch}/app/{FLOOR}") == number)
    return time.monotonic() - asked_at


def compile_once(number: int) -> float:
    """Return the seconds that the compiler takes."""
    begun_at = time.monotonic()
    compiled(number)
    return time.monotonic() - begun_at


def compiled(number: int) -> bytes:
    """Return the module in JavaScript."""
    return EsbuildCompiler(ESBUILD).compile([Source("functions.ts", code(number))]).code


def code(number: int) -> str:
    """Return a module of 50 lines whose `version` says which one it is."""
    functions = "".join(
        f"export async function area{n}(shape: Shape): Promise<number> {{\n"
        f"  const [width, height] = [shape.width ?? {n}, shape.height ?? 1];\n"
        f"  console.log('area %d of', {n}, shape);\n"
        f"  return width * height;\n"
        f"}}\n"
        for n in range(9)
    )
    shape = "interface Shape { width?: number; height?: number }\nenum Unit { Metre, Mile }\n"
    last = f"export const version = (): number => {number};\n// {'-' * 40}\n"
    return f"{shape}{functions}export const unit = (): string => Unit[0];\n{last}"


def result(address: str) -> object:
    """Return which version answers there."""
    answer = httpx.post(f"{address}/api/invoke/version", timeout=TIMEOUT_SECONDS)
    return answer.json()["result"] if answer.is_success else None


def wait_until(is_so: Callable[[], bool]) -> None:
    """Look until it is so."""
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while not is_so():
        if time.monotonic() > deadline:
            raise TimeoutError("the address does not answer with the code that was put there")


@contextmanager
def _asking(directory: Path, cloudflare: Cloudflare) -> Iterator[httpx.Client]:
    nowhere = "http://127.0.0.1:9"
    environ = environment(
        directory, github_url=nowhere, github_token=cloudflare.token, cloudflare_url=cloudflare.api
    ) | {
        "CLOUDFLARE_ACCOUNT_ID": ACCOUNT,
        "CLOUDFLARE_API_TOKEN": cloudflare.token,
        "WFP_NAMESPACE_PRODUCTION": NAMESPACE,
        "WFP_DISPATCH_DOMAIN": cloudflare.dispatch,
        "BRANCHLINE_ESBUILD": str(ESBUILD),
    }
    token = {"Authorization": f"Bearer {environ['BRANCHLINE_API_TOKEN']}"}
    with (
        serving(environ) as control_plane,
        httpx.Client(base_url=control_plane.url, headers=token, timeout=TIMEOUT_SECONDS) as client,
    ):
        yield client


def table(pairs: list[tuple[float, float]], compilations: list[float]) -> Table:
    """Put the measurements into a table."""
    deployed, floors = (list(column) for column in zip(*pairs, strict=True))
    ratio = statistics.median(deployed) / statistics.median(floors)
    title = f"workers ({os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the end)"
    rows = Table("", "measured", "aim", title=title)
    rows.add_row("deploy of 50 lines to its address answering", spread(deployed), "p50 under 300 ms")
    rows.add_row("a bare upload of the same modules to the same answer", spread(floors), "")
    rows.add_row("ratio of the medians", f"{ratio:.2f}", "")
    rows.add_row("of that the compiler", spread(compilations), "")
    return rows


if __name__ == "__main__":
    main()
