"""Jobs: work that outlives the process which began it.

What runs them, and how they are taken up again, is not known here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final


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
    """One step of a job, as a caller sees it; `attempts` have begun."""

    name: str
    status: JobStatus
    started_at: datetime | None
    finished_at: datetime | None
    error: str | None = None
    attempts: int = 1


@dataclass(frozen=True, slots=True)
class JobFilter:
    """Which jobs; what is None does not matter. `app_id` is an app's, or a worker's."""

    app_id: str | None = None
    type: JobType | None = None
    status: JobStatus | None = None


ALL_JOBS: Final = JobFilter()
# Their work is to bring what answers in line with what was decided: stopped half-way, or said once more when
# other things were decided since, they would leave addresses that show something else.
PUTTING_RIGHT: Final = frozenset(
    {
        JobType.RELEASE,
        JobType.PROMOTE,
        JobType.EXPIRE,
        JobType.RETIRE,
        JobType.DELETE,
        JobType.SETTLE,
        JobType.RESTORE,
    }
)
# What they were asked for was undone when they failed: it has to be decided anew.
DECIDED_ONCE: Final = frozenset({JobType.RELEASE, JobType.PROMOTE})
