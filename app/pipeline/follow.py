"""Follow: an app shows what its jobs wait for, and why one of them failed.

Called in the transaction that changes a job, once for every change.
"""

from dataclasses import replace
from datetime import datetime

from app.domain.apps import App, AppStatus
from app.domain.events import Event, Tag
from app.domain.jobs import Job, JobStatus, JobType
from app.pipeline.known import known_app
from app.ports import Transaction

# Without these an app is not what was asked for; a failed comment is only the job's own trouble.
_DECISIVE = frozenset({JobType.PROVISION, JobType.DELETE})
# Meanwhile one of those is under way, and what it waits for is what the app waits for.
_IN_MOTION = frozenset({AppStatus.PROVISIONING, AppStatus.DELETING})


def follow(tx: Transaction, job: Job, at: datetime) -> None:
    """Bring the job's app in line with the job; an app that is deleted is not followed."""
    app = known_app(tx, job.app_id, lock=True)
    if app is None:
        return
    followed = _followed(app, job)
    if followed == app:
        return
    tx.apps.save(replace(followed, updated_at=at))
    if followed.status is AppStatus.FAILED and app.status is not AppStatus.FAILED:
        tx.events.append(Event(Tag.APP_FAILED, app.id, job.id, at, {"error": followed.error}))


def _followed(app: App, job: Job) -> App:
    if job.status is JobStatus.FAILED and job.type in _DECISIVE:
        message = job.error["message"] if job.error else None
        return replace(app, status=AppStatus.FAILED, waiting_for=None, error=message)
    if app.status in _IN_MOTION and job.type not in _DECISIVE:
        return app
    return replace(app, waiting_for=job.waiting_for)
