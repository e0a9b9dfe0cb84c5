"""Retry: what a failed job was asked for is asked for again, as a new job."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from app.domain.apps import App, AppStatus
from app.domain.causes import because_of
from app.domain.drift import NOBODY
from app.domain.events import Event, Tag
from app.domain.jobs import DECIDED_ONCE, Job, JobStatus, JobType
from app.errors import Conflict, Gone
from app.pipeline.known import known_app
from app.pipeline.reconcile import request_pass
from app.ports import Transaction

# What an app is while such a job goes on; it failed with the job.
_MEANWHILE: Final[Mapping[JobType, AppStatus]] = {
    JobType.PROVISION: AppStatus.PROVISIONING,
    JobType.DELETE: AppStatus.DELETING,
}


def retry(tx: Transaction, job_id: str, *, actor: str, at: datetime) -> Job:
    """Ask for a failed job once more; while that goes on, the same one is answered with.

    Raises:
        NotFound: there is no such job.
        Conflict: it did not fail, or what it was asked for was undone and has to be decided anew.
        Gone: the app that it is about was deleted.
    """
    failed = tx.jobs.get(job_id, lock=True)
    _check(failed)
    known = _under_way(tx, failed)
    if known is not None:
        return known
    if failed.app_id.startswith("app_"):  # others are of a worker, or the platform's own
        _revive(tx, failed, at)
    with because_of(failed.id):
        again = _asked_again(tx, failed, actor)
        payload = {"type": failed.type.value, "app": failed.app_id, "job": again.id}
        tx.events.append(Event(Tag.JOB_RETRY_REQUESTED, failed.id, actor, at, payload))
    return again


def is_repeatable(job: Job) -> bool:
    """Tell whether a job may be asked for again."""
    return job.status is JobStatus.FAILED and job.type not in DECIDED_ONCE


def _check(job: Job) -> None:
    if job.status is not JobStatus.FAILED:
        raise Conflict(
            f"retrying job {job.id}: it is {job.status}, and only a failed one is retried",
            code="job:not-failed",
        )
    if job.type in DECIDED_ONCE:
        raise Conflict(
            f"retrying job {job.id}: what it was to put up was given up when it failed; roll back or "
            "promote again",
            code="job:decided-once",
        )


def _under_way(tx: Transaction, failed: Job) -> Job | None:
    """Return the job that was asked for instead of it, unless that is over."""
    asked = (it for it in tx.events.about(failed.id) if it.tag == Tag.JOB_RETRY_REQUESTED)
    last = next(asked, None)
    if last is None:
        return None
    again = tx.jobs.get(last.payload["job"])
    return again if again.status in {JobStatus.QUEUED, JobStatus.PROCESSING} else None


def _revive(tx: Transaction, failed: Job, at: datetime) -> None:
    """Let the app be again what it was while the job went on. Raises Gone, Conflict."""
    app = known_app(tx, failed.app_id, lock=True)
    if app is None:
        raise Gone(f"retrying job {failed.id}: its app was deleted", code="app:deleted")
    meanwhile = _MEANWHILE.get(failed.type)
    if meanwhile is None:
        return
    _check_failed(app, failed)
    tx.apps.save(replace(app, status=meanwhile, error=None, waiting_for=None, updated_at=at))


def _check_failed(app: App, job: Job) -> None:
    if app.status is not AppStatus.FAILED:
        raise Conflict(f"retrying job {job.id}: {app.name} is {app.status} by now", code="job:outdated")


def _asked_again(tx: Transaction, failed: Job, actor: str) -> Job:
    """Ask for the same; a pass over everything goes on once at a time."""
    if failed.app_id == NOBODY and failed.type is JobType.RECONCILE:
        return request_pass(tx, actor=actor)
    arguments: dict[str, Any] = dict(failed.arguments)
    return tx.jobs.enqueue(failed.type, failed.app_id, arguments, actor=actor)
