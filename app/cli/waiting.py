"""Waiting for a job, with its steps ticking off."""

import time
from collections.abc import Mapping
from typing import Any, Final

import click

from app.cli.api import Api
from app.cli.patience import Patience
from app.cli.show import printable
from app.errors import RemoteRefused, RemoteUnavailable

_POLL_SECONDS: Final = 0.5
_MARKS: Final = {"completed": "✓", "failed": "✗"}

wait_option = click.option("--wait/--no-wait", default=True, show_default=True, help="Wait until it is done.")
timeout_option = click.option(
    "--timeout",
    default=600.0,
    show_default=True,
    type=click.FloatRange(1, 86400),
    help="Seconds to wait at most.",
)


def wait_for_job(api: Api, job_id: str, timeout_seconds: float) -> Mapping[str, Any]:
    """Print each step as it ends and return the finished job.

    Raises:
        RemoteRefused: the job failed.
        RemoteUnavailable: it was not over in time, or nobody told; it goes on all the same.
    """
    deadline = time.monotonic() + timeout_seconds
    # It took the order a moment ago, so it is there, and comes back when it is restarted.
    patience = Patience(was_answered=True, seconds=timeout_seconds)
    shown: set[str] = set()
    waiting_for: str | None = None
    while True:
        job = patience.ask(lambda: api.get("jobs", job_id))
        _show_steps(job, shown)
        if job["waitingFor"] and job["waitingFor"] != waiting_for:
            waiting_for = job["waitingFor"]
            click.echo(f"  … waiting: {printable(waiting_for)}", err=True)
        if job["status"] == "completed":
            return job
        if job["status"] == "failed":
            error = job["error"] or {"message": "the job failed", "code": "job:failed"}
            raise RemoteRefused(error["message"], code=error["code"])
        if time.monotonic() >= deadline:
            raise RemoteUnavailable(f"waiting for job {job_id}: not over in {timeout_seconds:.0f} seconds")
        time.sleep(_POLL_SECONDS)


def _show_steps(job: Mapping[str, Any], shown: set[str]) -> None:
    for step in job["steps"]:
        if step["status"] in _MARKS and step["name"] not in shown:
            shown.add(step["name"])
            click.echo(f"  {_MARKS[step['status']]} {printable(step['name'])}", err=True)
