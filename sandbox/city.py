"""The whole pipeline on one machine: GitHub, Cloudflare and the control plane, as processes of their own.

A city lives in a directory. What it learns there it keeps: ports, secrets and all state survive a restart
and a kill. The control plane is started exactly as anywhere else; the city knows of it only its command line
and its addresses.
"""

from __future__ import annotations

import fcntl
import json
import shlex
import shutil
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Self

from sandbox import plan as planning
from sandbox.daemon import Daemon, DaemonFailed, end_leftover
from sandbox.plan import TOOLS, Plan
from sandbox.steps import Steps

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import TracebackType

# What a city owns in its directory; all else there, such as the tools, is left alone.
OWNED_DIRECTORIES = ("github", "cloudflare", "control-plane", "logs", "run", "node")
OWNED_FILES = ("city.json", "city.sh", "ports.json", "secrets.json")
UPGRADE_SECONDS = 60.0
WATCH_SECONDS = 0.5


class CityFailed(Exception):
    """The city cannot start; the message says what to do."""


class City:
    """Starts and ends the processes; a context manager."""

    def __init__(self, directory: Path, steps: Steps | None = None, tools: Path = TOOLS) -> None:
        self.directory = directory.resolve()
        self.steps = steps or Steps()
        self.tools = tools
        self.daemons: dict[str, Daemon] = {}
        self._lock: IO[str] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def plan(self) -> Plan:
        """Its ports and secrets."""
        return Plan.of_directory(self.directory, self.tools)

    def start(self) -> None:
        """Bring everything up and write city.json.

        Raises:
            CityFailed: another city runs in this directory, or the tools are missing.
            DaemonFailed: a process did not come up; the message has the end of its log.
        """
        self._take_lock()
        try:
            self._end_leftovers()
            self._start_daemons()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End everything, within seconds, whoever presses Ctrl-C meanwhile; may run again."""
        with _undisturbed():
            for daemon in self.daemons.values():
                daemon.ask_to_end()
            for daemon in self.daemons.values():
                daemon.end()
            self.daemons.clear()
        if self._lock:
            self._lock.close()
            self._lock = None

    def reset(self) -> None:
        """Forget everything: state, secrets, ports and logs. The city must not run."""
        self._take_lock()
        self._end_leftovers()
        for name in OWNED_DIRECTORIES:
            shutil.rmtree(self.directory / name, ignore_errors=True)
        for name in OWNED_FILES:
            (self.directory / name).unlink(missing_ok=True)
        self.stop()

    def watch(self, ended: threading.Event) -> None:
        """Return when `ended` is set.

        Raises:
            DaemonFailed: a process ended by itself.
        """
        while not ended.wait(WATCH_SECONDS):
            for daemon in self.daemons.values():
                daemon.check()

    def _start_daemons(self) -> None:
        self._check_tools()
        plan = self.plan
        with self.steps.step("start GitHub and Cloudflare, prepare the database") as step:
            self._launch(planning.github(plan), planning.cloudflare(plan))
            _upgrade_database(plan)
            self._wait_ready()
            step.result = f"{plan.url('github')}  {plan.url('cloudflare')}"
        with self.steps.step("start the control plane") as step:
            self._launch(planning.control_plane(plan))
            self._wait_ready()
            step.result = plan.url("controlPlane")
        planning.write_atomically(self.directory / "city.json", json.dumps(plan.facts(), indent=2) + "\n")
        planning.write_atomically(self.directory / "city.sh", _shell_variables(plan.shell_variables()))

    def _launch(self, *daemons: Daemon) -> None:
        for daemon in daemons:
            self.daemons[daemon.name] = daemon
            daemon.start()

    def _wait_ready(self) -> None:
        for daemon in self.daemons.values():
            daemon.wait_ready()

    def _check_tools(self) -> None:
        workerd = self.tools / "node_modules" / ".bin" / "workerd"
        if not workerd.exists():
            raise CityFailed(f"{workerd} is missing: run `make setup`")

    def _take_lock(self) -> None:
        """Hold the directory; the system lets go of it when this process ends, however it ends."""
        self.directory.mkdir(parents=True, exist_ok=True)
        self._lock = (self.directory / "city.lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._lock.close()
            self._lock = None
            raise CityFailed(f"a city is already running in {self.directory}: end it first") from error

    def _end_leftovers(self) -> None:
        for pid_file in (self.directory / "run").glob("*.json"):
            end_leftover(pid_file)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Ignore SIGINT and SIGTERM meanwhile; only the main thread hears of them, and may say so."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _upgrade_database(plan: Plan) -> None:
    """Bring the control plane's database to the current shape.

    Raises:
        DaemonFailed: with what the command printed.
    """
    (plan.directory / "control-plane").mkdir(mode=0o700, exist_ok=True)
    result = subprocess.run(
        [sys.executable, "-m", "app", "db", "upgrade"],
        env=planning.database_environment(plan),
        cwd=plan.directory,
        capture_output=True,
        text=True,
        timeout=UPGRADE_SECONDS,
        check=False,
    )
    if result.returncode != 0:
        raise DaemonFailed(f"db upgrade ended with code {result.returncode}\n{result.stdout}{result.stderr}")


def _shell_variables(variables: dict[str, str]) -> str:
    lines = ["# For a shell: . city.sh", *(f"export {n}={shlex.quote(v)}" for n, v in variables.items())]
    return "\n".join(lines) + "\n"
