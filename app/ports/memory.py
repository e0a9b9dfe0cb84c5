"""Our own memory: what was asked for, what was heard of, and what became of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

from app.domain.apps import App, AppStatus
from app.domain.callers import EVERYWHERE, Reach
from app.domain.deliveries import Delivery, DeliveryFilter
from app.domain.deployments import Deployment, Status
from app.domain.environments import Environment
from app.domain.jobs import ALL_JOBS, Job, JobFilter, JobType
from app.domain.pulls import PullRequest

EVERYTHING: Final = DeliveryFilter()


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a list, newest first; `next_cursor` is opaque and None on the last page.

    `previous_cursor` is for lists that are leafed through in both directions, None on the first page.
    """

    items: Sequence[Any]
    next_cursor: str | None
    previous_cursor: str | None = None


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

    def list(
        self,
        *,
        cursor: str | None = None,
        limit: int = 50,
        reach: Reach = EVERYWHERE,
        search: str | None = None,
        status: AppStatus | None = None,
        environment: Environment | None = None,
        is_back: bool = False,
    ) -> Page:
        """Return a page of the apps in reach, newest first; `search` is a part of their names.

        With an environment, of those alone that show something there. `is_back` returns the page that ends
        before the cursor, and not the one that begins behind it.

        Raises InvalidInput on a cursor that is not ours.
        """

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
        """Return the deployment that this attempt of a run makes; what was promoted from it is another."""

    def find(
        self,
        app_id: str,
        *,
        script: str | None = None,
        pull_request: int | None = None,
        statuses: frozenset[Status] | None = None,
        before: tuple[int, int] | None = None,
        limit: int = 1000,
    ) -> Sequence[Deployment]:
        """Return the app's deployments that match, in the order of their runs, newest first.

        `before` is a place in that order: only those before it.
        """

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

    def has_twin(self, delivery: Delivery) -> bool:
        """Tell whether its body was worked off under another guid; nobody else is told until the end."""

    def list(
        self, wanted: DeliveryFilter = EVERYTHING, *, cursor: str | None = None, limit: int = 50
    ) -> Page:
        """Return a page of deliveries, newest first, without their bodies, which may be large."""


class Jobs(Protocol):
    """The jobs that were asked for."""

    def enqueue(
        self, job_type: JobType, app_id: str, arguments: Mapping[str, Any], *, actor: str | None = None
    ) -> Job:
        """Ask for a job; it exists when, and only when, this transaction commits.

        `actor` is whose act it is, as facts name them; None for what comes about by itself.
        """

    def get(self, job_id: str, *, lock: bool = False) -> Job:
        """Return it. `lock` holds it until the transaction ends. Raises NotFound."""

    def save(self, job: Job) -> None:
        """Replace what is kept of it."""

    def unfinished(self, *, limit: int = 1000) -> Sequence[Job]:
        """Return the jobs that are queued or processing, oldest first, without their arguments."""

    def ending(self) -> Sequence[str]:
        """Return the ids of the unfinished jobs of which somebody said that they are to end."""

    def list(
        self,
        wanted: JobFilter = ALL_JOBS,
        *,
        reach: Reach = EVERYWHERE,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page:
        """Return a page of jobs in reach, newest first, without their arguments and results.

        Raises InvalidInput on a cursor that is not ours.
        """


class Marks(Protocol):
    """How far something got that goes on where it stopped, by a name of its own."""

    def get(self, name: str, *, lock: bool = False) -> str | None:
        """Return it; None when it was never set. `lock` holds it until the transaction ends, if it is set."""

    def set(self, name: str, value: str) -> None:
        """Keep it, new or known."""
