"""The code host: what a workflow run does and says, and what changed between two commits."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

_OVER: Final = "completed"


@dataclass(frozen=True, slots=True)
class BuildStep:
    """One step of a job of a run; `status` and `conclusion` are GitHub's words."""

    number: int
    name: str
    status: str
    conclusion: str | None
    started_at: datetime | None
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class BuildJob:
    """One job of one attempt of a run; `url` is its page."""

    id: int
    name: str
    status: str
    conclusion: str | None
    url: str
    started_at: datetime | None
    finished_at: datetime | None
    steps: Sequence[BuildStep]

    @property
    def is_over(self) -> bool:
        """It ended; before that nobody can read its log."""
        return self.status == _OVER


class BuildLogs(Protocol):
    """What runs do and say."""

    def jobs(self, full_name: str, run_id: int, attempt: int) -> Sequence[BuildJob]:
        """Return the jobs of an attempt with their steps, in their order.

        Raises:
            RemoteMissing: there is no such attempt; the host keeps none for ever.
        """

    def log(self, full_name: str, job_id: int) -> AbstractContextManager[Iterator[bytes]]:
        """Open what a job wrote: lines of UTF-8, each behind its time, in chunks as they come.

        Raises:
            RemoteMissing: the job goes on, was cancelled before it wrote anything, or its log is gone.
        """


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit as a list shows it; `author` is a login at the host, else the name in the commit."""

    sha: str
    message: str
    author: str
    at: datetime
    url: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """What is in one commit and not in another.

    `commits` come newest first, at most 250 of `total`; `missing` counts those that the other has and
    this one has not. `files` are counted up to 300. `url` is the host's page about it.
    """

    url: str
    commits: Sequence[Commit]
    total: int
    missing: int
    files: int


class Comparisons(Protocol):
    """What changed."""

    def between(self, full_name: str, base: str, head: str) -> Comparison:
        """Return what `head` has that `base` has not.

        Raises:
            RemoteMissing: one of the two is there no more, or they have no history in common.
        """
