"""What a code host and a workflow run report to us, as typed values.

How they are read from bytes is the business of `github/payloads.py` and `web/`; nothing is parsed here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Ping:
    """The host tries whether we are there."""

    hook_id: int | None


@dataclass(frozen=True, slots=True)
class Pushed:
    """A branch was created, moved or deleted. `ref` is complete; `after` is 40 zeros for a deletion."""

    repository_id: int
    full_name: str
    ref: str
    before: str
    after: str
    is_created: bool
    is_deleted: bool
    is_forced: bool
    message: str | None
    author: str | None
    sender: str

    @property
    def branch(self) -> str | None:
        """The branch's name, or None for a tag."""
        return self.ref.removeprefix("refs/heads/") if self.ref.startswith("refs/heads/") else None


@dataclass(frozen=True, slots=True)
class PullRequestChanged:
    """Something about a pull request changed; the fields say how it is now."""

    repository_id: int
    full_name: str
    action: str
    number: int
    is_open: bool
    is_merged: bool
    title: str
    html_url: str
    head_branch: str
    head_commit: str
    is_from_fork: bool
    author: str
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class WorkflowRunChanged:
    """A run was requested, began or ended. `status` and `conclusion` are the host's words."""

    repository_id: int
    full_name: str
    action: str
    run_id: int
    run_number: int
    run_attempt: int
    url: str
    event: str
    status: str
    conclusion: str | None
    head_branch: str
    head_commit: str
    message: str | None
    workflow_path: str
    pull_requests: tuple[int, ...]
    is_from_fork: bool
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class DeploymentStatusChanged:
    """Somebody, perhaps we, set the status of a deployment record."""

    repository_id: int
    full_name: str
    record_id: int
    state: str
    environment: str
    environment_url: str | None
    log_url: str | None
    deployment_id: str | None


@dataclass(frozen=True, slots=True)
class InstallationChanged:
    """Our App was installed, suspended, given back or removed; `repository_ids` are those it names."""

    installation_id: int
    action: str
    account: str
    repository_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class InstallationRepositoriesChanged:
    """Our App may see more repositories, or fewer."""

    installation_id: int
    account: str
    added_ids: tuple[int, ...]
    removed_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class RepositoryRenamed:
    """A repository bears another name, or belongs to another owner, now."""

    repository_id: int
    full_name: str
    html_url: str
    clone_url: str


@dataclass(frozen=True, slots=True)
class RepositoryDeleted:
    """A repository is gone."""

    repository_id: int
    full_name: str


HostReport = (
    Ping
    | Pushed
    | PullRequestChanged
    | WorkflowRunChanged
    | DeploymentStatusChanged
    | InstallationChanged
    | InstallationRepositoriesChanged
    | RepositoryRenamed
    | RepositoryDeleted
)


@dataclass(frozen=True, slots=True)
class RunReport:
    """What a workflow run says of itself, before it deploys and when it ends. `phases` are seconds."""

    repository_id: int
    event: str
    ref: str
    branch: str
    commit: str
    message: str | None
    pull_request: int | None
    run_id: int
    run_number: int
    run_attempt: int
    run_url: str
    phases: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """How a run ended: success, failure or cancelled. `error_phase` is install, build or deploy."""

    deployment_id: str | None
    conclusion: str
    error_phase: str | None
    error_message: str | None
