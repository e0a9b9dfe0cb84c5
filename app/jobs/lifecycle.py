"""How far a job came, written down: started, its steps, waiting, completed or failed, each fact told once.

Everything here may run twice. Each change holds the job's row, looks at it and does nothing when it was done
before; so a fact is told once even when two workers believe that they own the job. What runs the job is not
known here.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from app.domain.events import Event, Tag
from app.domain.jobs import Job, JobStatus
from app.errors import RemoteUnavailable
from app.ports import Clock, Records, Transaction

log = logging.getLogger(__name__)

OVER = frozenset({JobStatus.COMPLETED, JobStatus.FAILED})

# Called in the transaction that changes a job, with the job as it is now, once for every change.
Watcher = Callable[[Transaction, Job], None]


@dataclass(frozen=True, slots=True)
class Done:
    """A step that was done; nobody knows how long it took when another process did it."""

    name: str
    attempts: int
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """Writes into the rows of jobs; `on_change` keeps in step what else depends on them, such as an app."""

    records: Records
    clock: Clock
    on_change: Watcher

    def start(self, job_id: str) -> Job | None:
        """Mark it processing; None when it is over already and must not run."""
        with self.records.begin() as tx:
            job = tx.jobs.get(job_id, lock=True)
            if job.status in OVER:
                return None
            if job.status is JobStatus.PROCESSING:
                return job
            started = replace(job, status=JobStatus.PROCESSING, started_at=self.clock())
            self._save(tx, started, Tag.JOB_STARTED, self.on_change)
            return started

    def wait_for(self, job_id: str, what: str | None) -> None:
        """Say what the job waits for, or that it waits no more."""
        with self.records.begin() as tx:
            job = tx.jobs.get(job_id, lock=True)
            if job.status not in OVER and job.waiting_for != what:
                tag = Tag.JOB_WAITING if what is not None else None
                self._save(tx, replace(job, waiting_for=what), tag, self.on_change)

    def tell(self, job_id: str, done: Sequence[Done]) -> None:
        """Tell of steps that were done, unless the job is over."""
        with self.records.begin() as tx:
            job = tx.jobs.get(job_id, lock=True)
            if job.status not in OVER:
                self._tell(tx, job, done)

    def complete(self, job_id: str, result: Any, done: Sequence[Done] = ()) -> None:
        """Mark it completed; of the steps that are `done`, those are told that were not yet."""
        end: dict[str, Any] = {"status": JobStatus.COMPLETED, "result": result, "done": done}
        self._end(job_id, Tag.JOB_COMPLETED, self.on_change, **end)

    def fail(self, job_id: str, error: Mapping[str, Any], done: Sequence[Done] = ()) -> None:
        """Mark it failed; `error` has code, message and details."""
        end: dict[str, Any] = {"status": JobStatus.FAILED, "error": error, "done": done}
        try:
            self._end(job_id, Tag.JOB_FAILED, self.on_change, **end)
        except RemoteUnavailable:
            raise
        except Exception:
            # A job whose failure cannot be told to others is still a failed job.
            log.exception("telling that job %s failed", job_id)
            self._end(job_id, Tag.JOB_FAILED, _nobody, **end)

    def _end(self, job_id: str, tag: Tag, watcher: Watcher, *, done: Sequence[Done], **end: Any) -> None:
        with self.records.begin() as tx:
            job = tx.jobs.get(job_id, lock=True)
            if job.status not in OVER:
                self._tell(tx, job, done)
                ended = replace(job, waiting_for=None, finished_at=self.clock(), **end)
                self._save(tx, ended, tag, watcher)

    def _save(self, tx: Transaction, job: Job, tag: Tag | None, watcher: Watcher) -> None:
        tx.jobs.save(job)
        watcher(tx, job)
        if tag is None:
            return
        payload = _about(job)
        if job.error is not None:
            payload |= {"code": job.error["code"], "message": job.error["message"]}
        if tag is Tag.JOB_WAITING:
            payload["for"] = job.waiting_for
        # A job may wait many times.
        key = None if tag is Tag.JOB_WAITING else f"{job.id}:{tag}"
        tx.events.append(Event(tag, job.id, job.id, self.clock(), payload, key=key))

    def _tell(self, tx: Transaction, job: Job, done: Sequence[Done]) -> None:
        for step in done:
            payload = _about(job) | {"step": step.name, "seconds": step.seconds, "attempts": step.attempts}
            key = f"{job.id}:step:{step.name}"
            tag = Tag.JOB_STEP_COMPLETED
            tx.events.append(Event(tag, job.id, job.id, self.clock(), payload, key=key))


def _about(job: Job) -> dict[str, Any]:
    return {"type": job.type.value, "app": job.app_id}


def _nobody(_tx: Transaction, _job: Job) -> None:
    """Watch nothing."""
