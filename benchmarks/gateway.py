"""What the gateway adds: the same `wrangler deploy` straight to Cloudflare and through it, in turn.

Cloudflare is the sandbox's, in the same run for both. The gateway puts each deployment up twice, under an
address of its own and under its environment's, and that is in these figures. Every deploy has new code and
new files, so that nothing is known from before. Memory is that of the web process alone.
"""

from __future__ import annotations

import json
import os
import secrets
import statistics
import subprocess
import tempfile
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import psutil
from rich.console import Console
from rich.table import Table

from app.bootstrap.shared import Shared, utc_now
from app.domain.apps import App, AppStatus
from app.domain.deployments import Deployment, Run, Status
from app.domain.environments import Environment
from app.domain.names import new_id, own_script_name
from app.settings import Settings
from app.web.gateway import PREFIX
from app.web.grants import Grants
from benchmarks.cloudflare import ACCOUNT, NAMESPACE, running_cloudflare
from benchmarks.control_plane import environment, free_port, serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from benchmarks.cloudflare import Cloudflare
    from benchmarks.control_plane import ControlPlane

ROUNDS = 5
UPLOADS = 25
MEBIBYTE = 1024 * 1024
LARGE_BYTES = 25 * MEBIBYTE
SAMPLE_SECONDS = 0.005
TIMEOUT_SECONDS = 120
ROOT = Path(__file__).parents[1]
WRANGLER = ROOT / ".sandbox/tools/node_modules/.bin/wrangler"
CODE = "export default {{ fetch: () => new Response({version!r}) }};"


def main() -> None:
    """Print the table."""
    with (
        tempfile.TemporaryDirectory(prefix="branchline-bench-") as name,
        running_cloudflare(Path(name)) as cloudflare,
        _plane(Path(name), cloudflare) as plane,
    ):
        project = Project(Path(name) / "project")
        _pair(project, cloudflare, plane, large=False)  # what is loaded and connected once, on either side
        small = [_pair(project, cloudflare, plane, large=False) for _ in range(ROUNDS)]
        with plane.watching_memory() as memory:
            large = [_pair(project, cloudflare, plane, large=True) for _ in range(ROUNDS)]
        uploads = [_answering(cloudflare, plane) for _ in range(UPLOADS)]
    Console().print(_table(small, large, memory.growth_bytes, uploads))


def _pair(project: Project, cloudflare: Cloudflare, plane: Plane, *, large: bool) -> tuple[float, float]:
    """Deploy straight and through the gateway, each with content of its own; return the seconds of both."""
    ways = [
        lambda: project.deploy("straight", cloudflare.api, cloudflare.token),
        lambda: project.deploy("through", plane.api, plane.grant()),
    ]
    seconds = [0.0, 0.0]
    for way in (0, 1) if secrets.randbelow(2) else (1, 0):
        project.renew(large=large)
        seconds[way] = ways[way]()
    return seconds[0], seconds[1]


def _answering(cloudflare: Cloudflare, plane: Plane) -> tuple[float, float]:
    """Return the seconds from an upload to the address answering with it, straight and through."""
    straight = _put("straight", cloudflare.api, cloudflare.token, cloudflare.dispatch)
    return straight, _put("through", plane.api, plane.grant(), cloudflare.dispatch)


def _put(script: str, api: str, token: str, dispatch: str) -> float:
    version = secrets.token_hex(8)
    described = {"main_module": "index.js", "compatibility_date": "2026-10-01"}
    files: dict[str, tuple[str | None, str, str]] = {
        "metadata": (None, json.dumps(described), "application/json"),
        "index.js": ("index.js", CODE.format(version=version), "application/javascript+module"),
    }
    path = f"{api}/accounts/{ACCOUNT}/workers/dispatch/namespaces/{NAMESPACE}/scripts/{script}"
    with httpx.Client(timeout=30, trust_env=False) as http:
        http.get(f"{dispatch}/app/{script}")  # the connection, as a visitor has it
        began = time.perf_counter()
        http.put(path, files=files, headers={"Authorization": f"Bearer {token}"}).raise_for_status()
        while http.get(f"{dispatch}/app/{script}").text != version:
            if time.perf_counter() - began > TIMEOUT_SECONDS:
                raise TimeoutError(f"{script} does not answer with what was uploaded")
        return time.perf_counter() - began


# -------------------- what is measured


@dataclass
class Project:
    """An app's repository after its build."""

    directory: Path

    def renew(self, *, large: bool) -> None:
        """Give it code and files that nobody has seen."""
        version = secrets.token_hex(8)
        files = {f"dist/file-{number}.js": f"// {version} {number}".encode() for number in range(8)}
        files |= {"dist/index.html": version.encode(), "index.js": CODE.format(version=version).encode()}
        config = {"name": "app", "compatibility_date": "2026-10-01", "main": "index.js"}
        files["wrangler.json"] = json.dumps({**config, "assets": {"directory": "dist"}}).encode()
        if large:
            files["dist/large.bin"] = os.urandom(LARGE_BYTES)
        for name, content in files.items():
            path = self.directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

    def deploy(self, script: str, api: str, token: str) -> float:
        """Deploy with wrangler and return the seconds it took."""
        environ = {
            "PATH": f"{ROOT / '.venv/bin'}:{os.environ['PATH']}",
            "HOME": str(self.directory),
            "CLOUDFLARE_API_BASE_URL": api,
            "CLOUDFLARE_API_TOKEN": token,
            "CLOUDFLARE_ACCOUNT_ID": ACCOUNT,
            "WRANGLER_SEND_METRICS": "false",
            "CI": "1",
        }
        command = [str(WRANGLER), "deploy", "--dispatch-namespace", NAMESPACE, "--name", script]
        began = time.perf_counter()
        subprocess.run(
            command, cwd=self.directory, env=environ, check=True, capture_output=True, timeout=TIMEOUT_SECONDS
        )
        return time.perf_counter() - began


