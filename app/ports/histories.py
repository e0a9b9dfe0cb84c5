"""Whole histories: brought in from elsewhere, and new commits of where a repository came from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from app.domain.apps import Repository
from app.domain.git_addresses import GitAddress


@dataclass(frozen=True, slots=True)
class Heads:
    """The branches that a repository elsewhere has, and which of them is its default one."""

    default_branch: str
    branches: Sequence[str]


class MergeOutcome(StrEnum):
    """What became of an upstream's commits."""

    UP_TO_DATE = "up-to-date"
    MERGED = "merged"
    CONFLICT = "conflict"


@dataclass(frozen=True, slots=True)
class Merged:
    """What a merge came to: `commit` is where the branch is now, `upstream` what was to come into it.

    `aside` is the branch at which the two can be brought together, where they conflict.
    """

    outcome: MergeOutcome
    commit: str
    upstream: str
    aside: str | None = None


class NewRepositories(Protocol):
    """Repositories that begin empty."""

    def create(self, full_name: str, *, is_private: bool) -> Repository:
        """Create it. Raises RemoteConflict when the name is taken."""

    def disable_actions(self, full_name: str) -> None:
        """Let no workflow run: a history may come with its own. May be repeated."""

    def make_default(self, full_name: str, branch: str) -> None:
        """Make a branch the default one. May be repeated."""


class Upstreams(Protocol):
    """Where forks come from."""

    def merge_parent(self, repository: Repository, branch: str, *, aside: str) -> Merged:
        """Merge what is new in a fork's parent into a branch.

        On a conflict nothing of the branch is changed, and a branch whose name begins with `aside` is at the
        parent's commit.
        """


class Histories(Protocol):
    """Histories as git moves them. A `Repository` is one of ours and is opened with our credential.

    What a source refuses is RemoteRefused, for its address is what has to be changed: it is not waited for.
    """

    def heads(self, source: GitAddress) -> Heads:
        """Look at the branches of a repository elsewhere."""

    def copy(self, source: GitAddress, target: Repository, renamed: Mapping[str, str]) -> str:
        """Bring all branches and tags of a source into a repository that is new, some under other names.

        Returns the commit of the source's default branch, which comes first. May be repeated.
        """

    def merge(
        self, source: GitAddress | Repository, target: Repository, branch: str, *, aside: str
    ) -> Merged:
        """Merge the source's default branch into a branch of ours.

        A source with no commit in common counts from our first commit. On a conflict nothing of the branch
        is changed, and a branch whose name begins with `aside` is where the two can be brought together.

        Raises:
            RemoteConflict: the branch moved meanwhile; nothing was changed.
        """
