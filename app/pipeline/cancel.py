"""Cancel: a job begins no further step, because somebody says so. What it has done stays done."""

from datetime import datetime
from typing import Final

from app.domain.events import Event, Tag
from app.domain.jobs import PUTTING_RIGHT, Job, JobStatus
from app.errors import Conflict
from app.ports import Transaction

_UNFINISHED: Final = frozenset({JobStatus.QUEUED, JobStatus.PROCESSING})


def request_cancel(tx: Transaction, job_id: str, *, actor: str, at: datetime) -> Job:
    """Write down that a job is to end; whoever asks tells the engine when this is kept.

    It may be asked again: the fact is told once. The job is failed when a jobs process has seen it, which
    tells the engine itself where nobody did.

    Raises:
        NotFound: there is no such job.
        Conflict: it is over, or half of it done would leave addresses that show what nobody decided.
    """
    job = tx.jobs.get(job_id, lock=True)
    if job.status not in _UNFINISHED:
        raise Conflict(f"cancelling job {job.id}: it is {job.status} already", code="job:over")
    if job.type in PUTTING_RIGHT:
        raise Conflict(
            f"cancelling job {job.id}: half of it done would leave an address that shows something else than "
            "what was decided; let it end, then decide anew",
            code="job:not-cancellable",
        )
    payload = {"type": job.type.value, "app": job.app_id}
    tag = Tag.JOB_CANCEL_REQUESTED
    tx.events.append(Event(tag, job.id, actor, at, payload, key=f"{job.id}:{tag}"))
    return job


def is_cancellable(job: Job) -> bool:
    """Tell whether a job may be ended before it is over."""
    return job.status in _UNFINISHED and job.type not in PUTTING_RIGHT
