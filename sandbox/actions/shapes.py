"""Workflows, runs, jobs and steps as GitHub's API and webhooks write them. Pure but for one look at git."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sandbox.actions import contexts, git

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox.actions.ports import GitHubSide
    from sandbox.actions.records import Artifact, Job, Run, Step, WorkflowRecord

RUNNER_NAME = "sandbox"
_MINIMAL = (
    *("id", "node_id", "name", "full_name", "private", "owner", "html_url", "description", "fork", "url"),
    *("archive_url", "assignees_url", "blobs_url", "branches_url", "collaborators_url", "comments_url"),
    *("commits_url", "compare_url", "contents_url", "contributors_url", "deployments_url", "downloads_url"),
    *("events_url", "forks_url", "git_commits_url", "git_refs_url", "git_tags_url", "hooks_url"),
    *("issue_comment_url", "issue_events_url", "issues_url", "keys_url", "labels_url", "languages_url"),
    *("merges_url", "milestones_url", "notifications_url", "pulls_url", "releases_url", "stargazers_url"),
    *("statuses_url", "subscribers_url", "subscription_url", "tags_url", "teams_url", "trees_url"),
)


@dataclass(frozen=True)
class Shapes:
    """The shapes, for one GitHub's addresses."""

    github: GitHubSide

    def workflow(self, record: WorkflowRecord) -> dict[str, Any]:
        """Return a workflow."""
        repository = self.github.repository(record.repository_id)
        branch = repository.get("default_branch", "main")
        return {
            "id": record.id,
            "node_id": _node_id("Workflow", record.id),
            "name": record.name,
            "path": record.path,
            "state": record.state,
            "created_at": record.created_at,
            "updated_at": record.updated_at,
            "url": f"{self._api(repository)}/actions/workflows/{record.id}",
            "html_url": f"{self._html(repository)}/blob/{branch}/{record.path}",
            "badge_url": f"{self._html(repository)}/workflows/{record.name}/badge.svg".replace(" ", "%20"),
        }

    def run(self, run: Run) -> dict[str, Any]:
        """Return a workflow run."""
        repository = self.github.repository(run.repository_id)
        occasion = run.caused_by()
        actor = contexts.actor(occasion, repository)
        pull_request = occasion.payload.get("pull_request") or {}
        return {
            "id": run.id,
            "name": run.name,
            "node_id": _node_id("WorkflowRun", run.id),
            "head_branch": run.head_branch,
            "head_sha": run.head_sha,
            "path": run.path,
            "display_title": run.title,
            "run_number": run.number,
            "event": run.event,
            "status": run.status,
            "conclusion": run.conclusion if run.status == "completed" else None,
            "workflow_id": run.workflow_id,
            "check_suite_id": run.id,
            "check_suite_node_id": _node_id("CheckSuite", run.id),
            "pull_requests": [_linked(pull_request)]
            if pull_request and not occasion.is_fork_pull_request
            else [],
            "created_at": run.created_at,
            "updated_at": run.updated_at,
            "actor": actor,
            "triggering_actor": actor,
            "run_attempt": run.attempt,
            "run_started_at": run.started_at,
            "referenced_workflows": [],
            "head_commit": self._commit(run),
            "repository": _minimal(repository),
            "head_repository": _minimal(_head_repository(run, repository)),
            **self._addresses(run, repository),
        }

    def artifact(self, artifact: Artifact, run: Run) -> dict[str, Any]:
        """Return an artifact; whether it has expired is its store's to say."""
        repository = self.github.repository(run.repository_id)
        url = f"{self._api(repository)}/actions/artifacts/{artifact.id}"
        return {
            "id": artifact.id,
            "node_id": _node_id("Artifact", artifact.id),
            "name": artifact.name,
            "size_in_bytes": artifact.size_bytes,
            "url": url,
            "archive_download_url": f"{url}/zip",
            "created_at": artifact.created_at,
            "updated_at": artifact.created_at,
            "expires_at": artifact.expires_at,
            "digest": f"sha256:{artifact.digest}",
            "workflow_run": {
                "id": run.id,
                "repository_id": run.repository_id,
                "head_repository_id": _head_repository(run, repository)["id"],
                "head_branch": run.head_branch,
                "head_sha": run.head_sha,
            },
        }

    def _addresses(self, run: Run, repository: dict[str, Any]) -> dict[str, Any]:
        url = f"{self._api(repository)}/actions/runs/{run.id}"
        return {
            "url": url,
            "html_url": f"{self._html(repository)}/actions/runs/{run.id}",
            "jobs_url": f"{url}/jobs",
            "logs_url": f"{url}/logs",
            "artifacts_url": f"{url}/artifacts",
            "cancel_url": f"{url}/cancel",
            "rerun_url": f"{url}/rerun",
            "previous_attempt_url": f"{url}/attempts/{run.attempt - 1}" if run.attempt > 1 else None,
            "workflow_url": f"{self._api(repository)}/actions/workflows/{run.workflow_id}",
            "check_suite_url": f"{self._api(repository)}/check-suites/{run.id}",
        }

    def job(self, job: Job, steps: list[Step], run: Run) -> dict[str, Any]:
        """Return a job with its steps."""
        repository = self.github.repository(run.repository_id)
        has_runner = job.status != "queued" and job.conclusion != "skipped"
        return {
            "id": job.id,
            "run_id": run.id,
            "workflow_name": run.name,
            "head_branch": run.head_branch,
            "run_url": f"{self._api(repository)}/actions/runs/{run.id}",
            "run_attempt": job.attempt,
            "node_id": _node_id("CheckRun", job.id),
            "head_sha": run.head_sha,
            "url": f"{self._api(repository)}/actions/jobs/{job.id}",
            "html_url": f"{self._html(repository)}/actions/runs/{run.id}/job/{job.id}",
            "status": job.status,
            "conclusion": job.conclusion,
            "created_at": job.created_at,
            "started_at": job.started_at,
            "completed_at": job.completed_at,
            "name": job.name,
            "steps": [_step(step) for step in steps],
            "check_run_url": f"{self._api(repository)}/check-runs/{job.id}",
            "labels": json.loads(job.labels),
            "runner_id": 1 if has_runner else None,
            "runner_name": RUNNER_NAME if has_runner else None,
            "runner_group_id": 1 if has_runner else None,
            "runner_group_name": "Default" if has_runner else None,
        }

    def _commit(self, run: Run) -> dict[str, Any] | None:
        try:
            found = _commit(self.github.git_directory(run.repository_id), run.head_sha)
        except git.GitError:
            return None
        return {
            "id": found["id"],
            "tree_id": found["tree"],
            "message": found["message"],
            "timestamp": found["timestamp"],
            "author": {"name": found["author"], "email": found["author_email"]},
            "committer": {"name": found["committer"], "email": found["committer_email"]},
        }

    def _api(self, repository: dict[str, Any]) -> str:
        return f"{self.github.api_url}/repos/{repository['full_name']}"

    def _html(self, repository: dict[str, Any]) -> str:
        return f"{self.github.url}/{repository['full_name']}"


