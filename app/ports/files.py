"""The code host: the files of a repository, one by one, in one commit, and all of them at once."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from app.domain.git import EntryKind, kind_of
from app.ports.builds import BuildLogs, Comparisons
from app.ports.code_host import Contents
from app.ports.people import Memberships


@dataclass(frozen=True, slots=True)
class Entry:
    """What stands at a path of a commit: `mode` is git's, `sha` names a blob, a tree or a commit."""

    path: str
    sha: str
    mode: str
    size_bytes: int | None = None

    @property
    def kind(self) -> EntryKind:
        """What its mode says that it is."""
        return kind_of(self.mode)


@dataclass(frozen=True, slots=True)
class Listing:
    """Everything of a commit but its folders; `is_truncated` says that there is more."""

    entries: Sequence[Entry]
    is_truncated: bool


@dataclass(frozen=True, slots=True)
class FileContent:
    """A file as it is read; `content` is None when it is too large to be handed out in one piece."""

    path: str
    sha: str
    size_bytes: int
    content: bytes | None


@dataclass(frozen=True, slots=True)
class Proposal:
    """A pull request that we opened."""

    number: int
    html_url: str


class ArchiveFormat(StrEnum):
    """What an archive is packed as."""

    TAR_GZ = "tar.gz"
    ZIP = "zip"


class Trees(Protocol):
    """What commits hold. Links are not followed."""

    def commit_of(self, full_name: str, ref: str) -> str | None:
        """Return the commit that a branch, else a tag, else a commit of this name is; None without one.

        Raises:
            RemoteMissing: the repository itself is not there.
        """

    def listing(self, full_name: str, commit: str) -> Listing:
        """Return everything that a commit holds, in the order of paths."""

    def entries(self, full_name: str, commit: str, paths: Collection[str]) -> Mapping[str, Entry]:
        """Return what stands at `paths` and above them, folders too; what is not there is left out."""


class Files(Protocol):
    """Single files; each write is one commit, made in one request."""

    def read(self, full_name: str, path: str, ref: str) -> FileContent | EntryKind | None:
        """Return a file, or what stands there instead of one; None when there is nothing, or no such ref.

        A link to a file is read through where the host does so.
        """

    def write(
        self, full_name: str, branch: str, path: str, content: bytes, message: str, *, replaces: str | None
    ) -> str:
        """Create a file, or replace the one whose blob is `replaces`, and return the commit.

        Raises:
            RemoteConflict: another blob is there, or the branch moved meanwhile; nothing was changed.
        """

    def delete(self, full_name: str, branch: str, path: str, message: str, *, blob: str) -> str:
        """Delete the file whose blob is `blob` and return the commit. Raises as `write` does."""


class Proposals(Protocol):
    """Pull requests that we open."""

    def open(self, full_name: str, *, head: str, base: str, title: str, body: str) -> Proposal:
        """Propose branch `head` for `base`; an open pull request between the two is returned as it is.

        Raises:
            RemoteConflict: the host does not take it: nothing to merge, or no history in common.
        """


class Downloads(Protocol):
    """What may be too large for memory: chunks, as they come, until the context is left."""

    def file(self, full_name: str, path: str, commit: str) -> AbstractContextManager[Iterator[bytes]]:
        """Open a file of a commit."""

    def archive(
        self, full_name: str, commit: str, packed: ArchiveFormat
    ) -> AbstractContextManager[Iterator[bytes]]:
        """Open all files of a commit as an archive that the host packs."""


@dataclass(frozen=True, slots=True)
class CodeHost:
    """All that is asked of the code host while a caller waits: an app's files, its runs, its commits."""

    contents: Contents
    trees: Trees
    files: Files
    proposals: Proposals
    downloads: Downloads
    memberships: Memberships
    build_logs: BuildLogs
    comparisons: Comparisons
