"""What GitHub shows of a deployment: a commit status and a deployment record with its statuses."""

from typing import Any, Final

from app.domain.deployments import Deployment
from app.domain.environments import Environment
from app.github.client import GitHub, path
from app.github.contents import GitHubContents
from app.github.payloads import PAYLOAD_KEY, deployment_id

_LONGEST_DESCRIPTION: Final = 140


class GitHubPublications:
    """Port `Publications`."""

    def __init__(self, github: GitHub) -> None:
        self._github = github
        self._contents = GitHubContents(github)

    def set_commit_status(
        self, full_name: str, commit: str, *, state: str, context: str, description: str, target_url: str
    ) -> None:
        """Set a commit status; a description that is too long is cut."""
        # https://docs.github.com/en/rest/commits/statuses#create-a-commit-status
        body = {
            "state": state,
            "context": context,
            "description": _cut(description),
            "target_url": target_url,
        }
        with self._github.doing(f"setting the status of {commit[:7]} in {full_name}"):
            self._github.request("POST", path("repos", full_name, "statuses", commit), body)

    def ensure_deployment(self, full_name: str, deployment: Deployment) -> int:
        """Return GitHub's record of this deployment, found by our id in its payload or created."""
        # https://docs.github.com/en/rest/deployments/deployments
        known = self._find(full_name, deployment)
        if known is not None:
            return known
        body = _record(deployment, self._ref(full_name, deployment))
        with self._github.doing(f"recording deployment {deployment.id} in {full_name}"):
            return int(self._github.request("POST", path("repos", full_name, "deployments"), body)["id"])

    def set_deployment_status(
        self,
        full_name: str,
        record_id: int,
        *,
        state: str,
        environment: Environment,
        description: str,
        environment_url: str | None,
        log_url: str,
    ) -> None:
        """Append a status; only previews leave the environment's other deployments active."""
        # https://docs.github.com/en/rest/deployments/statuses#create-a-deployment-status
        body = {
            "state": state,
            "environment": environment.value,
            "description": _cut(description),
            "environment_url": environment_url or "",
            "log_url": log_url,
            "auto_inactive": environment is not Environment.PREVIEW,
        }
        with self._github.doing(f"setting deployment record {record_id} in {full_name} to {state}"):
            self._github.request("POST", path("repos", full_name, "deployments", record_id, "statuses"), body)

    def _find(self, full_name: str, deployment: Deployment) -> int | None:
        """Look through the newest hundred records of this commit and environment.

        Not through PyGithub: it refuses the payloads that other tools write as strings.
        """
        query = {"sha": deployment.commit, "environment": deployment.environment.value, "per_page": "100"}
        with self._github.doing(f"looking for the record of deployment {deployment.id} in {full_name}"):
            records = self._github.request("GET", path("repos", full_name, "deployments"), query=query)
            ours = (int(it["id"]) for it in records if deployment_id(it.get("payload")) == deployment.id)
            return next(ours, None)

    def _ref(self, full_name: str, deployment: Deployment) -> str:
        """Prefer the branch: GitHub says "not deployed" of a branch whose deployments name commits."""
        head = self._contents.head(full_name, deployment.branch)
        return deployment.branch if head == deployment.commit else deployment.commit


def _record(deployment: Deployment, ref: str) -> dict[str, Any]:
    environment = deployment.environment
    return {
        "ref": ref,
        "task": "deploy",
        "auto_merge": False,
        "required_contexts": [],  # else GitHub waits for the very run that reports to us
        "payload": {PAYLOAD_KEY: deployment.id},
        "environment": environment.value,
        "description": _cut(f"{deployment.script} at {deployment.commit[:7]}"),
        "transient_environment": environment is Environment.PREVIEW,
        "production_environment": environment is Environment.PRODUCTION,
    }


def _cut(description: str) -> str:
    if len(description) <= _LONGEST_DESCRIPTION:
        return description
    return description[: _LONGEST_DESCRIPTION - 1] + "…"