@lru_cache(maxsize=256)
def _commit(git_directory: Path, sha: str) -> dict[str, str]:
    return git.commit(git_directory, sha)


def _step(step: Step) -> dict[str, Any]:
    return {
        "name": step.name,
        "status": step.status,
        "conclusion": step.conclusion,
        "number": step.number,
        "started_at": step.started_at,
        "completed_at": step.completed_at,
    }


def _linked(pull_request: dict[str, Any]) -> dict[str, Any]:
    """Return a pull request as a run refers to it."""
    sides = {
        side: {
            "ref": pull_request[side]["ref"],
            "sha": pull_request[side]["sha"],
            "repo": {
                name: (pull_request[side].get("repo") or {}).get(name) for name in ("id", "url", "name")
            },
        }
        for side in ("head", "base")
    }
    return {"url": pull_request["url"], "id": pull_request["id"], "number": pull_request["number"], **sides}


def _head_repository(run: Run, repository: dict[str, Any]) -> dict[str, Any]:
    """Return where the head of a run is: a pull request's may be a fork."""
    pull_request = run.caused_by().payload.get("pull_request") or {}
    return (pull_request.get("head") or {}).get("repo") or repository


def _minimal(repository: dict[str, Any]) -> dict[str, Any]:
    return {name: repository[name] for name in _MINIMAL if name in repository}


def _node_id(kind: str, number: int) -> str:
    return base64.b64encode(f"0{len(kind)}:{kind}{number}".encode()).decode()
