"""What the Actions engine and the sandbox's GitHub promise each other.

GitHub owns repositories, secrets, tokens and webhooks; the engine owns workflow runs. Each sees of the
other only what is written here. Nothing here runs anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox.actions.records import Run


class GitHubSide(Protocol):
    """What the engine needs of the GitHub that it belongs to."""

    url: str
    """Where people and git go: `http://127.0.0.1:A`."""
    api_url: str
    """Where the REST API is: `url + "/api/v3"`."""

    def repository(self, repository_id: int) -> dict[str, Any]:
        """Return the API's repository object."""

    def repository_id(self, full_name: str) -> int | None:
        """Return the id of `owner/name`, or None when there is none."""

    def git_directory(self, repository_id: int) -> Path:
        """Return the bare repository."""

    def actions_enabled(self, repository_id: int) -> bool:
        """Say whether workflows may run in this repository."""

    def secrets(self, repository_id: int, environment: str | None) -> dict[str, str]:
        """Return the decrypted secrets, an environment's own ones laid over the repository's."""

    def variables(self, repository_id: int, environment: str | None) -> dict[str, str]:
        """Return the variables, an environment's own ones laid over the repository's."""

    def job_token(self, repository_id: int, *, read_only: bool) -> str:
        """Return a GITHUB_TOKEN that is valid for one run and for this repository only."""

    def emit(self, event: str, repository_id: int, payload: dict[str, Any]) -> None:
        """Send webhooks of `event`; `repository`, `organization` and `sender` are added to `payload`."""


@dataclass(frozen=True)
class Occasion:
    """Something that happened in a repository and that workflows may want to run on."""

    event: str
    """The event's name: `push`, `pull_request`, `workflow_dispatch` ..."""
    action: str | None
    """What exactly happened (`opened` ...), for events that distinguish it."""
    repository_id: int
    ref: str
    """`refs/heads/x`, or `refs/pull/N/merge`."""
    sha: str
    """The commit to run on; for pull_request the merge commit, `payload` has `pull_request.head.sha`."""
    payload: dict[str, Any]
    """The event's whole webhook payload."""
    is_fork_pull_request: bool = False


class ActionsSide(Protocol):
    """What GitHub needs of the engine."""

    def on_event(self, occasion: Occasion) -> list[int]:
        """Create a run for each workflow that wants this occasion and return their ids; returns quickly."""

    def runs_of(self, repository_id: int, commit: str) -> list[Run]:
        """Return a commit's runs, oldest first."""

    def start(self) -> None:
        """Take up the queued runs; needed once."""

    def close(self) -> None:
        """Stop: nothing of any run survives."""
