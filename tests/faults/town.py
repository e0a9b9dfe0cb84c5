"""A city without builds: the sandbox's GitHub and Cloudflare, and a control plane whose processes may die.

Runs are light (`light_runner`): they deploy over the real endpoints and build nothing. Of the control plane
only what a test asks for runs: jobs processes by `nursery`, web processes by `branchline serve`.
"""

import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import httpx
from sqlalchemy import text

from app.bootstrap.shared import Shared
from app.jobs import engine
from app.settings import Settings
from sandbox import plan as planning
from sandbox.daemon import Daemon
from sandbox.plan import ACCOUNT_ID, BOT, TOOLS, Plan
from sandbox.web import Api
from tests.faults.light_runner import IDLE
from tests.faults.nursery import JobsProcess, Nursery

RUNNER = Path(__file__).with_name("light_runner.py")


class Remotes:
    """GitHub and Cloudflare, in a directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.plan = Plan.of_directory(directory, TOOLS)
        self._daemons = [self._github(), self._cloudflare()]

    def __enter__(self) -> Self:
        for daemon in self._daemons:
            daemon.start()
        for daemon in self._daemons:
            daemon.wait_ready()
        facts = self.plan.facts()
        self.github = Api(facts["github"]["apiUrl"], self.plan.tokens[BOT])
        self.cloudflare = Api(f"{facts['cloudflare']['apiUrl']}/accounts/{ACCOUNT_ID}", self._token)
        self.visitor = httpx.Client(base_url=self.plan.url("dispatch"), timeout=20, trust_env=False)
        return self

    def __exit__(self, *_: object) -> None:
        for client in (self.github, self.cloudflare, self.visitor):
            client.close()
        for daemon in self._daemons:
            daemon.end()

    @property
    def _token(self) -> str:
        return self.plan.secrets["cloudflareToken"]

    def runs_are_idle(self, *, are_idle: bool) -> None:
        """Let runs do nothing, or let them deploy."""
        mark = self.directory / IDLE
        mark.touch() if are_idle else mark.unlink(missing_ok=True)

    def _github(self) -> Daemon:
        daemon = planning.github(self.plan)
        wrapper = self.directory / "light-runner"
        wrapper.write_text(f'#!/bin/sh\nexec "{sys.executable}" -I -S "{RUNNER}" "$@"\n')
        wrapper.chmod(wrapper.stat().st_mode | stat.S_IXUSR)
        at = daemon.arguments.index("sandbox.github")
        module = ["tests.faults.github_process", str(wrapper)]
        habits = ["--rate-limit", "1000000", "--fork-delay-seconds", "0.05", "--actions-concurrency", "4"]
        arguments = [*daemon.arguments[:at], *module, *daemon.arguments[at + 1 :], *habits]
        return replace(daemon, arguments=arguments)

    def _cloudflare(self) -> Daemon:
        daemon = planning.cloudflare(self.plan)
        return replace(daemon, arguments=[*daemon.arguments, "--rate-limit", "1000000"])

    def scripts(self, slug: str) -> dict[str, list[str]]:
        """Return the scripts whose tags say that they are an app's, by namespace."""
        namespaces = [f"branchline-{planning.STAGE}-{name}" for name in planning.NAMESPACES]
        return {name: self._tagged(name, f"app-{slug}") for name in namespaces}

    def _tagged(self, namespace: str, tag: str) -> list[str]:
        path = f"/workers/dispatch/namespaces/{namespace}/scripts"
        found = self.cloudflare.get(path, tags=f"{tag}:yes")["result"]
        return sorted(script["id"] for script in found)

    def visit(self, script: str) -> str:
        """Return what a script answers."""
        return self.visitor.get(f"/app/{script}/").text


class Plane:
    """A control plane over one database; its processes are started and killed one by one."""

    def __init__(self, remotes: Remotes, database_url: str, directory: Path, **changes: str) -> None:
        """Prepare it; `changes` are settings of its processes alone, not of what the test does by itself."""
        self.remotes = remotes
        self.directory = directory
        own = {"DATABASE_URL": database_url, "BRANCHLINE_BUNDLES": str(directory / "bundles")}
        settings = planning.control_plane_environment(remotes.plan) | own
        self.environ = settings | changes
        engine.migrate(database_url)
        self.shared = Shared(Settings.from_environ(settings))
        self.nursery = Nursery(directory)

    def __enter__(self) -> Self:
        self.nursery.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.nursery.__exit__()
        self.shared.engine.close()
        self.shared.database.dispose()

    def jobs(self, **order: Any) -> JobsProcess:
        """Start a jobs process."""
        return self.nursery.start(self.environ, **order)

    def forget_the_dead(self) -> None:
        """Say what another worker would find out by itself after six seconds: that a killed one is dead."""
        with self.shared.database.begin() as connection:
            connection.execute(text("DELETE FROM job_workers"))

    @contextmanager
    def web(self, workers: int = 1) -> Iterator[Daemon]:
        """Run the web processes, without jobs."""
        port = str(self.remotes.plan.ports["controlPlane"])
        arguments = [sys.executable, "-m", "app", "serve", "--no-jobs", "--port", port]
        arguments += ["--workers", str(workers)]
        ready = [f"http://127.0.0.1:{port}/readyz"]
        daemon = Daemon("web", arguments, dict(self.environ), self.directory, ready)
        daemon.start()
        try:
            daemon.wait_ready()
            yield daemon
        finally:
            daemon.end()
