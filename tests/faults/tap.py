"""Listening to one job in a jobs process: each point that it comes to is told, and one may be its last.

Put on from outside, by replacing what the process imported: the product has no hook for it.
"""

# ruff: noqa: B010 - as assignments they would be mistakes to mypy, one by one

import os
import signal
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any

import httpx
import requests
from dbos import DBOS

from app.bootstrap import shared
from app.jobs import worker
from app.jobs.outcomes import Outcome
from app.jobs.steps import DbosSteps, Patience
from app.pipeline import provision
from tests.faults.points import Moment, Point

Tell = Callable[[Point], None]


def write_down(path: Path) -> Tell:
    """Return what adds each point to a file."""

    def tell(point: Point) -> None:
        with path.open("a") as file:
            file.write(f"{point.to_json()}\n")

    return tell


def die_at(last: Point) -> Tell:
    """Return what kills this process at a point."""

    def tell(point: Point) -> None:
        if point.name == last.name:
            os.kill(os.getpid(), signal.SIGKILL)

    return tell


class Tap:
    """What one job does in this process."""

    def __init__(self, job_id: str, tell: Tell) -> None:
        self._job_id = job_id
        self._tell = tell
        self._begun: set[str] = set()
        self._thread = threading.local()

    def put_on(self) -> None:
        """Listen from now on."""
        self._listen_to_actions()
        self._listen_to_checkpoints()
        self._listen_to_requests()

    def _listen_to_actions(self) -> None:
        act = DbosSteps._act

        def tapped(
            steps: DbosSteps,
            name: str,
            attempt: int,
            action: Callable[[], Any],
            deadline: datetime | None,
        ) -> Outcome:
            if steps.job_id != self._job_id or name in self._begun:
                return act(steps, name, attempt, action, deadline)
            self._begun.add(name)
            self._tell(Point(name, Moment.BEFORE))
            self._thread.step, self._thread.writes = name, 0
            outcome = act(steps, name, attempt, action, deadline)
            self._thread.step = None
            self._tell(Point(name, Moment.AFTER))
            return outcome

        setattr(DbosSteps, "_act", tapped)

    def _listen_to_checkpoints(self) -> None:
        run_step = DBOS.run_step
        kept = set[str]()

        def tapped(options: Any, action: Any, name: str, *rest: Any) -> Any:
            answer = run_step(options, action, name, *rest)
            if action.__self__.job_id == self._job_id and name in self._begun and name not in kept:
                kept.add(name)
                self._tell(Point(name, Moment.KEPT))
            return answer

        setattr(DBOS, "run_step", tapped)

    def _listen_to_requests(self) -> None:
        send, handle = requests.Session.send, httpx.HTTPTransport.handle_request

        def send_tapped(session: requests.Session, request: requests.PreparedRequest, **how: Any) -> Any:
            response = send(session, request, **how)
            self._heard(str(request.method), str(request.path_url))
            return response

        def handle_tapped(transport: httpx.HTTPTransport, request: httpx.Request) -> httpx.Response:
            response = handle(transport, request)
            self._heard(request.method, request.url.path)
            return response

        setattr(requests.Session, "send", send_tapped)
        setattr(httpx.HTTPTransport, "handle_request", handle_tapped)

    def _heard(self, method: str, path: str) -> None:
        step = getattr(self._thread, "step", None)
        if step is None or method in {"GET", "HEAD"} or path.endswith("/graphql"):
            return
        self._thread.writes += 1
        self._tell(Point(step, Moment.MIDDLE, self._thread.writes, f"{method} {path}"))


def count_steps(path: Path) -> None:
    """Write every action of a step down that ended in this process: a line of job, step and attempt."""
    act = DbosSteps._act

    def counted(steps: DbosSteps, name: str, attempt: int, action: Callable[[], Any], *rest: Any) -> Outcome:
        outcome = act(steps, name, attempt, action, *rest)
        with path.open("a") as file:
            file.write(f"{steps.job_id}\t{name}\t{attempt}\n")
        return outcome

    setattr(DbosSteps, "_act", counted)


def be_impatient() -> None:
    """Let this process try again soon: a test of every request would take hours else."""
    setattr(worker, "Patience", lambda: Patience(first_seconds=0.05, limit_seconds=0.5))
    setattr(provision, "_PATIENCE_SECONDS", 5)


def shift_clock(seconds: float) -> None:
    """Let this process believe that it is so much later: its own clock, and the engine's."""
    real_time, real_now = time.time, datetime.now

    class Shifted(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Any:
            return real_now(tz) + timedelta(seconds=seconds)

    setattr(time, "time", lambda: real_time() + seconds)
    setattr(shared, "datetime", Shifted)
