"""What the code host shows of many repositories at one moment, whatever we have heard from it.

To look is not to conclude: `None` is the host's own word that something is not there, `Unseen` is that we
could not look, and the two are never the same. Nothing here is remembered.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol

from app.errors import BranchlineError

MOST_AT_ONCE: Final = 100


@dataclass(frozen=True, slots=True)
class Asked:
    """One repository to be looked at, known by id and last known as `full_name`.

    `branches` are those whose heads matter, `files` the paths on the default branch whose bytes do.
    """

    repository_id: int
    full_name: str
    branches: Sequence[str] = ()
    files: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class SeenRun:
    """A run of our workflow; `status` and `conclusion` are GitHub's words, as in `WorkflowRun`.

    Which attempt it is, and what started it, only `Runs` tells.
    """

    id: int
    number: int
    url: str
    status: str
    conclusion: str | None


@dataclass(frozen=True, slots=True)
class Head:
    """A commit that a branch or a pull request points at, and the newest run of our workflow for it.

    `run` is None when the host showed none among the commit's newest checks: ask `Runs` before you say that
    there is none.
    """

    commit: str
    run: SeenRun | None = None


@dataclass(frozen=True, slots=True)
class SeenPull:
    """A pull request that is open. `head_repository_id` is None when that repository is gone."""

    number: int
    title: str
    html_url: str
    author: str
    head_branch: str
    head: Head
    head_repository_id: int | None
    is_from_fork: bool
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Sight:
    """A repository as it stands; `full_name` is what it is called by now.

    `heads` holds the branches that were asked for and are there, `pulls` all pull requests that are open,
    `files` for each path that was asked for git's name of what is there, or None. `default_branch` is None
    while there is no commit.
    """

    repository_id: int
    full_name: str
    default_branch: str | None
    is_archived: bool
    heads: Mapping[str, Head] = field(default_factory=dict)
    pulls: Sequence[SeenPull] = ()
    files: Mapping[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Unseen:
    """The host did not show this one repository; nothing follows from that but `error`."""

    error: BranchlineError


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where a repository's deliveries go; its secret is never told."""

    id: int
    is_active: bool
    events: frozenset[str]
    content_type: str


class Sights(Protocol):
    """Looks at repositories. Each method only reads; to repeat it is harmless."""

    def look(self, asked: Sequence[Asked]) -> Mapping[int, Sight | Unseen | None]:
        """Look at up to `MOST_AT_ONCE` repositories in one call, and answer for each by its id.

        None: the host says that there is no such repository, or another one has its name by now. Some more
        calls are made for repositories with many open pull requests, or when the host finds it too much.

        Raises:
            RemoteUnavailable: nothing was seen, and nothing may be concluded.
        """

    def actions_enabled(self, full_name: str) -> bool:
        """Tell in one call whether workflows may run there."""

    def webhook(self, full_name: str, url: str) -> Webhook | None:
        """Return in one call the repository's webhook that sends to `url`; None when it has none."""
