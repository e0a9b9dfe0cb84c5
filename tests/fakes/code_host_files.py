"""The code host's ports for files over one `FakeCodeHost`."""

import io
import tarfile
import zipfile
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from app.domain.git import EntryKind, blob_name, kind_of
from app.errors import RemoteConflict, RemoteMissing
from app.ports import ArchiveFormat, CodeHost, Entry, File, FileContent, Listing, Proposal
from tests.fakes.code_host import HOST, FakeCodeHost, FakePull, FakeRepository
from tests.fakes.code_host_builds import FakeBuildLogs, FakeComparisons
from tests.fakes.code_host_people import FakeMemberships
from tests.fakes.code_host_ports import FakeContents

_FOLDER_MODE = "040000"
_CHUNK_BYTES = 1024


def _entry(file: File) -> Entry:
    if kind_of(file.mode) is EntryKind.SUBMODULE:
        return Entry(file.path, file.content.decode(), file.mode)
    return Entry(file.path, blob_name(file.content), file.mode, len(file.content))


@dataclass
class FakeTrees:
    host: FakeCodeHost
    most_entries: int = 100_000

    def commit_of(self, full_name: str, ref: str) -> str | None:
        with self.host.faults.during("commit_of"):
            return _commit_of(self.host.repository(full_name), ref)

    def listing(self, full_name: str, commit: str) -> Listing:
        with self.host.faults.during("listing"):
            files = self._files(full_name, commit)
            entries = [_entry(file) for _, file in sorted(files.items())]
            return Listing(entries[: self.most_entries], is_truncated=len(entries) > self.most_entries)

    def entries(self, full_name: str, commit: str, paths: Collection[str]) -> Mapping[str, Entry]:
        with self.host.faults.during("entries"):
            files = self._files(full_name, commit)
            folders = {above for path in files for above in _above(path)}
            wanted = {it for path in paths for it in (path, *_above(path))}
            below = {path: _entry(file) for path, file in files.items() if path in wanted}
            above = {it: Entry(it, blob_name(it.encode()), _FOLDER_MODE) for it in folders & wanted}
            return {**above, **below}

    def _files(self, full_name: str, commit: str) -> Mapping[str, File]:
        repository = self.host.repository(full_name)
        if commit not in repository.commits:
            raise RemoteMissing(f"listing the files of {full_name}: no commit {commit[:7]}")
        return repository.commits[commit].files


@dataclass
class FakeFiles:
    host: FakeCodeHost
    largest_bytes: int = 1024 * 1024

    def read(self, full_name: str, path: str, ref: str) -> FileContent | EntryKind | None:
        with self.host.faults.during("read"):
            repository = self.host.repositories.get(full_name)
            commit = _commit_of(repository, ref) if repository else None
            if repository is None or commit is None:
                return None
            files = repository.commits[commit].files
            if path not in files:
                is_folder = any(path in _above(it) for it in files)
                return EntryKind.FOLDER if is_folder else None
            entry, content = _entry(files[path]), files[path].content
            if entry.kind is not EntryKind.FILE:
                return entry.kind
            is_small = len(content) <= self.largest_bytes
            return FileContent(path, entry.sha, len(content), content if is_small else None)

    def write(
        self, full_name: str, branch: str, path: str, content: bytes, message: str, *, replaces: str | None
    ) -> str:
        with self.host.faults.during("write"):
            repository, known = self._look(full_name, branch, path, replaces)
            file = File(path, content, known.mode if known else "100644")
            commit = self.host.add_commit(repository, [file], message, repository.branches[branch])
            self.host.move(repository, branch, commit.sha)
            return commit.sha

    def delete(self, full_name: str, branch: str, path: str, message: str, *, blob: str) -> str:
        with self.host.faults.during("delete_file"):
            repository, known = self._look(full_name, branch, path, blob)
            if known is None:
                raise RemoteMissing(f"deleting {path} from {full_name}: not found")
            commit = self.host.add_commit(repository, [], message, repository.branches[branch], [path])
            self.host.move(repository, branch, commit.sha)
            return commit.sha

    def _look(
        self, full_name: str, branch: str, path: str, expected: str | None
    ) -> tuple[FakeRepository, File | None]:
        self.host.wrote(full_name)
        repository = self.host.repository(full_name)
        if branch not in repository.branches:
            raise RemoteMissing(f"writing {path} to {full_name}: branch {branch} not found")
        known = repository.commits[repository.branches[branch]].files.get(path)
        is_as_expected = expected == (blob_name(known.content) if known else None)
        if known and not is_as_expected:
            raise RemoteConflict(f"writing {path} to {full_name}: does not match {expected}")
        return repository, known


