"""Durable work."""

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from app.domain.jobs import Job, Step

T = TypeVar("T")


class Steps(Protocol):
    """What a durable job runs on."""

    def run(self, name: str, action: Callable[[], T]) -> T:
        """Do `action` at least once and remember its answer, a value that JSON holds.

        When the remote is unavailable it waits, tells what for, and tries again until the job's deadline.
        """

    def sleep(self, seconds: float) -> None:
        """Wait without a process having to live that long."""


class JobEngine(Protocol):
    """The engine that runs jobs."""

    def enqueue(self, transaction: object, job: Job) -> None:
        """Put the job into its queue as part of the database transaction at hand."""

    def steps(self, job: Job) -> Sequence[Step]:
        """Return the steps of a job that were begun, in order."""

    def lost(self, jobs: Sequence[Job]) -> Sequence[tuple[Job, str]]:
        """Return those of `jobs` that the engine will never finish, each with why."""

    def cancel(self, job_id: str) -> None:
        """Let no further step of the job begin."""
