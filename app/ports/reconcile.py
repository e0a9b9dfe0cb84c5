"""Our own memory as reconciling needs it: what we put up, what drifted, and many apps at a time."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from app.domain.aliases import Alias
from app.domain.apps import App
from app.domain.callers import EVERYWHERE, Reach
from app.domain.deployments import Deployment
from app.domain.drift import Drift
from app.domain.pulls import PullRequest
from app.domain.standing import Need, StandingScript
from app.ports.memory import Page


class StandingScripts(Protocol):
    """The scripts that we put up."""

    def put(self, script: StandingScript) -> None:
        """Keep it, new or known."""

    def remove(self, namespace: str, scripts: Collection[str]) -> None:
        """Let some go."""

    def of(self, app_id: str, namespace: str) -> Sequence[StandingScript]:
        """Return those of an app, or a worker, in a namespace, by name."""

    def see(self, namespace: str, scripts: Collection[str], at: datetime) -> Mapping[str, StandingScript]:
        """Write down that a look which began `at` found these there, and return those that are known."""

    def unseen(
        self,
        namespace: str,
        before: datetime,
        *,
        app_id: str | None = None,
        after: str = "",
        limit: int = 1000,
    ) -> Sequence[StandingScript]:
        """Return those put up `before`, and not found there since, by name behind `after`; of one app, or
        of all.
        """

    def count(self) -> int:
        """Return how many there are."""


class Drifts(Protocol):
    """Drift that was found. What is over is kept until it is found again."""

    def of(self, app_ids: Collection[str]) -> Sequence[Drift]:
        """Return the open drift of some apps or workers, the oldest first."""

    def save(self, drift: Drift) -> None:
        """Keep it, new or known; it needs its times."""

    def forget(self, app_id: str) -> None:
        """Let all of an app go."""

    def list(self, *, cursor: str | None = None, limit: int = 50, reach: Reach = EVERYWHERE) -> Page:
        """Return a page of all open drift of what is in reach, found last first."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """What is recorded of one app, beside it.

    `pulls` are open, `unfinished` deployments wait for their run; `branches` are that which the preview of
    branches shows, and that of its last run. `fork_heads` are approved commits of open pull requests from
    forks.
    """

    app: App
    pulls: Sequence[PullRequest] = ()
    unfinished: Sequence[Deployment] = ()
    aliases: Sequence[Alias] = ()
    branches: frozenset[str] = frozenset()
    fork_heads: frozenset[tuple[int, str]] = frozenset()


class Survey(Protocol):
    """Looks at many apps at once. It changes nothing."""

    def recorded(self, apps: Sequence[App]) -> Mapping[str, Recorded]:
        """Return what is recorded of some apps, by id."""

    def deployed(
        self, app_ids: Collection[str], commits: Collection[str]
    ) -> Collection[tuple[str, str, str]]:
        """Return app, script and commit of every deployment that some apps made of these commits."""

    def needs(self, scripts: Collection[str]) -> Mapping[str, Need]:
        """Return why scripts are to stand, by name; a name that was never heard of is left out."""

    def owners(self, slugs: Collection[str]) -> Mapping[str, str]:
        """Return the id of the app or worker that has a slug."""

    def releasing(self, app_ids: Collection[str]) -> Collection[str]:
        """Return those apps for which a job that puts scripts up is not over."""

    def count_apps(self) -> int:
        """Return how many apps there are."""
