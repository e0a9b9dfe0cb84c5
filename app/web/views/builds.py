"""Builds, changes and what scripts say, as JSON."""

from collections.abc import Sequence
from datetime import datetime

from app.pipeline.build import Build
from app.pipeline.changes import Span
from app.ports import BuildJob, BuildStep, Comparison
from app.ports.runtime_logs import RuntimeLine
from app.web.views.base import View


class BuildStepView(View):
    """One step; `status` and `conclusion` are GitHub's words."""

    number: int
    name: str
    status: str
    conclusion: str | None
    started_at: datetime | None
    finished_at: datetime | None

    @classmethod
    def of(cls, step: BuildStep) -> "BuildStepView":
        """Return the view of a step."""
        return cls(
            number=step.number,
            name=step.name,
            status=step.status,
            conclusion=step.conclusion,
            started_at=step.started_at,
            finished_at=step.finished_at,
        )


class BuildJobView(View):
    """One job of the run; `url` is its page at GitHub."""

    id: int
    name: str
    status: str
    conclusion: str | None
    url: str
    started_at: datetime | None
    finished_at: datetime | None
    steps: list[BuildStepView]

    @classmethod
    def of(cls, job: BuildJob) -> "BuildJobView":
        """Return the view of a job."""
        return cls(
            id=job.id,
            name=job.name,
            status=job.status,
            conclusion=job.conclusion,
            url=job.url,
            started_at=job.started_at,
            finished_at=job.finished_at,
            steps=[BuildStepView.of(step) for step in job.steps],
        )


class BuildView(View):
    """The run that built a deployment, or what it was promoted from; its log can be read when `hasLog`."""

    run_id: int
    attempt: int
    url: str
    has_log: bool
    jobs: list[BuildJobView]

    @classmethod
    def of(cls, build: Build, jobs: Sequence[BuildJob]) -> "BuildView":
        """Return the view of a build."""
        return cls(
            run_id=build.run.id,
            attempt=build.run.attempt,
            url=build.run.url,
            has_log=any(job.is_over for job in jobs),
            jobs=[BuildJobView.of(job) for job in jobs],
        )


class CommitView(View):
    """A commit in a list."""

    sha: str
    message: str
    author: str
    at: datetime
    url: str


class DifferenceView(View):
    """Commits of a deployment that the one before it has not, newest first, at most 250 of `total`.

    `missing` counts those that only the one before has. Without `beforeId` it is the first at its address.
    """

    before_id: str | None
    url: str | None
    total: int
    missing: int
    files: int
    commits: list[CommitView]

    @classmethod
    def none(cls) -> "DifferenceView":
        """Return the view of the first deployment at an address."""
        return cls(before_id=None, url=None, total=0, missing=0, files=0, commits=[])

    @classmethod
    def of(cls, span: Span, found: Comparison) -> "DifferenceView":
        """Return the view of a comparison."""
        commits = [
            CommitView(sha=it.sha, message=it.message, author=it.author, at=it.at, url=it.url)
            for it in found.commits
        ]
        return cls(
            before_id=span.before.id,
            url=found.url,
            total=found.total,
            missing=found.missing,
            files=found.files,
            commits=commits,
        )


class RuntimeLineView(View):
    """A line that a script wrote, or an exception that nobody caught."""

    id: str
    at: datetime
    script: str
    level: str
    message: str
    request: str | None


class RuntimeLogsView(View):
    """What `scripts` said within the last hour, oldest first; without any, nothing of it is up."""

    scripts: list[str]
    items: list[RuntimeLineView]

    @classmethod
    def of(cls, scripts: Sequence[str], lines: Sequence[RuntimeLine]) -> "RuntimeLogsView":
        """Return the view of what scripts said."""
        items = [
            RuntimeLineView(
                id=it.id, at=it.at, script=it.script, level=it.level, message=it.message, request=it.request
            )
            for it in lines
        ]
        return cls(scripts=list(scripts), items=items)