@dataclass
class FakeProposals:
    host: FakeCodeHost

    def open(self, full_name: str, *, head: str, base: str, title: str, body: str) -> Proposal:
        with self.host.faults.during("open"):
            self.host.wrote(full_name)
            repository = self.host.repository(full_name)
            for pull in repository.pulls:
                if (pull.head, pull.base) == (head, base):
                    return _proposal(full_name, pull)
            if not {head, base} <= repository.branches.keys():
                raise RemoteConflict(f"proposing {head} for {base} in {full_name}: no such branch")
            if repository.branches[head] in repository.history(repository.branches[base]):
                raise RemoteConflict(f"proposing {head} for {base} in {full_name}: no commits between")
            pull = FakePull(self.host.number(), head, base, title, body)
            repository.pulls.append(pull)
            return _proposal(full_name, pull)


def _proposal(full_name: str, pull: FakePull) -> Proposal:
    return Proposal(pull.number, f"{HOST}/{full_name}/pull/{pull.number}")


@dataclass
class FakeDownloads:
    host: FakeCodeHost

    def file(self, full_name: str, path: str, commit: str) -> AbstractContextManager[Iterator[bytes]]:
        return self._opened("open_file", lambda: self._files(full_name, commit)[path].content)

    def archive(
        self, full_name: str, commit: str, packed: ArchiveFormat
    ) -> AbstractContextManager[Iterator[bytes]]:
        return self._opened("archive", lambda: _archive(self._files(full_name, commit), packed))

    @contextmanager
    def _opened(self, call: str, read: Callable[[], bytes]) -> Iterator[Iterator[bytes]]:
        with self.host.faults.during(call):
            content = read()
        yield (content[at : at + _CHUNK_BYTES] for at in range(0, len(content), _CHUNK_BYTES))

    def _files(self, full_name: str, commit: str) -> Mapping[str, File]:
        repository = self.host.repository(full_name)
        if commit not in repository.commits:
            raise RemoteMissing(f"downloading {commit[:7]} of {full_name}: not found")
        return repository.commits[commit].files


def code_host(host: FakeCodeHost) -> CodeHost:
    """Return all ports that requests wait for."""
    return CodeHost(
        contents=FakeContents(host),
        trees=FakeTrees(host),
        files=FakeFiles(host),
        proposals=FakeProposals(host),
        downloads=FakeDownloads(host),
        memberships=FakeMemberships(host),
        build_logs=FakeBuildLogs(host),
        comparisons=FakeComparisons(host),
    )


def _archive(files: Mapping[str, File], packed: ArchiveFormat) -> bytes:
    """Pack files below one folder, as the host does."""
    packing = io.BytesIO()
    if packed is ArchiveFormat.ZIP:
        with zipfile.ZipFile(packing, "w") as archive:
            for path, file in files.items():
                archive.writestr(f"repository/{path}", file.content)
        return packing.getvalue()
    with tarfile.open(fileobj=packing, mode="w:gz") as tar:
        for path, file in files.items():
            member = tarfile.TarInfo(f"repository/{path}")
            member.size = len(file.content)
            tar.addfile(member, io.BytesIO(file.content))
    return packing.getvalue()


def _commit_of(repository: FakeRepository, ref: str) -> str | None:
    found = repository.branches.get(ref) or repository.tags.get(ref)
    return found or (ref if ref in repository.commits else None)


def _above(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[:end]) for end in range(1, len(parts))]
