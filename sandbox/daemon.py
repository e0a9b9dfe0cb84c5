"""One long-running process of the city: started in a process group of its own, watched, and ended whole.

Whole means with every process below it, also those that have a group of their own.

A pid file with the process's start time makes a leftover of a killed city recognisable: a number that was
given to some other process meanwhile is never touched. What the process is for is no concern of this module.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx
import psutil

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

READY_SECONDS = 60.0
GRACE_SECONDS = 5.0
POLL_SECONDS = 0.05
TAIL_LINES = 25
# The system tells when a process started by its clock of now, which may have been set meanwhile.
SAME_START_SECONDS = 2.0


class DaemonFailed(Exception):
    """A process of the city ended, or did not become ready; the message has the end of its log."""


@dataclass
class Daemon:
    """A process called `name`: its log is `logs/{name}.log`, its pid file `run/{name}.json`."""

    name: str
    arguments: list[str]
    environment: dict[str, str]
    directory: Path
    ready_urls: list[str]
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)
    _below: list[psutil.Process] = field(default_factory=list, init=False)

    @property
    def log(self) -> Path:
        """The file that takes all it prints."""
        return self.directory / "logs" / f"{self.name}.log"

    @property
    def pid(self) -> int | None:
        """The number of the process while there is one."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Start it, after ending what an earlier city left; `wait_ready` says whether it came up."""
        end_leftover(self._pid_file)
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self.arguments,
                env=self.environment,
                cwd=self.directory,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._write_pid_file(self._process.pid)

    def wait_ready(self, seconds: float = READY_SECONDS) -> None:
        """Wait until it answers at every ready address; what others answer there does not count.

        Raises:
            DaemonFailed: it ended, or the time is over.
        """
        deadline = time.monotonic() + seconds
        for url in self.ready_urls:
            while not (_answers(url) and self._listens(url)):
                self.check()
                if time.monotonic() > deadline:
                    raise DaemonFailed(f"{self.name} did not answer at {url}\n{self.tail()}")
                time.sleep(POLL_SECONDS)

    def _listens(self, url: str) -> bool:
        """Say whether it, or a process below it, is who listens at the port of `url`."""
        port = urlsplit(url).port
        return any(
            connection.status == psutil.CONN_LISTEN and connection.laddr.port == port
            for process in (_family(self._process.pid) if self._process else [])
            for connection in _connections(process)
        )

    def check(self) -> None:
        """Do nothing while it runs.

        Raises:
            DaemonFailed: it has ended.
        """
        if self._process and self._process.poll() is not None:
            raise DaemonFailed(f"{self.name} ended with code {self._process.returncode}\n{self.tail()}")

    def ask_to_end(self) -> None:
        """Send SIGTERM; `end` waits."""
        if self._process and self._process.poll() is None:
            self._below += _family(self._process.pid)  # one that ends does not tell any more
            self._process.terminate()

    def end(self) -> None:
        """End it and everything it started, for good after the grace period; may run again."""
        if self._process is None:
            return
        self.ask_to_end()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(GRACE_SECONDS)
        _kill_whole(self._process.pid, self._below)
        self._process.wait()
        self._process, self._below = None, []
        self._pid_file.unlink(missing_ok=True)

    def kill(self) -> None:
        """End it without warning, as a crash would."""
        if self._process is not None:
            _kill_whole(self._process.pid)
            self._process.wait()

    def tail(self) -> str:
        """Return the last lines of its log, with where to find the rest."""
        lines = self.log.read_text(errors="replace").splitlines()[-TAIL_LINES:]
        return "\n".join([f"the end of {self.log}:", *(f"    {line}" for line in lines)])

    @property
    def _pid_file(self) -> Path:
        return self.directory / "run" / f"{self.name}.json"

    def _write_pid_file(self, pid: int) -> None:
        self._pid_file.parent.mkdir(parents=True, exist_ok=True)
        with suppress(psutil.NoSuchProcess):
            facts = {"pid": pid, "startedAt": psutil.Process(pid).create_time()}
            self._pid_file.write_text(json.dumps(facts))


def end_leftover(pid_file: Path) -> None:
    """Kill the process that `pid_file` names with all below it, if it is still the same one."""
    if not pid_file.exists():
        return
    with suppress(psutil.NoSuchProcess, ValueError, KeyError):
        facts = json.loads(pid_file.read_text())
        process = psutil.Process(facts["pid"])
        if abs(process.create_time() - facts["startedAt"]) <= SAME_START_SECONDS:
            _kill_whole(process.pid)
            psutil.wait_procs([process], timeout=GRACE_SECONDS)
    pid_file.unlink()


def _kill_whole(leader: int, known: Sequence[psutil.Process] = ()) -> None:
    """Kill a process with its group and all below it, of which some may be `known` from before."""
    family = [*known, *_family(leader)]
    with suppress(ProcessLookupError):
        os.killpg(leader, signal.SIGKILL)
    for process in family:
        with suppress(psutil.NoSuchProcess):  # nor is there when its number is somebody else's by now
            process.kill()


def _family(pid: int) -> list[psutil.Process]:
    """Return a process and all that are below it; none when it has ended."""
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    return []


def _connections(process: psutil.Process) -> list[Any]:
    with suppress(psutil.Error):
        return process.net_connections("tcp")
    return []


def _answers(url: str) -> bool:
    """Say whether there is a server at `url` that does not complain of being unready."""
    with suppress(httpx.HTTPError):
        return httpx.get(url, timeout=5, trust_env=False).status_code < httpx.codes.INTERNAL_SERVER_ERROR
    return False
