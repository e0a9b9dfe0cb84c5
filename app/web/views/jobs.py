"""Jobs as JSON."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from app.domain.jobs import Job, JobStatus, JobType, Step
from app.web.views.base import View


class StepView(View):
    """One step of a job."""

    name: str
    status: JobStatus
    started_at: datetime | None
    finished_at: datetime | None
    error: str | None

    @classmethod
    def of(cls, step: Step) -> "StepView":
        """Return the view of a step."""
        return cls(
            name=step.name,
            status=step.status,
            started_at=step.started_at,
            finished_at=step.finished_at,
            error=step.error,
        )


class JobView(View):
    """A job with its steps. `waitingFor` says what it is waiting for, `error` why it failed."""

    id: str
    type: JobType
    app_id: str
    status: JobStatus
    waiting_for: str | None
    error: dict[str, Any] | None
    result: Any
    steps: list[StepView]
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None

    @classmethod
    def of(cls, job: Job, steps: Sequence[Step]) -> "JobView":
        """Return the view of a job."""
        return cls(
            id=job.id,
            type=job.type,
            app_id=job.app_id,
            status=job.status,
            waiting_for=job.waiting_for,
            error=dict(job.error) if job.error else None,
            result=job.result,
            steps=[StepView.of(step) for step in steps],
            created_at=job.created_at,
            started_at=job.started_at,
            finished_at=job.finished_at,
        )
