"""Jobs: work that outlives the process which began it.

What runs them, and how they are taken up again, is not known here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any


class JobType(StrEnum):
    """Every kind of job there is."""

    PROVISION = "provision"
    PUBLISH = "publish"
    PREVIEW = "preview"
    RETIRE = "retire"
    DELETE = "delete"
    RELEASE = "release"
    PROMOTE = "promote"
    RESTORE = "restore"
    EXPIRE = "expire"
    REDEPLOY = "redeploy"
    APPROVE = "approve"
    FORK_PREVIEW = "fork-preview"
    COMMIT = "commit"
    SYNC = "sync"
    REDELIVER = "redeliver"
    SETTLE = "settle"
    INVOKE = "invoke"
    RECONCILE = "reconcile"


class JobStatus(StrEnum):
    """How far a job has come."""

    QUEUED = "queued"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Job:
    """One job about one app. `arguments` are ids and plain values, never secrets: they are stored."""

    id: str
    type: JobType
    app_id: str
    arguments: Mapping[str, Any]
    status: JobStatus
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    waiting_for: str | None = None
    error: Mapping[str, Any] | None = None
    result: Any = None


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a job, as a caller sees it."""

    name: str
    status: JobStatus
    started_at: datetime | None
    finished_at: datetime | None
    error: str | None = None
