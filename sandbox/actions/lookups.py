"""Finding what a URL of the API names, and saying in GitHub's form that it is not there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from flask import Response, jsonify

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.actions.engine import Engine
    from sandbox.actions.ports import GitHubSide
    from sandbox.actions.records import Artifact, Job, Run, WorkflowRecord

T = TypeVar("T")
_DOCUMENTATION = "https://docs.github.com/rest/actions"


class ProblemError(Exception):
    """An answer other than success."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def answered(error: ProblemError) -> tuple[Response, int]:
    """Return a problem as GitHub's API tells it."""
    body = {"message": str(error), "documentation_url": _DOCUMENTATION, "status": str(error.status)}
    return jsonify(body), error.status


@dataclass(frozen=True)
class Lookups:
    """Each method raises a 404 for what is not in the repository that was named."""

    engine: Engine
    github: GitHubSide

    def repository_id(self, owner: str, repo: str) -> int:
        """Return a repository's id."""
        repository_id = self.github.repository_id(f"{owner}/{repo}")
        if repository_id is None:
            raise ProblemError(404, "Not Found")
        return repository_id

    def workflow(self, owner: str, repo: str, workflow: str) -> WorkflowRecord:
        """Return a workflow by its id or the name of its file."""
        for record in self.engine.sync(self.repository_id(owner, repo)):
            if workflow in (str(record.id), record.path.rpartition("/")[2], record.path):
                return record
        raise ProblemError(404, "Not Found")

    def run(self, owner: str, repo: str, run_id: int) -> Run:
        """Return a run."""
        repository_id = self.repository_id(owner, repo)
        run = _existing(self.engine.records.run, run_id)
        if run.repository_id != repository_id:
            raise ProblemError(404, "Not Found")
        return run

    def job(self, owner: str, repo: str, job_id: int) -> tuple[Job, Run]:
        """Return a job with its run."""
        job = _existing(self.engine.records.job, job_id)
        return job, self.run(owner, repo, job.run_id)

    def jobs_of(self, run: Run, attempt: int) -> list[Job]:
        """Return the jobs of one attempt."""
        jobs = self.engine.records.jobs(run.id, attempt)
        if not jobs:
            raise ProblemError(404, "Not Found")
        return jobs

    def artifact(self, owner: str, repo: str, artifact_id: int) -> tuple[Artifact, Run]:
        """Return an artifact with its run."""
        artifact = _existing(self.engine.records.artifact, artifact_id)
        return artifact, self.run(owner, repo, artifact.run_id)


def _existing(look: Callable[[int], T], wanted: int) -> T:
    try:
        return look(wanted)
    except KeyError as error:
        raise ProblemError(404, "Not Found") from error
