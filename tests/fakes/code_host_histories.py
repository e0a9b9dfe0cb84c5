"""The ports for whole histories over one `FakeCodeHost`, and repositories that are elsewhere."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from app.domain.apps import Repository
from app.domain.git_addresses import GitAddress
from app.errors import RemoteConflict, RemoteMissing, RemoteRefused
from app.ports import File, Heads, Merged, MergeOutcome
from tests.fakes.code_host import FakeCodeHost, FakeCommit, FakeRepository


def place_elsewhere(
    host: FakeCodeHost, url: str, files: Mapping[str, bytes], branch: str = "main"
) -> GitAddress:
    """Have a repository at an address, with one commit on its default branch when it has files."""
    made = FakeRepository(
        Repository(
            id=0,
            full_name=url,
            html_url=url,
            clone_url=url,
            default_branch=branch,
            is_private=False,
            is_fork=False,
            parent_full_name=None,
            created_at=datetime(2020, 1, 1, tzinfo=UTC),
        )
    )
    host.elsewhere[url] = made
    if files:
        push_elsewhere(host, url, branch, files)
    return GitAddress.parse(url)


def push_elsewhere(host: FakeCodeHost, url: str, branch: str, files: Mapping[str, bytes]) -> str:
    """Commit to a repository elsewhere, on top of its branch or its default one."""
    repository = host.elsewhere[url]
    parent = repository.branches.get(branch) or repository.branches.get(repository.description.default_branch)
    changed = [File(path, content) for path, content in files.items()]
    commit = host.add_commit(repository, changed, f"Push to {branch}", parent)
    repository.branches[branch] = commit.sha
    return commit.sha


@dataclass
class FakeNewRepositories:
    host: FakeCodeHost

    def create(self, full_name: str, *, is_private: bool) -> Repository:
        with self.host.faults.during("create"):
            self.host.wrote(full_name)
            return self.host.create(full_name, is_private=is_private).description

    def disable_actions(self, full_name: str) -> None:
        with self.host.faults.during("disable_actions"):
            self.host.wrote(full_name)
            self.host.repository(full_name).are_actions_enabled = False

    def make_default(self, full_name: str, branch: str) -> None:
        with self.host.faults.during("make_default"):
            self.host.wrote(full_name)
            repository = self.host.repository(full_name)
            if branch not in repository.branches:
                raise RemoteConflict(f"making {branch} the default branch of {full_name}: no such branch")
            repository.description = replace(repository.description, default_branch=branch)


@dataclass
class FakeUpstreams:
    host: FakeCodeHost

    def merge_parent(self, repository: Repository, branch: str, *, aside: str) -> Merged:
        with self.host.faults.during("merge_parent"):
            self.host.wrote(repository.full_name)
            ours = self.host.repository(repository.full_name)
            parent = self.host.repository(repository.parent_full_name or "")
            return _bring(self.host, parent, ours, branch, aside)


@dataclass
class FakeHistories:
    host: FakeCodeHost

    def heads(self, source: GitAddress) -> Heads:
        with self.host.faults.during("heads"):
            repository = self._at(source)
            default = repository.description.default_branch
            if default not in repository.branches:
                raise RemoteRefused(f"looking at {source.url}: it is empty", code="import:empty")
            return Heads(default, sorted(repository.branches))

    def copy(self, source: GitAddress, target: Repository, renamed: Mapping[str, str]) -> str:
        with self.host.faults.during("copy"):
            found, ours = self._at(source), self.host.repository(target.full_name)
            self.host.wrote(target.full_name)
            default = found.description.default_branch
            ours.commits.update(found.commits)
            ours.tags.update(found.tags)
            for branch in sorted(found.branches, key=lambda it: it != default):
                self.host.move(ours, renamed.get(branch, branch), found.branches[branch])
            name = renamed.get(default, default)
            ours.description = replace(ours.description, default_branch=name)
            return found.branches[default]

    def merge(
        self, source: GitAddress | Repository, target: Repository, branch: str, *, aside: str
    ) -> Merged:
        with self.host.faults.during("merge"):
            if isinstance(source, Repository):
                found = self.host.repository(source.full_name)
            else:
                found = self._at(source)
            return _bring(self.host, found, self.host.repository(target.full_name), branch, aside)

    def _at(self, source: GitAddress) -> FakeRepository:
        if source.url not in self.host.elsewhere:
            raise RemoteRefused(f"looking at {source.url}: not found", code="import:not-found")
        return self.host.elsewhere[source.url]


def _bring(
    host: FakeCodeHost, source: FakeRepository, ours: FakeRepository, branch: str, aside: str
) -> Merged:
    if branch not in ours.branches:
        raise RemoteMissing(f"merging into {branch} of {ours.full_name}: no such branch")
    ours.commits.update(source.commits)
    head = ours.branches[branch]
    theirs = source.branches.get(branch) or source.branches[source.description.default_branch]
    if theirs in ours.history(head):
        return Merged(MergeOutcome.UP_TO_DATE, head, theirs)
    if head in ours.history(theirs):
        host.move(ours, branch, theirs)
        return Merged(MergeOutcome.MERGED, theirs, theirs)
    shared = [it for it in ours.history(head) if it in ours.history(theirs)]
    base = shared[0] if shared else ours.history(head)[-1]
    start = theirs if shared else _bridge(host, ours, base, theirs).sha
    files = _three_way(ours.commits[base], ours.commits[head], ours.commits[theirs])
    if files is None:
        name = f"{aside}-{theirs[:7]}"
        ours.branches.setdefault(name, start)
        return Merged(MergeOutcome.CONFLICT, head, theirs, name)
    made = replace(host.add_commit(ours, [], "Merge", head), files=files, merged=start)
    ours.commits[made.sha] = made
    host.move(ours, branch, made.sha)
    return Merged(MergeOutcome.MERGED, made.sha, theirs)


def _bridge(host: FakeCodeHost, ours: FakeRepository, first: str, theirs: str) -> FakeCommit:
    made = host.add_commit(ours, [], "Take theirs", first)
    ours.commits[made.sha] = replace(made, files=ours.commits[theirs].files, merged=theirs)
    return ours.commits[made.sha]


def _three_way(base: FakeCommit, ours: FakeCommit, theirs: FakeCommit) -> dict[str, File] | None:
    """Return the files of a merge; None where both changed the same file."""
    merged = dict[str, File]()
    for path in {*base.files, *ours.files, *theirs.files}:
        was, mine, yours = (it.files.get(path) for it in (base, ours, theirs))
        if mine != yours and was not in {mine, yours}:
            return None
        chosen = yours if mine == was else mine
        if chosen:
            merged[path] = chosen
    return merged
