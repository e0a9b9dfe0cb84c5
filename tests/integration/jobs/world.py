"""A database with jobs in it, for tests that watch workers from outside."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from app.database.records import SqlRecords
from app.database.session import create_engine
from app.domain.events import Event, Tag
from app.domain.jobs import Job, JobStatus, JobType
from app.jobs.engine import DbosEngine, migrate
from app.jobs.lifecycle import OVER
from app.jobs.steps import Patience
from app.jobs.worker import Handler, Worker

IMPATIENT = Patience(first_seconds=0.05, limit_seconds=0.2)


def now() -> datetime:
    return datetime.now(UTC)


def until(
    is_true: Callable[[], bool], *, timeout_seconds: float = 60.0, saying: Callable[[], object]
) -> None:
    """Wait until a condition holds; the failure shows what `saying` answers at the end."""
    deadline = time.monotonic() + timeout_seconds
    while not is_true():
        assert time.monotonic() < deadline, f"waited {timeout_seconds} s: {saying()}"
        time.sleep(0.02)


class World:
    """Our memory and the engine over one database."""

    def __init__(self, url: str) -> None:
        migrate(url)
        self.url = url
        self.engine = DbosEngine(url)
        self.database = create_engine(url)
        self.records = SqlRecords(self.database, self.engine.enqueue, now)

    def close(self) -> None:
        self.engine.close()
        self.database.dispose()

    def enqueue(self, job_type: JobType = JobType.PUBLISH, app: str = "app_a", **arguments: Any) -> Job:
        with self.records.begin() as tx:
            return tx.jobs.enqueue(job_type, app, arguments)

    def job(self, job: Job) -> Job:
        with self.records.read() as tx:
            return tx.jobs.get(job.id)

    def facts(self, job: Job) -> list[Event]:
        """Return what is told of a job, oldest first."""
        with self.records.read() as tx:
            return list(reversed(tx.events.about(job.id, limit=1000)))

    def tags(self, job: Job) -> list[str]:
        """Return the facts of its status alone."""
        between = {Tag.JOB_WAITING, Tag.JOB_STEP_COMPLETED}
        return [event.tag for event in self.facts(job) if event.tag not in between]

    def wait(self, job: Job, is_true: Callable[[Job], bool], timeout_seconds: float = 60.0) -> Job:
        until(
            lambda: is_true(self.job(job)), timeout_seconds=timeout_seconds, saying=lambda: self.history(job)
        )
        return self.job(job)

    def wait_over(self, job: Job, timeout_seconds: float = 60.0) -> Job:
        return self.wait(job, lambda found: found.status in OVER, timeout_seconds)

    def steps(self, job: Job) -> list[tuple[str, JobStatus]]:
        return [(step.name, step.status) for step in self.engine.steps(self.job(job))]

    def history(self, job: Job) -> object:
        found = self.job(job)
        return found, self.engine.steps(found), self.engine.client.list_workflows(workflow_ids=[job.id])

    def worker(self, handler: Handler, **options: Any) -> Worker:
        options.setdefault("patience", IMPATIENT)
        return Worker(self.url, dict.fromkeys(JobType, handler), self.records, now, **options)

    @contextmanager
    def working(self, handler: Handler, **options: Any) -> Iterator[Worker]:
        worker = self.worker(handler, **options)
        worker.start()
        try:
            yield worker
        finally:
            worker.stop()
