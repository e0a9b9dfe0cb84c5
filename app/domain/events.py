"""Facts: what happened, told in the past tense with tags that never change their meaning.

An event is only ever appended. Everything else that is recorded could be told again from them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any


class Tag(StrEnum):
    """Every tag there is; `docs/api.md` explains each (a test compares)."""

    APP_REQUESTED = "app:requested"
    APP_REPOSITORY_FORKED = "app:repository:forked"
    APP_REPOSITORY_GENERATED = "app:repository:generated"
    APP_REPOSITORY_IMPORTED = "app:repository:imported"
    APP_SYNCED = "app:synced"
    APP_REPOSITORY_RENAMED = "app:repository:renamed"
    APP_REPOSITORY_LOST = "app:repository:lost"
    APP_REPOSITORY_FOUND = "app:repository:found"
    APP_READY = "app:ready"
    APP_FAILED = "app:failed"
    APP_DELETION_REQUESTED = "app:deletion-requested"
    APP_DELETED = "app:deleted"
    FILES_COMMITTED = "files:committed"
    BRANCH_PUSHED = "branch:pushed"
    BRANCH_DELETED = "branch:deleted"
    DEPLOYMENT_QUEUED = "deployment:queued"
    DEPLOYMENT_BUILDING = "deployment:building"
    DEPLOYMENT_DEPLOYING = "deployment:deploying"
    DEPLOYMENT_READY = "deployment:ready"
    DEPLOYMENT_ERROR = "deployment:error"
    DEPLOYMENT_CANCELLED = "deployment:cancelled"
    DEPLOYMENT_SUPERSEDED = "deployment:superseded"
    DEPLOYMENT_REMOVED = "deployment:removed"
    DEPLOYMENT_UPLOADED = "deployment:uploaded"
    DEPLOYMENT_PROMOTED = "deployment:promoted"
    DEPLOYMENT_REDEPLOY_REQUESTED = "deployment:redeploy-requested"
    DEPLOYMENT_EXPIRED = "deployment:expired"
    DEPLOYMENT_RESTORED = "deployment:restored"
    ENVIRONMENT_ROLLED_BACK = "environment:rolled-back"
    ENVIRONMENT_RESUMED = "environment:resumed"
    ENVIRONMENT_RELEASED = "environment:released"
    PREVIEW_EXPIRED = "preview:expired"
    VARIABLE_SET = "variable:set"
    VARIABLE_REMOVED = "variable:removed"
    SECRET_SET = "secret:set"  # noqa: S105 - a tag
    SECRET_REMOVED = "secret:removed"  # noqa: S105 - a tag
    PREVIEW_APPROVED = "preview:approved"
    PREVIEW_REFUSED = "preview:refused"
    PULL_REQUEST_OPENED = "pull-request:opened"
    PULL_REQUEST_PUSHED = "pull-request:pushed"
    PULL_REQUEST_CLOSED = "pull-request:closed"
    FUNCTION_INVOKED = "function:invoked"
    WORKER_DEPLOYED = "worker:deployed"
    WORKER_KEPT = "worker:kept"
    WORKER_EXPIRED = "worker:expired"
    WORKER_RESTORED = "worker:restored"
    WORKER_DELETED = "worker:deleted"
    JOB_QUEUED = "job:queued"
    JOB_STARTED = "job:started"
    JOB_COMPLETED = "job:completed"
    JOB_FAILED = "job:failed"


@dataclass(frozen=True, slots=True)
class Event:
    """One fact about `subject` (an id), by `actor` (`token`, `github`, `workflow`, `job_…`).

    `app_id` is the app, or the worker, that it belongs to, `cause` the delivery or job because of which it
    came about. A fact with a `key` is told once, however often it is written down. `id` and `place` are given
    to it when it is kept: in the order of places no fact comes to light before one that is known already.
    """

    tag: Tag
    subject: str
    actor: str
    at: datetime
    payload: Mapping[str, Any]
    id: int | None = None
    app_id: str | None = None
    cause: str | None = None
    key: str | None = None
    place: str | None = None

    @property
    def owner_id(self) -> str | None:
        """The app, or the worker, that it belongs to, also where nobody said so: its subject's."""
        if self.app_id is not None:
            return self.app_id
        if self.subject.startswith(("app_", "wrk_")):
            return self.subject
        told = self.payload.get("app")
        return told if isinstance(told, str) else None
