"""Trees: reading them, and writing new ones from entries on top of an old one."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sandbox.github.git import Git

SUBTREE = "040000"
REGULAR = "100644"
EXECUTABLE = "100755"
_KINDS = {SUBTREE: "tree", "160000": "commit"}


@dataclass(frozen=True)
class Entry:
    """One path in a tree; ``sha`` None removes it."""

    path: str
    mode: str
    sha: str | None
    size_bytes: int | None = None

    @property
    def kind(self) -> str:
        """Return blob, tree or commit."""
        return _KINDS.get(self.mode, "blob")


def read(git: Git, treeish: str, *, recursive: bool = False) -> list[Entry]:
    """List a tree, or with ``recursive`` everything below it, subtrees included."""
    flags = ["-r", "-t"] if recursive else []
    listing = git.run("ls-tree", "-z", "--long", *flags, treeish).decode(errors="surrogateescape")
    return [_entry(line) for line in listing.split("\0") if line]


def _entry(line: str) -> Entry:
    details, path = line.split("\t", 1)
    mode, _kind, sha, size = details.split()
    return Entry(path=path, mode=mode, sha=sha, size_bytes=None if size == "-" else int(size))


def at(git: Git, commit: str, path: str) -> Entry | None:
    """Return the entry of one path in a commit, or None."""
    if not path:
        return Entry(path="", mode=SUBTREE, sha=git.ref(f"{commit}^{{tree}}"))
    listing = git.run("ls-tree", "-z", "--long", commit, "--", path).decode(errors="surrogateescape")
    found = [_entry(line) for line in listing.split("\0") if line]
    return found[0] if found and found[0].path == path else None


def write(git: Git, entries: Sequence[Entry], base: str | None = None) -> str:
    """Write the tree that has these entries on top of ``base`` and return its name.

    Raises: GitError for an unknown object or a path that git does not allow.
    """
    with tempfile.TemporaryDirectory(prefix="index-") as scratch:
        extra = {"GIT_INDEX_FILE": f"{scratch}/index"}
        git.run("read-tree", base or "--empty", extra=extra)
        for entry in entries:
            if entry.mode == SUBTREE and entry.sha:
                git.run("read-tree", f"--prefix={entry.path}/", entry.sha, extra=extra)
        lines = "".join(_index_line(entry) for entry in entries if entry.mode != SUBTREE)
        git.run("update-index", "-z", "--index-info", given=lines.encode(), extra=extra)
        return git.text("write-tree", extra=extra)


def _index_line(entry: Entry) -> str:
    if entry.sha is None:
        return f"0 {'0' * 40}\t{entry.path}\0"
    return f"{entry.mode} {entry.sha}\t{entry.path}\0"


def write_blobs(git: Git, contents: Sequence[bytes]) -> list[str]:
    """Store many blobs with a single git process and return their names in order."""
    if not contents:
        return []
    with tempfile.TemporaryDirectory(prefix="blobs-") as scratch:
        paths = [Path(scratch, str(index)) for index in range(len(contents))]
        for path, content in zip(paths, contents, strict=True):
            path.write_bytes(content)
        listing = "".join(f"{path}\n" for path in paths)
        return git.text(
            "hash-object", "-w", "--no-filters", "--stdin-paths", given=listing.encode()
        ).splitlines()
