"""What the pipeline needs from outside, as Protocols of at most six methods.

`Records` is our own memory; `Repositories`, `Contents`, `RepositorySettings`, `Runs`, `Publications`,
`Comments` are a code host; `Scripts` is where scripts live; `Steps` is what a durable job runs on.
An adapter speaks for each in `github/`, `cloudflare/`, `database/` or `jobs/`, a fake in `tests/fakes/`.

Every method may raise `RemoteUnavailable` (look again later) and `RemoteRefused` (a person has to act).
"Could not look" is an error, never an empty answer.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import IO, Any, Protocol, TypeVar

from app.domain.apps import App, Repository
from app.domain.bundles import Bundle
from app.domain.deliveries import Delivery
from app.domain.deployments import Deployment, Status
from app.domain.environments import Environment
from app.domain.events import Event
from app.domain.jobs import Job, JobType, Step
from app.domain.pulls import PullRequest

T = TypeVar("T")


class Clock(Protocol):
    """Tells the time."""

    def __call__(self) -> datetime:
        """Return now, aware and in UTC."""


# --------------------------------------------------------------------------------------------- our memory


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a list, newest first; `next_cursor` is opaque and None on the last page."""

    items: Sequence[Any]
    next_cursor: str | None


class Apps(Protocol):
    """The apps that are not deleted."""

    def add(self, app: App) -> None:
        """Keep a new app. Raises Conflict when the name is taken."""

    def get(self, key: str, *, lock: bool = False) -> App:
        """Return it by id, slug or name. `lock` holds it until the transaction ends. Raises NotFound."""

    def by_repository(self, repository_id: int) -> App | None:
        """Return the app whose repository this is."""

    def save(self, app: App) -> None:
        """Replace what is kept of it."""

    def list(self, *, cursor: str | None = None, limit: int = 50) -> Page:
        """Return a page of apps, newest first. Raises InvalidInput on a cursor that is not ours."""

    def remove(self, app_id: str) -> None:
        """Let it go; its deployments and events stay, its name and slug become free."""


