"""`branchline serve`: the web server, and on one machine the jobs process beside it.

The two share only the database. The server's first process also watches the jobs process: when it ends it is
started again, and when the server ends it ends too.
"""

import os
import socket
import subprocess
import sys
import time
from types import FrameType
from typing import Any, Final

import click
from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.workers.gthread import ThreadWorker

from app.cli.logs import configure_logging
from app.settings import Settings
from app.web.patience import READING

# One process holds 70 MB less than two, and SQLite takes one writer at a time anyway.
_WORKERS: Final = 1
# For webhooks and the API; each open call of a function, or stream of events, has a thread of its own beside.
_PLACES: Final = 8
# An idle connection is cheap, and there have to be more of them than threads.
_IDLE_CONNECTIONS: Final = 1000
# A client that takes nothing of its response for so long is gone, and must not hold a thread for ever.
_UNREAD_SECONDS: Final = 60
_TIMEOUT_SECONDS: Final = 30
_GRACE_SECONDS: Final = 10
_LONGEST_LINE_BYTES: Final = 8190  # gunicorn's most: quoted, an address grows
_RESTART_SECONDS: Final = 1.0


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(0, 65535))
@click.option("--workers", default=_WORKERS, show_default=True, type=click.IntRange(1, 64))
@click.option("--jobs/--no-jobs", default=True, show_default=True, help="Run the jobs process as well.")
def serve(*, host: str, port: int, workers: int, jobs: bool) -> None:
    """Serve webhooks and the API with gunicorn, and work jobs off."""
    settings = Settings.from_environ(os.environ)  # what is wrong is said before anything starts
    configure_logging()
    # Threads otherwise get an arena of memory each, and what is freed in them stays with the process.
    os.environ.setdefault("MALLOC_ARENA_MAX", "1")
    os.environ.setdefault("MALLOC_TRIM_THRESHOLD_", "65536")
    # -P: the directory that we are started in may have an `app` of its own, as many projects do.
    companion = _Companion([sys.executable, "-P", "-m", "app", "jobs"]) if jobs else None
    threads = _PLACES + settings.invocations.at_once + settings.live_streams
    _Server(f"{host}:{port}", workers, threads, companion).run()


class _Companion:
    """A process beside the server."""

    def __init__(self, command: list[str]) -> None:
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None
        self._started_at = 0.0

    def revive(self) -> None:
        """Start it when it does not run, at most once a second."""
        if self._process is not None and self._process.poll() is None:
            return
        if time.monotonic() - self._started_at < _RESTART_SECONDS:
            return
        if self._process is not None:
            click.echo("the jobs process ended: starting it again", err=True)
        self._process = subprocess.Popen(self._command)
        self._started_at = time.monotonic()

    def ask_to_end(self) -> None:
        """Let it begin to end."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()

    def stop(self) -> None:
        """End it, politely at first."""
        self.ask_to_end()
        if self._process is None:
            return
        try:
            self._process.wait(_GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class _Watching(Arbiter):  # type: ignore[misc] # gunicorn has no types
    """Gunicorn's first process, with an eye on the companion; it looks about once a second."""

    companion: _Companion | None = None

    def manage_workers(self) -> None:
        """Keep the right number of workers, and the companion."""
        super().manage_workers()
        if self.companion is not None:
            self.companion.revive()

    def stop(self, graceful: bool = True) -> None:  # noqa: FBT001, FBT002 - gunicorn's signature
        """End the workers and the companion at the same time."""
        if self.companion is not None:
            self.companion.ask_to_end()
        super().stop(graceful)


class _Worker(ThreadWorker):  # type: ignore[misc] # gunicorn has no types
    """Gunicorn's worker, which tells the application when it ends."""

    def handle(self, conn: Any) -> Any:
        """Answer a request, of a client that reads."""
        if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux
            conn.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _UNREAD_SECONDS * 1000)
        client = conn.sock
        with READING.of(client):  # until the application has its headers
            return super().handle(conn)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to end: open streams would hold us up."""
        self.method_queue.defer(self.wsgi.cut_streams)
        super().handle_exit(sig, frame)

    def run(self) -> None:
        """Serve until told to end."""
        try:
            super().run()
        finally:
            self.wsgi.finish()


class _Server(BaseApplication):  # type: ignore[misc] # gunicorn has no types
    """Gunicorn without a command line of its own."""

    def __init__(self, address: str, workers: int, threads: int, companion: _Companion | None) -> None:
        self._address = address
        self._workers = workers
        self._threads = threads
        self._companion = companion
        super().__init__()

    def load_config(self) -> None:
        """Set what differs from gunicorn's defaults."""
        options: dict[str, Any] = {
            "bind": self._address,
            "workers": self._workers,
            "threads": self._threads,
            "worker_connections": self._threads + _IDLE_CONNECTIONS,
            "worker_class": _Worker,
            "timeout": _TIMEOUT_SECONDS,
            "graceful_timeout": _GRACE_SECONDS,
            "limit_request_line": _LONGEST_LINE_BYTES,
            "loglevel": "warning",
            "control_socket_disable": True,
        }
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        """Return the application; called in each worker, so that no connection is shared."""
        from app.bootstrap.web import ServedApp  # noqa: PLC0415 - not in the first process, which serves nothing

        return ServedApp(os.environ, _PLACES)

    def run(self) -> None:
        """Serve until a signal comes."""
        arbiter = _Watching(self)
        arbiter.companion = self._companion
        try:
            arbiter.run()
        finally:
            if self._companion is not None and os.getpid() == arbiter.pid:
                self._companion.stop()
