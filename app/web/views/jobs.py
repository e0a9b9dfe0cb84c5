"""Jobs as JSON."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Self

from app.domain.jobs import Job, JobStatus, JobType, Step
from app.pipeline.cancel import is_cancellable
from app.pipeline.retry import is_repeatable
from app.web.views.base import View


class StepView(View):
    """One step of a job; it took so many `attempts`."""

    name: str
    status: JobStatus
    attempts: int
    started_at: datetime | None
    finished_at: datetime | None
    error: str | None

    @classmethod
    def of(cls, step: Step) -> "StepView":
        """Return the view of a step."""
        return cls(
            name=step.name,
            status=step.status,
            attempts=step.attempts,
            started_at=step.started_at,
            finished_at=step.finished_at,
            error=step.error,
        )


class JobSummaryView(View):
    """A job in a list. `waitingFor` says what it is waiting for, `error` why it failed."""

    id: str
    type: JobType
    app_id: str
    status: JobStatus
    waiting_for: str | None
    error: dict[str, Any] | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    can_retry: bool
    can_cancel: bool

    @classmethod
    def of(cls, job: Job, **more: Any) -> Self:
        """Return the view of a job."""
        return cls(
            id=job.id,
            type=job.type,
            app_id=job.app_id,
            status=job.status,
            waiting_for=job.waiting_for,
            error=dict(job.error) if job.error else None,
            created_at=job.created_at,
            started_at=job.started_at,
            finished_at=job.finished_at,
            can_retry=is_repeatable(job),
            can_cancel=is_cancellable(job),
            **more,
        )


class JobView(JobSummaryView):
    """A job with its steps."""

    result: Any
    steps: list[StepView]

    @classmethod
    def whole(cls, job: Job, steps: Sequence[Step]) -> "JobView":
        """Return the view of a job with its steps."""
        return cls.of(job, result=job.result, steps=[StepView.of(step) for step in steps])


class JobsView(View):
    """A page of jobs."""

    items: list[JobSummaryView]
    next_cursor: str | None


class JobBegunView(View):
    """A job that was begun: ask `pollUrl` how it goes."""

    app_id: str
    job_id: str
    poll_url: str
