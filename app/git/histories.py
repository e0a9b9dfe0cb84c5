"""Port `Histories`, by git: clone, push, and merges that are computed without a checkout."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

from app.domain.apps import Repository
from app.domain.git_addresses import GitAddress
from app.errors import RemoteRefused, RemoteUnavailable
from app.git import refusals
from app.git.merging import Merging
from app.git.process import Git, GitFailed, Limits
from app.git.remotes import Remote, elsewhere, ours
from app.git.resolving import Resolve, resolve
from app.git.scratch import scratch
from app.ports import Heads, Merged

_LOOK: Final = Limits(seconds=30, file_bytes=4 * 1024 * 1024)
_HEADS: Final = "refs/heads/"
_FETCH: Final = ("fetch", "--quiet", "--no-tags", "--")
_EVERYTHING: Final = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
_AT_ONCE: Final = 2


class GitHistories:
    """Moves histories, two at a time; `token` returns what opens our repositories."""

    def __init__(
        self, token: Callable[[], str], *, resolve: Resolve = resolve, limits: Limits | None = None
    ) -> None:
        self._token = token
        self._resolve = resolve
        self._limits = limits or Limits()
        self._turns = threading.BoundedSemaphore(_AT_ONCE)

    def heads(self, source: GitAddress) -> Heads:
        """Look at the branches of a repository elsewhere."""
        remote, doing = elsewhere(source, self._resolve), f"looking at {source.url}"
        with self._working(_LOOK) as directory, _reading(doing):
            return _heads(replace(_git(directory, remote), limits=_LOOK), remote, doing)

    def copy(self, source: GitAddress, target: Repository, renamed: Mapping[str, str]) -> str:
        """Bring all branches and tags of a source into a repository that is new."""
        remote, doing = elsewhere(source, self._resolve), f"copying {source.url}"
        with self._working(self._limits) as directory:
            with _reading(doing):
                reading = self._git(directory, remote)
                reading.run("init", "--bare", "--quiet", ".")
                old = _heads(reading, remote, doing).default_branch
                reading.run(*_FETCH, remote.url, *_EVERYTHING)
            git = self._git(directory, ours(target, self._token()))
            with _ours(f"pushing the history to {target.full_name}"):
                for before, after in renamed.items():
                    git.run("branch", "-m", "--", before, after)
                default = _HEADS + renamed.get(old, old)
                # The first branch that a repository gets becomes its default one.
                git.run("push", "--quiet", "--", target.clone_url, f"+{default}:{default}")
                git.run("push", "--quiet", "--", target.clone_url, *_EVERYTHING)
            return git.run("rev-parse", "--verify", default).strip()

    def merge(
        self, source: GitAddress | Repository, target: Repository, branch: str, *, aside: str
    ) -> Merged:
        """Merge the source's default branch into a branch of ours."""
        token = self._token()
        upstream = ours(source, token) if isinstance(source, Repository) else elsewhere(source, self._resolve)
        with self._working(self._limits) as directory:
            git = self._git(directory, ours(target, token))
            with _ours(f"fetching {branch} of {target.full_name}"):
                git.run("init", "--bare", "--quiet", ".")
                git.run(*_FETCH, target.clone_url, f"+{_HEADS}{branch}:refs/ours")
            with (_ours if upstream.is_ours else _reading)(f"fetching {upstream.url}"):
                self._git(directory, upstream).run(*_FETCH, upstream.url, "+HEAD:refs/theirs")
            with _ours(f"merging {upstream.url} into {branch} of {target.full_name}"):
                return Merging(git, target.clone_url, branch, aside, upstream.url).bring()

    def _git(self, directory: Path, remote: Remote) -> Git:
        return replace(_git(directory, remote), limits=self._limits)

    @contextmanager
    def _working(self, limits: Limits) -> Iterator[Path]:
        if not self._turns.acquire(blocking=False):
            raise RemoteUnavailable("copying a history: other histories are being copied already")
        try:
            with scratch(2 * limits.file_bytes) as directory:
                yield directory
        finally:
            self._turns.release()


def _git(directory: Path, remote: Remote) -> Git:
    return Git(directory, remote.configuration, remote.secrets, uses_proxies=remote.is_ours)


def _heads(git: Git, remote: Remote, doing: str) -> Heads:
    listed = git.run("ls-remote", "--quiet", "--symref", "--", remote.url, "HEAD", f"{_HEADS}*")
    rows = [line.split("\t", 1) for line in listed.splitlines() if "\t" in line]
    branches = [name.removeprefix(_HEADS) for _, name in rows if name.startswith(_HEADS)]
    named = [what.removeprefix(f"ref: {_HEADS}") for what, name in rows if name == "HEAD"]
    default = next((it for it in named if it in branches), None)
    if default is None:
        raise RemoteRefused(f"{doing}: it is empty, or has no default branch", code="import:empty")
    return Heads(default, branches)


@contextmanager
def _reading(doing: str) -> Iterator[None]:
    try:
        yield
    except GitFailed as failed:
        raise refusals.of_source(failed, doing) from failed


@contextmanager
def _ours(doing: str) -> Iterator[None]:
    try:
        yield
    except GitFailed as failed:
        raise refusals.of_ours(failed, doing) from failed
