"""Jobs processes as tests want them: started in milliseconds, told what to listen to, killed at will."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import psutil

from sandbox.waiting import wait_for
from tests.faults.points import Point

ROOT = Path(__file__).parents[2]


class JobsProcess:
    """One jobs process. Its number is given to others when it is gone: it is known by its start as well."""

    def __init__(self, pid: int, log: Path) -> None:
        self.pid = pid
        self.log = log
        self._process: psutil.Process | None = None
        with suppress(psutil.NoSuchProcess):  # it may be dead already
            self._process = psutil.Process(pid)

    @property
    def is_alive(self) -> bool:
        return self._process is not None and self._process.is_running()

    def wait_dead(self, seconds: float = 30.0) -> None:
        """Wait for its end.

        Raises:
            NeverHappened: it lives on.
        """
        wait_for("the jobs process ended", self._look, seconds, every=0.01)

    def kill(self) -> None:
        """Kill it, if it lives, and wait until it is gone."""
        if self._process is not None:
            with suppress(psutil.NoSuchProcess):
                self._process.kill()
        self.wait_dead(10)

    def _look(self) -> tuple[bool | None, object]:
        return (None, "it runs") if self.is_alive else (True, "gone")


class Nursery:
    """Starts jobs processes; ends them all with the block."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._started: list[JobsProcess] = []
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "tests.faults.nursery_process"]
        environ = {**os.environ, "MALLOC_ARENA_MAX": "1", "DBOS__TRACE": ""}
        self._process = subprocess.Popen(
            command, cwd=ROOT, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._started:
            process.kill()
        assert self._process
        with self._process:  # which may not have come further than its imports
            self._process.kill()

    def start(
        self,
        environ: Mapping[str, str],
        *,
        job: str | None = None,
        record: Path | None = None,
        die_at: Point | None = None,
        shift_seconds: float = 0,
        is_impatient: bool = False,
        count: Path | None = None,
        file_bytes: int = 0,
    ) -> JobsProcess:
        """Start one; it tells the points of `job`, or dies at one of them.

        Its clock may be off; an impatient one does not wait long before it tries again. Each action that ends
        is counted in a file. Its disk is full when a file has `file_bytes`.
        """
        log = self._directory / "jobs.log"
        order: dict[str, Any] = {"environ": dict(environ), "log": str(log), "job": job}
        order |= {"record": str(record) if record else None, "shift_seconds": shift_seconds}
        order |= {"is_impatient": is_impatient, "count": str(count) if count else None}
        order |= {"file_bytes": file_bytes}
        order |= {"die_at": die_at.to_json() if die_at else None}
        process = JobsProcess(self._ask(order), log)
        self._started.append(process)
        return process

    def _ask(self, order: Mapping[str, Any]) -> int:
        assert self._process
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(f"{json.dumps(order)}\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())
