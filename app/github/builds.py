"""Jobs of workflow runs, with their steps and logs, on GitHub Actions."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Final

from app.github.client import GitHub, path
from app.github.downloads import GitHubDownloads
from app.github.fields import Fields, understood
from app.ports import BuildJob, BuildStep

# Ours has one job, and an app's own workflow hardly ever more than these.
_MOST_JOBS: Final = "100"


class GitHubBuildLogs:
    """Port `BuildLogs`."""

    def __init__(self, github: GitHub) -> None:
        self._github = github
        self._downloads = GitHubDownloads(github)

    def jobs(self, full_name: str, run_id: int, attempt: int) -> Sequence[BuildJob]:
        """Return the first hundred jobs of an attempt, in the order of their beginning."""
        # https://docs.github.com/en/rest/actions/workflow-jobs#list-jobs-for-a-workflow-run-attempt
        at = path("repos", full_name, "actions/runs", run_id, "attempts", attempt, "jobs")
        doing = f"looking at the jobs of run {run_id} in {full_name}"
        with self._github.doing(doing):
            answer = self._github.request("GET", at, query={"per_page": _MOST_JOBS})
        with understood(doing):
            told = Fields(answer, "$", "GitHub's answer")
            return sorted(map(_job, told.each("jobs")), key=lambda job: job.id)

    def log(self, full_name: str, job_id: int) -> AbstractContextManager[Iterator[bytes]]:
        """Open a job's log, which lies elsewhere and is written there when the job ends."""
        # https://docs.github.com/en/rest/actions/workflow-jobs#download-job-logs-for-a-workflow-run
        at = path("repos", full_name, "actions/jobs", job_id, "logs")
        return self._downloads.open(at, f"downloading the log of job {job_id} in {full_name}")


def _job(told: Fields) -> BuildJob:
    return BuildJob(
        id=told.number("id"),
        name=told.text("name"),
        status=told.text("status"),
        conclusion=told.text_or_none("conclusion"),
        url=told.text_or_none("html_url") or "",
        started_at=_time(told, "started_at"),
        finished_at=_time(told, "completed_at"),
        steps=[_step(step) for step in told.each("steps")],
    )


def _step(told: Fields) -> BuildStep:
    return BuildStep(
        number=told.number("number"),
        name=told.text("name"),
        status=told.text("status"),
        conclusion=told.text_or_none("conclusion"),
        started_at=_time(told, "started_at"),
        finished_at=_time(told, "completed_at"),
    )


def _time(told: Fields, name: str) -> datetime | None:
    return told.time(name) if told.has(name) else None
