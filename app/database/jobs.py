"""Jobs in the database: that they were asked for, and what became of them.

The engine that runs them keeps its own tables; it is handed in, and writes in our transaction.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session, defer

from app.database.cursors import Cursor
from app.database.events import SqlEvents
from app.database.models import EventRow, JobRow
from app.database.reaching import owned_within
from app.database.rows import insert_if_new, newest_first, one, replace_known, several
from app.domain.callers import EVERYWHERE, Reach
from app.domain.events import Event, Tag
from app.domain.jobs import ALL_JOBS, Job, JobFilter, JobStatus, JobType
from app.domain.names import new_id
from app.errors import NotFound
from app.ports import Clock, Page

Enqueue = Callable[[Session, Job], None]
_UNFINISHED: Final = (JobStatus.QUEUED, JobStatus.PROCESSING)


class SqlJobs:
    """`ports.Jobs` within one transaction."""

    def __init__(self, session: Session, enqueue: Enqueue, clock: Clock) -> None:
        self._session = session
        self._enqueue = enqueue
        self._clock = clock

    def enqueue(
        self, job_type: JobType, app_id: str, arguments: Mapping[str, Any], *, actor: str | None = None
    ) -> Job:
        """Ask for a job: its row, its first fact and the engine's row are one commit.

        `actor` is whose act it is, as facts name them; None for what comes about by itself.
        """
        now = self._clock()
        job = Job(
            id=new_id("job", now),
            type=job_type,
            app_id=app_id,
            arguments=dict(arguments),
            status=JobStatus.QUEUED,
            created_at=now,
        )
        insert_if_new(self._session, JobRow, asdict(job))
        SqlEvents(self._session).append(
            Event(
                Tag.JOB_QUEUED,
                job.id,
                actor or job.id,
                now,
                {"type": job_type.value, "app": app_id},
                key=f"{job.id}:{Tag.JOB_QUEUED}",
            )
        )
        self._enqueue(self._session, job)
        return job

    def get(self, job_id: str, *, lock: bool = False) -> Job:
        """Return it. `lock` holds it until the transaction ends. Raises NotFound."""
        statement = select(JobRow).where(JobRow.id == job_id)
        row = one(self._session, statement.with_for_update() if lock else statement)
        if row is None:
            raise NotFound.of("job", job_id)
        return _job(row, row.arguments)

    def save(self, job: Job) -> None:
        """Replace what is kept of it. Raises NotFound."""
        if not replace_known(self._session, JobRow, JobRow.id == job.id, asdict(job)):
            raise NotFound.of("job", job.id)

    def unfinished(self, *, limit: int = 1000) -> Sequence[Job]:
        """Return the jobs that are queued or processing, oldest first, without their arguments.

        An app's files are arguments, megabytes of them, and this is asked every other second.
        """
        statement = select(JobRow).where(JobRow.status.in_(_UNFINISHED)).options(defer(JobRow.arguments))
        oldest = statement.order_by(JobRow.created_at, JobRow.id).limit(limit)
        return [_job(row, {}) for row in several(self._session, oldest)]

    def ending(self) -> Sequence[str]:
        """Return the ids of the unfinished jobs of which somebody said that they are to end.

        Asked every other second too: by the key of the fact, which is looked up once for each of them.
        """
        told = EventRow.key == JobRow.id.concat(f":{Tag.JOB_CANCEL_REQUESTED}")
        statement = select(JobRow.id).join(EventRow, told).where(JobRow.status.in_(_UNFINISHED))
        return self._session.scalars(statement).all()

    def list(
        self,
        wanted: JobFilter = ALL_JOBS,
        *,
        reach: Reach = EVERYWHERE,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page:
        """Return a page of jobs in reach, newest first, without their arguments and results."""
        statement = newest_first(JobRow, JobRow.created_at, JobRow.id, cursor)
        statement = statement.options(defer(JobRow.arguments), defer(JobRow.result))
        statement = statement.where(*owned_within(reach, JobRow.app_id), *_matching(wanted))
        rows = several(self._session, statement.limit(limit + 1))
        items = [_listed(row) for row in rows[:limit]]
        return Page(items, Cursor(items[-1].created_at, items[-1].id).encode() if len(rows) > limit else None)


def _matching(wanted: JobFilter) -> list[ColumnElement[bool]]:
    pairs = ((JobRow.app_id, wanted.app_id), (JobRow.type, wanted.type), (JobRow.status, wanted.status))
    return [column == value for column, value in pairs if value is not None]


def _job(row: JobRow, arguments: Mapping[str, Any]) -> Job:
    return Job(
        id=row.id,
        type=row.type,
        app_id=row.app_id,
        arguments=arguments,
        status=row.status,
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        waiting_for=row.waiting_for,
        error=row.error,
        result=row.result,
    )


def _listed(row: JobRow) -> Job:
    return Job(
        id=row.id,
        type=row.type,
        app_id=row.app_id,
        arguments={},
        status=row.status,
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        waiting_for=row.waiting_for,
        error=row.error,
    )
