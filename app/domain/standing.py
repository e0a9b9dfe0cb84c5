"""Standing scripts: what we put up and did not take down, and how its bytes were called then.

Whether a script is to stand is told by aliases, deployments and workers; this is what we did about it.
"""

from dataclasses import dataclass
from datetime import datetime

from app.domain.aliases import Alias
from app.domain.deployments import UNFINISHED, Deployment, Status
from app.domain.workers import Version, Worker


@dataclass(frozen=True, slots=True)
class StandingScript:
    """A script of the app, or worker, `app_id` that shows `subject`, a deployment or a version.

    `etag` is what its bytes were called when they went up at `put_at`; None when nobody said, and then
    nothing is compared. `seen_at` is the beginning of the newest look that found it standing.
    """

    namespace: str
    script: str
    app_id: str
    subject: str
    etag: str | None
    put_at: datetime
    seen_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Need:
    """Why a script is to stand: `owner_id` is an app or a worker, `subject` a deployment or a version.

    With `subject` None nothing needs it any more. `is_moving` says that somebody is about to put it up or
    take it down.
    """

    owner_id: str
    subject: str | None
    is_moving: bool


def need_of_alias(alias: Alias) -> Need:
    """Return what an alias needs its script for."""
    subject = None if alias.expired_at is not None else alias.deployment_id
    return Need(alias.app_id, subject, is_moving=not alias.is_in_line)


def need_of_deployment(deployment: Deployment) -> Need:
    """Return what a deployment needs its own script for; while its run goes on it may be about to go up."""
    is_coming = deployment.retired_at is None and deployment.status in UNFINISHED | {Status.READY}
    subject = deployment.id if deployment.has_own_address else None
    return Need(deployment.app_id, subject, is_moving=subject is None and is_coming)


def need_of_worker(worker: Worker) -> Need:
    """Return what a worker needs the script at its address for."""
    subject = None if worker.expired_at is not None else worker.version_id
    return Need(worker.id, subject, is_moving=not worker.is_settled or worker.holder is not None)


def need_of_version(version: Version, worker: Worker) -> Need:
    """Return what a version needs its own script for; before it is put up its worker is held."""
    is_up = version.has_own_address and worker.expired_at is None
    return Need(worker.id, version.id if is_up else None, is_moving=worker.holder is not None)
