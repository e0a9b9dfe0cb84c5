"""`branchline serve`: the web server, and on one machine the jobs process beside it.

The two share only the database. When the jobs process ends it is started again; when the web server ends,
everything ends.
"""

import os
import signal
import subprocess
import sys
import time
from types import FrameType
from typing import Final

import click

from app.cli.logs import configure_logging
from app.settings import Settings

# One process holds 70 MB less than two, and SQLite takes one writer at a time anyway.
_WORKERS: Final = 1
_THREADS: Final = 8
_POLL_SECONDS: Final = 0.2
_GRACE_SECONDS: Final = 15.0
_RESTART_SECONDS: Final = 1.0


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(0, 65535))
@click.option("--workers", default=_WORKERS, show_default=True, type=click.IntRange(1, 64))
@click.option("--jobs/--no-jobs", default=True, show_default=True, help="Run the jobs process as well.")
def serve(*, host: str, port: int, workers: int, jobs: bool) -> None:
    """Serve webhooks and the API with gunicorn, and work jobs off."""
    Settings.from_environ(os.environ)  # what is wrong is said before anything starts
    configure_logging()
    commands = [[sys.executable, "-m", "gunicorn", *_gunicorn_arguments(host, port, workers)]]
    if jobs:
        commands.append([sys.executable, "-m", "app", "jobs"])
    sys.exit(_Processes(commands).run())


def _gunicorn_arguments(host: str, port: int, workers: int) -> list[str]:
    return [
        f"--bind={host}:{port}",
        f"--workers={workers}",
        f"--threads={_THREADS}",
        "--worker-class=gthread",
        "--timeout=30",
        "--graceful-timeout=10",
        "--no-control-socket",
        "--log-level=warning",
        "app.wsgi:application",
    ]


def _environ() -> dict[str, str]:
    # Dozens of threads otherwise get an arena of memory each, which never shrinks.
    return {"MALLOC_ARENA_MAX": "2"} | os.environ


class _Processes:
    """The web server (first) and what runs beside it."""

    def __init__(self, commands: list[list[str]]) -> None:
        self._commands = commands
        self._ended = False

    def run(self) -> int:
        """Run until a signal comes or the web server ends; return the exit code."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._end)
        running = [subprocess.Popen(command, env=_environ()) for command in self._commands]
        try:
            while not self._ended and running[0].poll() is None:
                self._revive(running)
                time.sleep(_POLL_SECONDS)
        finally:
            self._stop(running)
        return 0 if self._ended else (running[0].returncode or 1)

    def _end(self, _number: int, _frame: FrameType | None) -> None:
        self._ended = True

    def _revive(self, running: list[subprocess.Popen[bytes]]) -> None:
        for index, process in enumerate(running[1:], start=1):
            if process.poll() is not None and not self._ended:
                click.echo(
                    f"branchline: the jobs process ended ({process.returncode}), starting it", err=True
                )
                time.sleep(_RESTART_SECONDS)
                running[index] = subprocess.Popen(self._commands[index], env=_environ())

    def _stop(self, running: list[subprocess.Popen[bytes]]) -> None:
        for process in running:
            if process.poll() is None:
                process.terminate()
        deadline = time.monotonic() + _GRACE_SECONDS
        for process in running:
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
