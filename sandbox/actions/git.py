"""What the engine reads of a bare repository, by the git command.

Reads only: who may push, and what a push means, is GitHub's.
"""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_SECONDS = 20
_NO_COMMIT = "0" * 40


class GitError(RuntimeError):
    """Git refused to read; the text says what was asked."""


def files(repository: Path, commit: str, directory: str) -> list[str]:
    """Return the paths of the files right in `directory` at `commit`, sorted."""
    listing = _git(repository, "ls-tree", "-z", "--full-tree", commit, f"{directory}/")
    entries = [entry.partition("\t") for entry in listing.split("\0") if entry]
    return sorted(path for attributes, _, path in entries if attributes.split()[1] == "blob")


def text(repository: Path, commit: str, path: str, *, maximum_bytes: int) -> str:
    """Return the beginning of a file at `commit` as text."""
    return _git(repository, "cat-file", "blob", f"{commit}:{path}")[:maximum_bytes]


def changed_paths(repository: Path, before: str, after: str) -> list[str]:
    """Return the paths that differ between two commits; all of `after` when there is no `before`."""
    if before == _NO_COMMIT:
        return _git(repository, "ls-tree", "-r", "-z", "--name-only", after).split("\0")[:-1]
    return _git(repository, "diff", "--name-only", "-z", "--no-renames", before, after).split("\0")[:-1]


def changed_in_pull_request(repository: Path, base: str, head: str) -> list[str]:
    """Return the paths that `head` changes since it left `base`."""
    return _git(repository, "diff", "--name-only", "-z", "--no-renames", f"{base}...{head}").split("\0")[:-1]


def resolve(repository: Path, ref: str) -> str | None:
    """Return the commit that `ref` names, None when there is no such ref."""
    try:
        return _git(
            repository, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}"
        ).strip()
    except GitError:
        return None


def commit(repository: Path, sha: str) -> dict[str, str]:
    """Return id, tree, message, time, author and committer of a commit."""
    layout = "%H%x00%T%x00%cI%x00%an%x00%ae%x00%cn%x00%ce%x00%B"
    fields = _git(repository, "show", "-s", "--no-show-signature", f"--format={layout}", sha).split("\0")
    names = ("id", "tree", "timestamp", "author", "author_email", "committer", "committer_email", "message")
    return dict(zip(names, (*fields[:7], fields[7].rstrip("\n")), strict=True))


def _git(repository: Path, *arguments: str) -> str:
    return _read(repository, *arguments).decode(errors="replace")


def _read(repository: Path, *arguments: str) -> bytes:
    finished = subprocess.run(
        ["git", "-c", "safe.directory=*", f"--git-dir={repository}", *arguments],
        capture_output=True,
        check=False,
        timeout=_SECONDS,
    )
    if finished.returncode:
        raise GitError(f"git {' '.join(arguments)}: {finished.stderr.decode(errors='replace').strip()}")
    return finished.stdout


def extract(repository: Path, commit: str, directory: str, destination: Path) -> None:
    """Write the files right in `directory` at `commit` below `destination`.

    Raises: GitError.
    """
    for path in files(repository, commit, directory):
        name = path.rpartition("/")[2]
        if name in {".", ".."}:
            raise GitError(f"{commit} has a file called {name}")
        content = _read(repository, "cat-file", "blob", f"{commit}:{path}")
        (destination / directory).mkdir(parents=True, exist_ok=True)
        (destination / directory / name).write_bytes(content)
