"""The code host: repositories and everything in them that a deployment needs."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from app.domain.apps import Repository
from app.domain.deployments import Deployment
from app.domain.environments import Environment


@dataclass(frozen=True, slots=True)
class File:
    """A file to be committed; `mode` is git's, 100644 or 100755."""

    path: str
    content: bytes
    mode: str = "100644"


class Repositories(Protocol):
    """Repositories as a whole."""

    def find(self, full_name: str) -> Repository | None:
        """Return it, or None when the host says that it is not there."""

    def fork(self, template: str, owner: str, name: str) -> Repository:
        """Ask for a fork; what comes back is not readable yet, and perhaps not what was asked for."""

    def generate(self, template: str, owner: str, name: str, *, is_private: bool) -> Repository:
        """Create a repository from a template. Raises RemoteConflict when the name is taken."""

    def enable_actions(self, full_name: str) -> None:
        """Let workflows run; forks start with them off. May be repeated."""

    def delete(self, full_name: str) -> None:
        """Delete it; one that is gone already is fine."""


class Contents(Protocol):
    """What is in a repository."""

    def head(self, full_name: str, branch: str) -> str | None:
        """Return the commit that a branch points at; None when there is no such branch, or nothing yet."""

    def find_commit(self, full_name: str, branch: str, trailer: str) -> str | None:
        """Return the newest of the branch's last commits whose message has the line `trailer`."""

    def commit(
        self,
        full_name: str,
        branch: str,
        files: Sequence[File],
        message: str,
        *,
        parent: str,
        deleted: Collection[str] = (),
        is_new: bool = False,
    ) -> str:
        """Put `files` into one commit on top of `parent`, without `deleted`, and move the branch to it.

        A branch that `is_new` is created there instead. Three writes, and one more for each file that is not
        text. What is to be deleted has to be there.

        Raises:
            RemoteConflict: the branch moved away from `parent` meanwhile, or is not new; nothing was changed.
        """

    def ensure_branch(self, full_name: str, branch: str, commit: str) -> None:
        """Create the branch at `commit`; one that exists stays where it is."""


class RepositorySettings(Protocol):
    """What a workflow finds in its repository. Each may be repeated."""

    def set_variable(self, full_name: str, name: str, value: str) -> None:
        """Set an Actions variable."""

    def set_secret(self, full_name: str, name: str, value: str) -> None:
        """Set an Actions secret, sealed with the repository's public key."""

    def ensure_webhook(self, full_name: str, url: str, secret: str, events: Sequence[str]) -> None:
        """Have deliveries of `events` sent to `url`; a webhook with that address is not made twice."""

    def ensure_environment(self, full_name: str, name: str) -> None:
        """Create the environment if it is not there."""


@dataclass(frozen=True, slots=True)
class WorkflowRun:
    """A run as its host tells of it; `event`, `status` and `conclusion` are GitHub's words.

    `head_repository_id` is where its commit comes from, None when that is gone; `message` the commit's.
    `branch` is the one that it was started for.
    """

    id: int
    number: int
    attempt: int
    url: str
    status: str
    conclusion: str | None
    event: str
    head_repository_id: int | None
    message: str | None
    branch: str | None = None


class Runs(Protocol):
    """Workflow runs."""

    def of_commit(self, full_name: str, commit: str) -> Sequence[WorkflowRun]:
        """Return the runs of our workflow for a commit, newest first."""

    def enable_workflow(self, full_name: str) -> None:
        """Enable our workflow where the host disabled it. May be repeated."""

    def dispatch(self, full_name: str, branch: str) -> None:
        """Start our workflow by hand on a branch."""

    def rerun(self, full_name: str, run_id: int) -> None:
        """Run a run again, as its next attempt. Raises RemoteRefused when the host keeps it no more."""

    def cancel(self, full_name: str, run_id: int) -> None:
        """Ask for a run to be cancelled; one that is over already is fine."""


class Publications(Protocol):
    """What the host shows of a deployment: a commit status and a deployment record."""

    def set_commit_status(
        self, full_name: str, commit: str, *, state: str, context: str, description: str, target_url: str
    ) -> None:
        """Set a commit status: pending, success, failure or error, described in at most 140 characters."""

    def ensure_deployment(self, full_name: str, deployment: Deployment) -> int:
        """Return the host's record of this deployment, found by our id in its payload or created."""

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
        """Append a status to the record; a preview leaves its predecessors active."""


class Comments(Protocol):
    """Our one comment on a pull request."""

    def find(self, full_name: str, number: int, marker: str) -> int | None:
        """Return the comment that carries `marker` and was written by us."""

    def create(self, full_name: str, number: int, body: str) -> int:
        """Write a comment and return its id."""

    def update(self, full_name: str, comment_id: int, body: str) -> bool:
        """Replace its text; False when somebody deleted the comment."""
