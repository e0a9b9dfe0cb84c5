"""Reports: what the code host tells us, as typed values.

A report says what the host saw, not what we conclude from it; it may be late, repeated or out of order.
Nothing is parsed here: the host's own language is read next to its adapter.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class RepositoryName:
    """A repository as a report names it; `id` is what stays when it is renamed or moved.

    `owner_id` is its owner's, where the host says it.
    """

    id: int
    full_name: str
    owner_id: int | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ping:
    """The host tries a webhook out; one of an organisation has no repository."""

    hook_id: int
    repository: RepositoryName | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pushed:
    """A branch or tag was created, moved or deleted.

    `branch` is None for a tag. The head commit's `message`, `author` and `committed_at` are None when the ref
    was deleted; `author` also when the host does not know who that is.
    """

    repository: RepositoryName
    ref: str
    branch: str | None
    before: str
    after: str
    is_created: bool
    is_deleted: bool
    is_forced: bool
    message: str | None
    author: str | None
    committed_at: datetime | None
    sender: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PullRequestChanged:
    """Something happened to a pull request: opened, synchronize, closed, reopened, edited, labeled, ...

    `repository` is the base. `head_repository_id` is None when the fork it came from is gone, `author` when
    the account is gone.
    """

    repository: RepositoryName
    action: str
    number: int
    is_open: bool
    is_merged: bool
    title: str
    html_url: str
    head_branch: str
    head_commit: str
    head_repository_id: int | None
    author: str | None
    updated_at: datetime

    @property
    def is_from_fork(self) -> bool:
        """Its code comes from somebody else's repository."""
        return self.head_repository_id != self.repository.id


@dataclass(frozen=True, slots=True, kw_only=True)
class CommentWritten:
    """Somebody wrote a comment on an issue or a pull request; `author` is None when the account is gone."""

    repository: RepositoryName
    number: int
    comment_id: int
    author: str | None
    body: str
    created_at: datetime
    is_on_pull_request: bool


class RunAction(StrEnum):
    """What happened to a run."""

    REQUESTED = "requested"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowRunChanged:
    """A workflow run was requested, began or ended.

    `status` and `conclusion` are the host's words. `workflow_path` is empty when the host did not say.
    """

    repository: RepositoryName
    action: RunAction
    run_id: int
    run_number: int
    run_attempt: int
    html_url: str
    event: str
    status: str
    conclusion: str | None
    head_branch: str | None
    head_commit: str
    head_repository_id: int | None
    message: str | None
    workflow_path: str
    pull_requests: tuple[int, ...]
    created_at: datetime
    updated_at: datetime

    @property
    def is_from_fork(self) -> bool:
        """The commit comes from somebody else's repository."""
        return self.head_repository_id != self.repository.id


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentStatusChanged:
    """A status was added to a deployment record; `deployment_id` is ours when we made the record."""

    repository: RepositoryName
    record_id: int
    deployment_id: str | None
    state: str
    environment: str
    environment_url: str | None
    log_url: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallationChanged:
    """Our installation was created, deleted, suspended, unsuspended, or its permissions were accepted."""

    action: str
    installation_id: int
    account: str
    repositories: tuple[RepositoryName, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallationRepositoriesChanged:
    """Our installation gained or lost repositories."""

    installation_id: int
    account: str
    added: tuple[RepositoryName, ...]
    removed: tuple[RepositoryName, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositoryRenamed:
    """A repository has a new name; `old_full_name` is the one it had."""

    repository: RepositoryName
    old_full_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositoryDeleted:
    """A repository is gone."""

    repository: RepositoryName


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositoryTransferred:
    """A repository has another owner, under whom it is named here and whose id is `owner_id`."""

    repository: RepositoryName
    owner_id: int


Report = (
    Ping
    | Pushed
    | PullRequestChanged
    | CommentWritten
    | WorkflowRunChanged
    | DeploymentStatusChanged
    | InstallationChanged
    | InstallationRepositoriesChanged
    | RepositoryRenamed
    | RepositoryDeleted
    | RepositoryTransferred
)
