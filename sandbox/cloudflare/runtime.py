"""The one workerd process: started, watched, told about new versions, and started again when it fails.

A script can end the process (memory) or stall it (a loop that never yields), and with it every other
script. So it is asked for its health all the time: an ended process is replaced at once, a stalled one after
`stall_seconds`. Nothing is lost with it, because all it knows is on disk.
"""

import contextlib
import logging
import os
import secrets
import signal
import subprocess
import threading
import time
from collections import deque
from pathlib import Path
from typing import Any

import httpx

from sandbox.cloudflare import errors
from sandbox.cloudflare.errors import StartError
from sandbox.cloudflare.workerd_config import Addresses, Setup, write_config
from sandbox.ports import free_port

log = logging.getLogger(__name__)

_PROBE_SECONDS = 0.5
_READY_SECONDS = 20.0
_GRACE_SECONDS = 0.5
_LOG_BYTES = 5_000_000
# Ending an isolate makes workerd print the very error by which we end it, and every error the addresses of
# its stack, which say nothing without symbols.
_NOISE = ("stack: /", "script terminated for unknown reasons", "branchline: this isolate is superseded")


class Runtime:
    """Supervises workerd and speaks with it."""

    def __init__(self, setup: Setup, workerd: Path, dispatch_port: int, stall_seconds: float = 10.0) -> None:
        self.dispatch_port = dispatch_port
        self.token = secrets.token_urlsafe(32)
        self.restarts = 0
        self._setup = setup
        self._workerd = workerd
        self._stall_seconds = stall_seconds
        self._folder = setup.state / "run"
        self._process: subprocess.Popen[str] | None = None
        self._ready = threading.Event()
        self._stopping = threading.Event()
        self._output: deque[str] = deque(maxlen=40)
        self._supervisor = threading.Thread(target=self._supervise, name="workerd", daemon=True)
        self._client = httpx.Client(
            headers={"authorization": f"Bearer {self.token}"}, timeout=stall_seconds, trust_env=False
        )

    # Life

    def start(self, api_port: int) -> None:
        """Start workerd and wait until it answers.

        Raises:
            RuntimeError: it did not, with what it printed.
        """
        self._end_stale()
        control = free_port()
        addresses = Addresses(*(f"127.0.0.1:{port}" for port in (self.dispatch_port, control, api_port)))
        self._config = write_config(self._folder, self._setup, addresses, self.token)
        self._client.base_url = httpx.URL(f"http://{addresses.control}")
        self._supervisor.start()
        if not self._ready.wait(_READY_SECONDS):
            self.stop()
            raise RuntimeError("workerd does not start:\n" + "\n".join(self._output))

    def stop(self) -> None:
        """End workerd, politely for a moment."""
        self._stopping.set()
        process = self._process
        if process is not None:
            # It may keep its sockets for long after SIGTERM while somebody holds a WebSocket.
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_GRACE_SECONDS)
            process.kill()
        if self._supervisor.is_alive():
            self._supervisor.join(_READY_SECONDS)
        self._client.close()

    # What is asked of it

    def handlers(self, namespace: str, script: str, version: str) -> list[str]:
        """Start a version beside the live one; returns its handlers.

        Raises:
            StartError: it does not parse, throws at its top level, or stalls or ends the process.
            ApiError: the process itself does not come back.
        """
        for _ in range(2):
            self.await_ready()
            try:
                answer = self._ask("/start", namespace=namespace, script=script, version=version)
            except httpx.TimeoutException:
                self.restart("a script did not finish starting")
                raise StartError("Script startup exceeded CPU time limit.") from None
            except httpx.HTTPError:
                # Ended by another script, perhaps: once more, in a new process.
                self._ready.clear()
                continue
            if "error" in answer:
                raise StartError(_readable(answer["error"]))
            return [str(name) for name in answer["handlers"]]
        raise StartError("Script startup exceeded memory limit.")

    def publish(self, namespace: str, script: str, version: str | None) -> None:
        """Make a committed version the one that answers; None when the script is gone.

        When this returns, no older version answers a new request: either the process was told, or a new
        process reads the disk.
        """
        try:
            self._ask("/publish", namespace=namespace, script=script, version=version)
        except httpx.HTTPError as problem:
            self.restart(f"it did not take a new version: {problem!r}")

    def await_ready(self) -> None:
        """Wait until the process answers, or refuse after a while."""
        if not self._ready.wait(_READY_SECONDS):
            raise errors.runtime_unavailable()

    def restart(self, reason: str) -> None:
        """End the process now; the supervisor starts the next one."""
        process = self._process
        self._ready.clear()
        log.warning("workerd is started again: %s", reason)
        if process is not None:
            process.kill()

    def _ask(self, path: str, **question: str | None) -> Any:
        return self._client.post(path, json=question).raise_for_status().json()

    # Supervision, in its own thread

    def _supervise(self) -> None:
        while not self._stopping.is_set():
            with self._spawn() as process:
                self._process = process
                if self._stopping.is_set():
                    process.kill()
                reader = threading.Thread(target=self._read_output, args=(process,), daemon=True)
                reader.start()
                self._watch(process)
                reader.join(_GRACE_SECONDS)
            self._ready.clear()
            if not self._stopping.is_set():
                self.restarts += 1
                log.warning("workerd ended with status %s", process.returncode)
                self._stopping.wait(0.1)

    def _spawn(self) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [self._workerd, "serve", "--experimental", self._config],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            cwd=self._folder,
            start_new_session=True,
        )
        (self._folder / "workerd.pid").write_text(str(process.pid))
        return process

    def _watch(self, process: subprocess.Popen[str]) -> None:
        """Return when the process has ended, ending it when it stalls."""
        answered = time.monotonic()
        while process.poll() is None:
            if self._is_healthy():
                answered = time.monotonic()
                self._ready.set()
            elif time.monotonic() - answered > (
                self._stall_seconds if self._ready.is_set() else _READY_SECONDS
            ):
                log.warning("workerd has not answered for %s seconds", self._stall_seconds)
                process.kill()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_PROBE_SECONDS if self._ready.is_set() else 0.02)

    def _is_healthy(self) -> bool:
        try:
            return self._client.get("/health").is_success
        except httpx.HTTPError:
            return False

    def _read_output(self, process: subprocess.Popen[str]) -> None:
        """Keep what the process prints, but for the noise, in a file of bounded size."""
        assert process.stdout is not None  # noqa: S101 - it was asked for as a pipe
        with (self._folder / "workerd.log").open("a") as file:
            for line in process.stdout:
                if any(noise in line for noise in _NOISE):
                    continue
                self._output.append(line.rstrip())
                if file.tell() > _LOG_BYTES:
                    file.truncate(0)
                file.write(line)
                file.flush()

    def _end_stale(self) -> None:
        """End the process of a sandbox that was killed before it could do so itself."""
        with contextlib.suppress(OSError, ValueError):
            pid = int((self._folder / "workerd.pid").read_text())
            if str(self._folder / "config.capnp") in _command_of(pid):
                os.kill(pid, signal.SIGKILL)


def _command_of(pid: int) -> str:
    """Return the command line of a process; nothing when there is none."""
    linux = Path(f"/proc/{pid}/cmdline")
    if linux.parent.parent.exists():
        return linux.read_text() if linux.exists() else ""
    listing = ["ps", "-o", "args=", "-p", str(pid)]
    return subprocess.run(listing, capture_output=True, text=True, check=False, timeout=5).stdout


def _readable(message: str) -> str:
    """Return a start error as its author knows it, without our own module's name."""
    return message.removeprefix("Failed to start Worker:").strip()
