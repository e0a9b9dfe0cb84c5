"""The ports for pull requests of forks over one `FakeCodeHost`, and recordings that are told in a line."""

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace

from app.domain.bundles import Bundle, Module
from app.errors import InvalidInput, RemoteMissing, TooLarge
from app.ports import Artifact, Bundles, WorkflowRun
from tests.fakes.code_host import HOST, LOGIN, FakeArtifact, FakeCodeHost, FakeRun
from tests.fakes.faults import Faults

_LARGEST = 100_000


@dataclass
class FakeMembers:
    host: FakeCodeHost

    def may_write(self, full_name: str, login: str) -> bool:
        with self.host.faults.during("may_write"):
            repository = self.host.repositories.get(full_name)
            return repository is not None and login in repository.writers - {LOGIN}


@dataclass
class FakePullHeads:
    host: FakeCodeHost

    def of_open(self, full_name: str, number: int) -> str | None:
        with self.host.faults.during("of_open"):
            repository = self.host.repository(full_name)
            if number not in repository.proposed:
                raise RemoteMissing(f"looking at {full_name}#{number}: not found")
            head = repository.proposed[number]
            return repository.branches.get(head, head) or None


@dataclass
class FakeArtifacts:
    host: FakeCodeHost

    def of_run(self, full_name: str, run_id: int, name: str) -> Artifact | None:
        with self.host.faults.during("of_run"):
            known = self.host.repository(full_name).artifacts.items()
            found = [
                (number, it)
                for number, it in known
                if (it.run_id, it.name) == (run_id, name) and not it.is_expired
            ]
            number, it = max(found, key=lambda pair: pair[0], default=(0, None))
            return None if it is None else Artifact(number, len(it.content), it.sha256)

    def download(self, full_name: str, artifact_id: int) -> AbstractContextManager[Iterator[bytes]]:
        return self._opened(full_name, artifact_id)

    @contextmanager
    def _opened(self, full_name: str, artifact_id: int) -> Iterator[Iterator[bytes]]:
        with self.host.faults.during("download_artifact"):
            artifact = self.host.repository(full_name).artifacts.get(artifact_id)
            if artifact is None or artifact.is_expired:
                raise RemoteMissing(f"downloading artifact {artifact_id} of {full_name}: not found")
            yield iter([artifact.content[:10], artifact.content[10:]])


@dataclass
class FakeRecordings:
    """Reads the JSON of `recorded`: code is taken unless it says that it is hostile."""

    bundles: Bundles
    faults: Faults = field(default_factory=Faults)

    def read(self, packed: Iterable[bytes], provided: Collection[str]) -> Bundle:
        with self.faults.during("read_recording"):
            content = b"".join(packed)
            if len(content) > _LARGEST:
                raise TooLarge("reading the artifact: it is too large", code="artifact:too-large")
            code, inherits = _told(content)
            if not set(inherits) <= set(provided):
                raise InvalidInput("reading the artifact: the environment has none")
            sha256, size = self.bundles.write([code.encode()])
            module = Module("index.js", "application/javascript+module", sha256, size)
            return Bundle("index.js", [module], "2026-11-01")


def recorded(code: str, *inherits: str) -> bytes:
    """Return what `FakeRecordings` reads as code that inherits bindings by name."""
    return json.dumps([code, inherits]).encode()


def _told(content: bytes) -> tuple[str, list[str]]:
    try:
        code, inherits = json.loads(content)
    except ValueError:
        raise InvalidInput("reading the artifact: it is damaged", code="artifact:malformed") from None
    return code, inherits


def leave_artifact(
    host: FakeCodeHost, full_name: str, run_id: int, name: str, content: bytes, *, is_expired: bool = False
) -> FakeArtifact:
    """Have a run leave an artifact."""
    artifact = FakeArtifact(run_id, name, content, hashlib.sha256(content).hexdigest(), is_expired)
    host.repository(full_name).artifacts[host.number()] = artifact
    return artifact


def start_run_of_fork(
    host: FakeCodeHost, full_name: str, commit: str, fork_id: int | None, *, event: str = "pull_request"
) -> WorkflowRun:
    """Start a run in a repository for a commit of a fork's pull request."""
    repository, run_id = host.repository(full_name), host.number()
    url = f"{HOST}/{full_name}/actions/runs/{run_id}"
    number = len(repository.runs) + 1
    run = WorkflowRun(run_id, number, 1, url, "queued", None, event, fork_id, f"Change {commit[:4]}")
    repository.runs.append(FakeRun(commit, "theirs", event, run))
    return replace(run)