class Deployments(Protocol):
    """All deployments ever made."""

    def add(self, deployment: Deployment) -> None:
        """Keep a new one. Raises Conflict when its run and attempt are known already."""

    def get(self, deployment_id: str) -> Deployment:
        """Return it. Raises NotFound."""

    def save(self, deployment: Deployment) -> None:
        """Replace what is kept of it."""

    def by_run(self, app_id: str, run_id: int, attempt: int) -> Deployment | None:
        """Return the deployment that this attempt of a run makes."""

    def find(
        self,
        app_id: str,
        *,
        script: str | None = None,
        pull_request: int | None = None,
        statuses: frozenset[Status] | None = None,
        limit: int = 1000,
    ) -> Sequence[Deployment]:
        """Return the app's deployments that match, in the order of their runs, newest first."""

    def list(
        self,
        app_id: str,
        *,
        environment: Environment | None = None,
        status: Status | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page:
        """Return a page of deployments, newest first."""


class PullRequests(Protocol):
    """The pull requests that we heard of."""

    def get(self, app_id: str, number: int) -> PullRequest | None:
        """Return it, or None when we never heard of it."""

    def save(self, pull: PullRequest) -> None:
        """Keep it, new or known."""

    def open(self, app_id: str) -> Sequence[PullRequest]:
        """Return those that are open, highest number first."""


class Deliveries(Protocol):
    """The inbox."""

    def add(self, delivery: Delivery) -> bool:
        """Keep it; False when its source and guid are known already, and nothing changes."""

    def waiting(self, now: datetime, *, limit: int) -> Sequence[Delivery]:
        """Return, and hold for this transaction, the oldest that wait for work and may be tried at `now`."""

    def save(self, delivery: Delivery, *, try_at: datetime | None = None) -> None:
        """Replace what is kept of it; a failed one is not tried before `try_at`."""

    def get(self, guid: str) -> Delivery:
        """Return it by the sender's id. Raises NotFound."""

    def list(self, *, cursor: str | None = None, limit: int = 50) -> Page:
        """Return a page of deliveries, newest first, without their bodies, which may be large."""


class Events(Protocol):
    """The append-only record."""

    def append(self, event: Event) -> None:
        """Write a fact down."""

    def about(self, subject: str, *, limit: int = 100) -> Sequence[Event]:
        """Return the newest facts about a subject, newest first."""


class Jobs(Protocol):
    """The jobs that were asked for."""

    def enqueue(self, job_type: JobType, app_id: str, arguments: Mapping[str, Any]) -> Job:
        """Ask for a job; it exists when, and only when, this transaction commits."""

    def get(self, job_id: str, *, lock: bool = False) -> Job:
        """Return it. `lock` holds it until the transaction ends. Raises NotFound."""

    def save(self, job: Job) -> None:
        """Replace what is kept of it."""

    def unfinished(self, *, limit: int = 1000) -> Sequence[Job]:
        """Return the jobs that are queued or processing, oldest first, without their arguments."""


@dataclass(frozen=True, slots=True)
class Transaction:
    """All that is remembered, seen at one moment and changed together."""

    apps: Apps
    deployments: Deployments
    pulls: PullRequests
    deliveries: Deliveries
    events: Events
    jobs: Jobs


class Records(Protocol):
    """Our own memory."""

    def begin(self) -> AbstractContextManager[Transaction]:
        """Open a transaction: committed on leaving, undone when an exception leaves.

        Raises:
            RemoteUnavailable: the database is locked or away.
        """

    def read(self) -> AbstractContextManager[Transaction]:
        """Open a transaction that only looks; it waits for no writer."""


# ------------------------------------------------------------------------------------------ the code host


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

    def commit(self, full_name: str, branch: str, files: Sequence[File], message: str, *, parent: str) -> str:
        """Put `files` into one commit on top of `parent` and move the branch to it.

        Three writes, and one more for each file that is not text.

        Raises:
            RemoteConflict: the branch moved away from `parent` meanwhile; nothing was changed.
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
    """A run as its host tells of it; `status` and `conclusion` are GitHub's words."""

    id: int
    number: int
    attempt: int
    url: str
    status: str
    conclusion: str | None


class Runs(Protocol):
    """Workflow runs."""

    def of_commit(self, full_name: str, commit: str) -> Sequence[WorkflowRun]:
        """Return the runs of our workflow for a commit, newest first."""

    def enable_workflow(self, full_name: str) -> None:
        """Enable our workflow where the host disabled it. May be repeated."""

    def dispatch(self, full_name: str, branch: str) -> None:
        """Start our workflow by hand on a branch."""

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


# -------------------------------------------------------------------------------------- where scripts live


@dataclass(frozen=True, slots=True)
class Limits:
    """What one request to a script may use; None is the platform's own limit."""

    cpu_ms: int | None = None
    subrequests: int | None = None


@dataclass(frozen=True, slots=True)
class Upload:
    """A bundle and what the environment adds to it: all that a script is made of.

    `bindings` are all of them, the bundle's own included; `scope` salts the names of its assets. Bindings may
    hold secrets, so an upload does not show them.
    """

    bundle: Bundle
    bindings: Sequence[Mapping[str, Any]] = field(repr=False)
    tags: Sequence[str]
    scope: str
    limits: Limits = Limits()


class Bundles(Protocol):
    """The bundle store: bytes by their SHA-256, in a directory or a bucket. Each call may be repeated."""

    def write(self, chunks: Iterable[bytes]) -> tuple[str, int]:
        """Keep bytes as they come, never whole in memory; return their SHA-256 and their number."""

    def open(self, sha256: str) -> IO[bytes]:
        """Open kept bytes for reading. Raises NotFound."""

    def has(self, sha256: str) -> bool:
        """Tell whether they are kept."""

    def save(self, bundle: Bundle) -> str:
        """Keep a bundle's description and return its digest; its modules and assets are kept already."""

    def load(self, digest: str) -> Bundle:
        """Return a bundle. Raises NotFound."""

    def prune(self, wanted: Callable[[str], bool], older_than: datetime) -> int:
        """Delete what was kept before `older_than` and is not `wanted`; return how many were deleted."""


@dataclass(frozen=True, slots=True)
class DeployAccess:
    """What a workflow run needs to upload its script; it does not show its token."""

    api_base_url: str
    account_id: str
    api_token: str = field(repr=False)


class Scripts(Protocol):
    """Scripts in dispatch namespaces."""

    def ensure_namespace(self, namespace: str) -> None:
        """Create the namespace if it is not there."""

    def tags(self, namespace: str, script: str) -> Sequence[str] | None:
        """Return the tags of a script; None when there is no such script."""

    def delete(self, namespace: str, script: str) -> bool:
        """Delete a script; False when it was gone already."""

    def delete_tagged(self, namespace: str, tag: str) -> None:
        """Delete every script of the namespace that carries `tag`, in one call."""

    def put(self, namespace: str, script: str, upload: Upload) -> None:
        """Put a script up, new or not; when this returns it answers with the new code. May be repeated.

        Its assets that the platform does not have are uploaded first.

        Raises:
            ScriptRefused: the platform does not take it: it does not start, or it is too large.
            RemoteUnavailable: no answer: the script is the old one or the new one, whole.
        """

    def access(self) -> DeployAccess:
        """Return what a run deploys with."""


# --------------------------------------------------------------------------------------------- durable work


class Steps(Protocol):
    """What a durable job runs on."""

    def run(self, name: str, action: Callable[[], T]) -> T:
        """Do `action` at least once and remember its answer, a value that JSON holds.

        When the remote is unavailable it waits, tells what for, and tries again until the job's deadline.
        """

    def sleep(self, seconds: float) -> None:
        """Wait without a process having to live that long."""


class JobEngine(Protocol):
    """The engine that runs jobs."""

    def enqueue(self, transaction: object, job: Job) -> None:
        """Put the job into its queue as part of the database transaction at hand."""

    def steps(self, job: Job) -> Sequence[Step]:
        """Return the steps of a job that were begun, in order."""

    def lost(self, jobs: Sequence[Job]) -> Sequence[tuple[Job, str]]:
        """Return those of `jobs` that the engine will never finish, each with why."""

    def cancel(self, job_id: str) -> None:
        """Let no further step of the job begin."""