@dataclass
class Memory:
    """What a process held: before, and at most since."""

    before_bytes: int
    most_bytes: int = 0

    @property
    def growth_bytes(self) -> int:
        """How much more it held at its highest."""
        return max(0, self.most_bytes - self.before_bytes)


@dataclass
class Plane:
    """A control plane with one app, whose deployments are written straight into its database."""

    running: ControlPlane
    shared: Shared
    app: App
    runs: Iterator[int] = field(default_factory=lambda: count(1))

    @property
    def api(self) -> str:
        """Where its gateway answers."""
        return self.running.url + PREFIX

    def grant(self) -> str:
        """Return the grant of a new deployment that has asked for its plan."""
        deployment = _deployment(self.app, next(self.runs))
        with self.shared.records.begin() as tx:
            for other in tx.deployments.find(self.app.id, statuses=frozenset({Status.DEPLOYING})):
                tx.deployments.save(replace(other, status=Status.READY))
            tx.deployments.add(deployment)
        return Grants(self.shared.settings.secret_key.reveal(), utc_now).issue(deployment)

    @contextmanager
    def watching_memory(self) -> Iterator[Memory]:
        """Look at what the web process holds for as long as the block takes."""
        (worker,) = psutil.Process(self.running.process.pid).children()
        memory, is_over = Memory(worker.memory_info().rss), threading.Event()

        def watch() -> None:
            while not is_over.wait(SAMPLE_SECONDS):
                memory.most_bytes = max(memory.most_bytes, worker.memory_info().rss)

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            yield memory
        finally:
            is_over.set()
            watcher.join()


@contextmanager
def _plane(directory: Path, cloudflare: Cloudflare) -> Iterator[Plane]:
    nowhere = f"http://127.0.0.1:{free_port()}"
    environ = environment(directory, github_url=nowhere, github_token="none", cloudflare_url=cloudflare.api)  # noqa: S106
    environ |= {
        "CLOUDFLARE_ACCOUNT_ID": ACCOUNT,
        "CLOUDFLARE_API_TOKEN": cloudflare.token,
        "WFP_NAMESPACE_PRODUCTION": NAMESPACE,
        "BRANCHLINE_BUNDLES": str(directory / "bundles"),
    }
    with serving(environ, "--no-jobs") as running:
        shared, at = Shared(Settings.from_environ(environ)), utc_now()
        app = App(new_id("app", at), "through", "bench", AppStatus.READY, at, at)
        with shared.records.begin() as tx:
            tx.apps.add(app)
        yield Plane(running, shared, app)


def _deployment(app: App, number: int) -> Deployment:
    at = utc_now()
    identity = new_id("dpl", at)
    return Deployment(
        id=identity,
        app_id=app.id,
        environment=Environment.PRODUCTION,
        namespace=NAMESPACE,
        script=app.slug,
        own_script=own_script_name(app.slug, Environment.PRODUCTION, identity),
        branch="main",
        commit=secrets.token_hex(20),
        message=None,
        pull_request=None,
        run=Run(number, number, 1, "https://github.example/runs/1"),
        status=Status.DEPLOYING,
        created_at=at,
        updated_at=at,
    )


# -------------------- what is printed


def _table(
    small: Sequence[tuple[float, float]],
    large: Sequence[tuple[float, float]],
    growth_bytes: int,
    uploads: Sequence[tuple[float, float]],
) -> Table:
    title = f"deploy gateway ({os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the end)"
    table = Table("", "straight", "gateway", "ratio", "aim", title=title)
    table.add_row("wrangler deploy, small app", *_medians(small, _seconds), "at most 1.10")
    table.add_row("wrangler deploy, with a file of 25 MiB", *_medians(large, _seconds), "at most 1.10")
    table.add_row("upload to answering with it, p50", *_medians(uploads, _milliseconds), "under 100 ms")
    table.add_row("the web process grew by", "", f"{growth_bytes / MEBIBYTE:.1f} MiB", "", "under 50 MB")
    return table


def _medians(pairs: Sequence[tuple[float, float]], show: Callable[[Sequence[float]], str]) -> list[str]:
    straight, through = (list(column) for column in zip(*pairs, strict=True))
    ratio = statistics.median(through) / statistics.median(straight)
    return [show(straight), show(through), f"{ratio:.2f}"]


def _seconds(values: Sequence[float]) -> str:
    spread = f"{min(values):.2f} to {max(values):.2f}, n={len(values)}"
    return f"{statistics.median(values):.2f} s ({spread})"


def _milliseconds(values: Sequence[float]) -> str:
    spread = f"{min(values) * 1000:.0f} to {max(values) * 1000:.0f}, n={len(values)}"
    return f"{statistics.median(values) * 1000:.0f} ms ({spread})"


if __name__ == "__main__":
    main()
