"""What differs between two commits, file by file, with the patch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.github.git import Git

EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
_STATUSES = {"A": "added", "D": "removed", "M": "modified", "R": "renamed", "C": "copied", "T": "changed"}
_RENAMES = ("R", "C")


@dataclass(frozen=True)
class FileChange:
    """One changed file; binary files have no patch."""

    path: str
    previous_path: str | None
    status: str
    sha: str
    additions: int
    deletions: int
    patch: str | None


def between(git: Git, base: str | None, head: str) -> list[FileChange]:
    """Return the files that differ; ``base`` None compares with nothing."""
    pair = (base or EMPTY_TREE, head)
    counts = dict(_counts(git.run("diff-tree", "-r", "-M", "--numstat", "-z", *pair)))
    patches = _patches(git.run("diff-tree", "-r", "-M", "-p", *pair).decode(errors="replace"))
    raw = git.run("diff-tree", "-r", "-M", "--raw", "--no-abbrev", "-z", *pair)
    return [
        FileChange(path, previous, _STATUSES.get(letter, "changed"), sha, *counts.get(path, (0, 0)), patch)
        for (letter, sha, previous, path), patch in zip(_raw(raw), patches, strict=False)
    ]


def _raw(listing: bytes) -> Iterator[tuple[str, str, str | None, str]]:
    words = iter(listing.decode(errors="replace").split("\0"))
    for word in words:
        if not word:
            return
        _old_mode, _new_mode, old, new, letter = word[1:].split(" ")
        previous = next(words) if letter[0] in _RENAMES else None
        yield letter[0], old if letter[0] == "D" else new, previous, next(words)


def _counts(listing: bytes) -> Iterator[tuple[str, tuple[int, int]]]:
    words = iter(listing.decode(errors="replace").split("\0"))
    for word in words:
        if not word:
            return
        added, deleted, path = word.split("\t", 2)
        if not path:
            next(words)
            path = next(words)
        yield path, (_number(added), _number(deleted))


def _number(text: str) -> int:
    return 0 if text == "-" else int(text)


def _patches(text: str) -> list[str | None]:
    files: list[list[str]] = []
    for line in text.splitlines():
        if line.startswith("diff --git "):
            files.append([])
        elif files:
            files[-1].append(line)
    return [_hunks(lines) for lines in files]


def _hunks(lines: list[str]) -> str | None:
    starts = [index for index, line in enumerate(lines) if line.startswith("@@")]
    return "\n".join(lines[starts[0] :]) if starts else None
