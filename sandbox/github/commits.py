"""Commits: writing them, reading them, and which paths each of them touched."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sandbox.github import clock

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sandbox.github.database import Row
    from sandbox.github.git import Git

_FIELDS = 10
_FORMAT = "%H%x00%T%x00%P%x00%an%x00%ae%x00%aI%x00%cn%x00%ce%x00%cI%x00%B"


@dataclass(frozen=True)
class Signature:
    """Who wrote something and when (ISO 8601 with an offset)."""

    name: str
    email: str
    date: str

    @property
    def utc(self) -> str:
        """Return the time as the REST API writes it."""
        return clock.utc(self.date)

    @classmethod
    def now(cls, name: str, email: str) -> Signature:
        """Sign with the present time."""
        return cls(name, email, clock.now())

    @classmethod
    def of(cls, account: Row) -> Signature:
        """Sign for an account with the present time."""
        return cls.now(account["name"] or account["login"], account["email"])


WEB_FLOW = ("GitHub", "noreply@github.com")


@dataclass(frozen=True)
class Commit:
    """One commit as git keeps it."""

    sha: str
    tree: str
    parents: tuple[str, ...]
    author: Signature
    committer: Signature
    message: str

    @property
    def title(self) -> str:
        """Return the message's first line."""
        return self.message.split("\n", 1)[0]


@dataclass
class Touched:
    """The paths that one commit added, removed and modified."""

    added: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    modified: list[str] = field(default_factory=list)

    def note(self, letter: str, path: str) -> None:
        """Put a path where git's status letter says."""
        {"A": self.added, "D": self.removed}.get(letter, self.modified).append(path)


def log(git: Git, *revisions: str, limit: int = 250, skip: int = 0, path: str | None = None) -> list[Commit]:
    """Return commits newest first; ``revisions`` are git's (``a..b``, ``^c``)."""
    narrowed = ["--", path] if path else ["--"]
    bounds = (f"--max-count={limit}", f"--skip={skip}")
    output = git.run("log", "-z", f"--format={_FORMAT}", *bounds, *revisions, *narrowed)
    words = output.decode(errors="replace").split("\0")
    return [_commit(words[at : at + _FIELDS]) for at in range(0, len(words) - _FIELDS + 1, _FIELDS)]


def read(git: Git, sha: str) -> Commit:
    """Return one commit."""
    return log(git, sha, limit=1)[0]


def count(git: Git, *revisions: str) -> int:
    """Count the commits of git's revisions."""
    return int(git.text("rev-list", "--count", *revisions))


def _commit(words: list[str]) -> Commit:
    sha, tree, parents, author, author_email, authored, committer, committer_email, committed, message = words
    return Commit(
        sha=sha,
        tree=tree,
        parents=tuple(parents.split()),
        author=Signature(author, author_email, authored),
        committer=Signature(committer, committer_email, committed),
        message=message.rstrip("\n"),
    )


def write(
    git: Git, *, tree: str, parents: Sequence[str], message: str, author: Signature, committer: Signature
) -> str:
    """Make a commit that no ref points at yet and return its name."""
    extra = _identity("AUTHOR", author) | _identity("COMMITTER", committer)
    flags = [flag for parent in parents for flag in ("-p", parent)]
    return git.text("commit-tree", tree, *flags, given=message.encode(), extra=extra)


def _identity(role: str, who: Signature) -> dict[str, str]:
    values = {"NAME": who.name, "EMAIL": who.email, "DATE": who.date}
    return {f"GIT_{role}_{key}": value for key, value in values.items()}


def touched(git: Git, shas: Sequence[str]) -> dict[str, Touched]:
    """Return what each commit touched, against its first parent."""
    flags = ("--stdin", "-r", "--root", "--name-status", "--no-renames", "--first-parent", "-m", "-z")
    result = {sha: Touched() for sha in shas}
    listing = git.run("diff-tree", *flags, given="".join(f"{sha}\n" for sha in result).encode())
    words = iter(listing.decode(errors="replace").split("\0"))
    current = Touched()
    for word in words:
        if word in result:
            current = result[word]
        elif word:
            current.note(word, next(words))
    return result
