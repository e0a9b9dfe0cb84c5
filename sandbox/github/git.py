"""One bare repository and the git plumbing that the API is made of.

Every call is a git process with a timeout. Nothing here knows GitHub: no events, no permissions.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

TIMEOUT_SECONDS = 60.0
ZERO = "0" * 40

_CONFIGURATION = """
[core]
	logAllRefUpdates = false
[gc]
	auto = 0
[http]
	receivepack = true
[receive]
	hideRefs = refs/pull
	denyDeleteCurrent = ignore
[uploadpack]
	allowAnySHA1InWant = true
	allowFilter = true
"""


class GitError(Exception):
    """git refused; the message is what it printed."""


def environment() -> dict[str, str]:
    """Return the environment for git: ours, without the user's configuration or a prompt."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return kept | {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "GIT_TERMINAL_PROMPT": "0"}


@dataclass(frozen=True)
class Git:
    """A bare repository on disk."""

    directory: Path

    def run(self, *arguments: str, given: bytes = b"", extra: dict[str, str] | None = None) -> bytes:
        """Run one git command here and return what it printed.

        Raises: GitError when git says no.
        """
        command = ["git", "--git-dir", str(self.directory), "-c", "core.quotepath=false", *arguments]
        done = subprocess.run(
            command,
            input=given,
            capture_output=True,
            timeout=TIMEOUT_SECONDS,
            env=environment() | (extra or {}),
            check=False,
        )
        if done.returncode:
            raise GitError(done.stderr.decode(errors="replace").strip() or f"git {arguments[0]} failed")
        return done.stdout

    def text(self, *arguments: str, given: bytes = b"", extra: dict[str, str] | None = None) -> str:
        """Run one git command and return its output as text without the last newline."""
        return self.run(*arguments, given=given, extra=extra).decode(errors="replace").removesuffix("\n")

    def succeeds(self, *arguments: str) -> bool:
        """Tell whether a git command that asks a question says yes."""
        try:
            self.run(*arguments)
        except GitError:
            return False
        return True

    def create(self, default_branch: str) -> None:
        """Make the repository, whole or not at all; may run twice."""
        if self.directory.exists():
            return
        self.directory.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="new-", dir=self.directory.parent) as scratch:
            fresh = Git(Path(scratch, "bare"))
            fresh.run("init", "--quiet", "--bare", "--template=", f"--initial-branch={default_branch}")
            with (fresh.directory / "config").open("a") as config:
                config.write(_CONFIGURATION)
            fresh.directory.rename(self.directory)

    def set_head(self, branch: str) -> None:
        """Make a branch the one that a clone checks out."""
        self.run("symbolic-ref", "HEAD", f"refs/heads/{branch}")

    def fetch(self, other: Path, *refspecs: str) -> None:
        """Copy objects and refs from another repository on this disk."""
        self.run("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", str(other), *refspecs)

    def refs(self, prefix: str = "refs/") -> dict[str, str]:
        """Return every ref below a prefix with the object it names."""
        lines = self.text("for-each-ref", "--format=%(refname) %(objectname)", prefix).splitlines()
        return dict(line.split(" ", 1) for line in lines)

    def matching(self, prefix: str) -> dict[str, str]:
        """Return the refs whose names start with any text, cut at a slash or not."""
        return {name: sha for name, sha in self.refs().items() if name.startswith(prefix)}

    def ref(self, name: str) -> str | None:
        """Return what a fully named ref points at, or None."""
        try:
            return self.text("rev-parse", "--verify", "--quiet", "--end-of-options", name)
        except GitError:
            return None

    def commit_of(self, name: str) -> str | None:
        """Resolve a branch, tag, SHA or full ref to a commit, as the API's ``ref`` arguments do."""
        for candidate in (f"refs/heads/{name}", f"refs/tags/{name}", name):
            sha = self.ref(f"{candidate}^{{commit}}")
            if sha:
                return sha
        return None

    def update_ref(self, name: str, new: str, old: str | None = None) -> None:
        """Move or create a ref; with ``old`` only if it still is there.

        Raises: GitError when it moved meanwhile or the name or object is no good.
        """
        self.run("update-ref", name, new, *([old] if old else []))

    def delete_ref(self, name: str) -> None:
        """Remove a ref."""
        self.run("update-ref", "-d", name)

    def has_object(self, sha: str, kind: str) -> bool:
        """Tell whether an object of this kind is here."""
        return self.kind(sha) == kind

    def kind(self, sha: str) -> str | None:
        """Return commit, tree, blob or tag; None for an unknown object."""
        try:
            return self.text("cat-file", "-t", sha)
        except GitError:
            return None

    def is_ancestor(self, older: str, newer: str) -> bool:
        """Tell whether a commit is reachable from another one."""
        return self.succeeds("merge-base", "--is-ancestor", older, newer)

    def merge_base(self, one: str, other: str) -> str | None:
        """Return the best common ancestor, or None for unrelated histories."""
        try:
            return self.text("merge-base", one, other)
        except GitError:
            return None

    def merge_tree(self, base: str, head: str) -> str | None:
        """Return the tree of the merge of two commits, or None when it conflicts."""
        try:
            return self.text("merge-tree", "--write-tree", base, head).splitlines()[0]
        except GitError:
            return None

    def blob(self, sha: str) -> bytes:
        """Return a blob's bytes."""
        return self.run("cat-file", "blob", sha)

    def write_blob(self, content: bytes) -> str:
        """Store bytes and return their name."""
        return self.text("hash-object", "-w", "--stdin", given=content)

    def size_kilobytes(self) -> int:
        """Return the size of its packs, as the API's ``size``, without what a push is just bringing."""
        packs = (self.directory / "objects" / "pack").glob("*.pack")
        return sum(map(_bytes_of, packs)) // 1024


def _bytes_of(path: Path) -> int:
    """Return the size of a file, nothing when it has just gone."""
    with suppress(FileNotFoundError):
        return path.stat().st_size
    return 0
