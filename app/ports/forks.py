"""What it takes to show a fork's pull request: who may want it, and what its own run left behind."""

from collections.abc import Collection, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from app.domain.bundles import Bundle


class Members(Protocol):
    """The people of a repository."""

    def may_write(self, full_name: str, login: str) -> bool:
        """Tell whether somebody other than ourselves may push there at this moment; False of the unknown."""


class PullHeads(Protocol):
    """What pull requests propose at this moment, whatever we have heard."""

    def of_open(self, full_name: str, number: int) -> str | None:
        """Return the newest commit of a pull request; None when it is not open."""


@dataclass(frozen=True, slots=True)
class Artifact:
    """What a run left behind; `sha256` is that of its download, None when the host does not say."""

    id: int
    size_bytes: int
    sha256: str | None


class Artifacts(Protocol):
    """What runs left behind. Whoever may start a run decides what is in it."""

    def of_run(self, full_name: str, run_id: int, name: str) -> Artifact | None:
        """Return the newest artifact of that name; None when there is none, or its time is over."""

    def download(self, full_name: str, artifact_id: int) -> AbstractContextManager[Iterator[bytes]]:
        """Open it for reading in chunks, as they come, until the context is left."""


class Recordings(Protocol):
    """What `wrangler deploy` would have uploaded, recorded by somebody whom nobody trusts."""

    def read(self, packed: Iterable[bytes], provided: Collection[str]) -> Bundle:
        """Check a recording as every upload is checked, keep its bytes and return what it is made of.

        `provided` are the names that the script's environment binds by itself. The chunks are read to their
        end before any of them counts.

        Raises:
            InvalidInput: it is no recording, or asks for what no upload may have.
            TooLarge: it is larger, packed or not, or has more files than a fork's may have.
        """
