"""Restore: a deployment whose own address was taken down answers there again, with the same bytes."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from app.domain.apps import AppStatus
from app.domain.deployments import Deployment
from app.domain.events import Event, Tag
from app.domain.jobs import Job, JobType
from app.domain.platform import Platform
from app.errors import Conflict, Gone
from app.pipeline.known import known_app
from app.pipeline.putting import Putter, put_up
from app.pipeline.release import request_release, request_take_down, take_down
from app.pipeline.showing import Change, Why
from app.ports import Steps, Transaction


def request_restore(tx: Transaction, deployment_id: str, *, actor: str) -> tuple[Deployment, Job | None]:
    """Ask for a deployment's own address to answer again; no job when it does.

    Raises:
        NotFound: there is no such deployment.
        Conflict: it never was put up, so there is nothing to restore.
        Gone: its app was deleted.
    """
    deployment = tx.deployments.get(deployment_id)
    app = known_app(tx, deployment.app_id, lock=True)
    if app is None:
        raise Gone(f"restoring {deployment_id}: its app was deleted", code="app:deleted")
    if deployment.bundle is None or deployment.uploaded_at is None:
        raise Conflict(
            f"restoring {deployment_id}: nothing was kept of it, because nothing was put up",
            code="deployment:no-bundle",
        )
    if deployment.has_own_address:
        return deployment, None
    arguments = {"deployment": deployment.id, "actor": actor}
    return deployment, tx.jobs.enqueue(JobType.RESTORE, app.id, arguments, actor=actor)


def restore(job: Job, steps: Steps, to: Putter) -> dict[str, Any]:
    """Put a deployment's own script up again, and its preview's address when that expired with it.

    A job that is to do so `again` brings nothing back: it puts up what is gone although it is to answer.
    """
    deployment_id = job.arguments["deployment"]
    # The app is looked for within the steps, so that a job which is run again meets the same ones (expire).
    steps.run("put up", lambda: _put_up(job, deployment_id, to))
    expires_at = steps.run("record", lambda: _record(job, deployment_id, to))
    return {"deployment": deployment_id, "expiresAt": expires_at}


def _put_up(job: Job, deployment_id: str, to: Putter) -> None:
    with to.records.read() as tx:
        app, deployment = known_app(tx, job.app_id), tx.deployments.get(deployment_id)
    own, is_late = deployment.own_script, job.arguments.get("again") and not deployment.has_own_address
    if app is None or own is None or deployment.bundle is None or is_late:
        return
    put_up(app, deployment, own, deployment.bundle, to)
    with to.records.read() as tx:
        current = known_app(tx, app.id)
    if current is None or current.status is AppStatus.DELETING:
        # The app goes with all its scripts, but perhaps without this one.
        take_down(app, deployment.namespace, own, to)


def _record(job: Job, deployment_id: str, to: Putter) -> str | None:
    """Write down that it answers, until when, and that its alias is to answer again too if it shows it.

    None when the app was deleted meanwhile, or it is not to answer any more.
    """
    at = to.clock()
    expires_at = expiry_of_restored(to.platform, at)
    with to.records.begin() as tx:
        if known_app(tx, job.app_id, lock=True) is None:
            return None
        deployment = tx.deployments.get(deployment_id)
        if deployment.has_own_address:  # it was to answer all the time, and only its script was gone
            return deployment.expires_at.isoformat() if deployment.expires_at else None
        if job.arguments.get("again"):
            request_take_down(tx, deployment)
            return None
        restored = replace(deployment, retired_at=None, expires_at=expires_at, updated_at=at)
        tx.deployments.save(restored)
        payload = {"app": job.app_id, "script": deployment.own_script}
        actor = job.arguments["actor"]
        tx.events.append(Event(Tag.DEPLOYMENT_RESTORED, deployment.id, actor, at, payload))
        alias = tx.aliases.get(deployment.script)
        if alias is not None and alias.deployment_id == deployment.id and alias.expired_at is not None:
            back = replace(alias, expired_at=None, expires_at=expires_at, updated_at=at)
            request_release(tx, back, Change(Why.RESTORED, actor, at))
    return expires_at.isoformat()


def expiry_of_restored(platform: Platform, at: datetime) -> datetime:
    """Return until when a restored address answers, whatever its environment."""
    return at + timedelta(days=platform.preview_days)
