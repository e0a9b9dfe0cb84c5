"""The ports for what runs do and say, and for what changed, over one `FakeCodeHost`."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from app.errors import RemoteMissing
from app.ports import BuildJob, Commit, Comparison
from tests.fakes.code_host import HOST, FakeCodeHost

_CHUNK_BYTES = 16
_NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


@dataclass
class FakeBuildLogs:
    host: FakeCodeHost

    def jobs(self, full_name: str, run_id: int, attempt: int) -> Sequence[BuildJob]:
        with self.host.faults.during("jobs"):
            found = self.host.repository(full_name).jobs.get((run_id, attempt))
            if found is None:
                raise RemoteMissing(f"looking at the jobs of run {run_id} in {full_name}: not found")
            return found

    def log(self, full_name: str, job_id: int) -> AbstractContextManager[Iterator[bytes]]:
        return self._opened(full_name, job_id)

    @contextmanager
    def _opened(self, full_name: str, job_id: int) -> Iterator[Iterator[bytes]]:
        with self.host.faults.during("log"):
            content = self.host.repository(full_name).logs.get(job_id)
            if content is None:
                raise RemoteMissing(f"downloading the log of job {job_id} in {full_name}: not found")
        yield (content[at : at + _CHUNK_BYTES] for at in range(0, len(content), _CHUNK_BYTES))


@dataclass
class FakeComparisons:
    host: FakeCodeHost

    def between(self, full_name: str, base: str, head: str) -> Comparison:
        with self.host.faults.during("between"):
            repository = self.host.repository(full_name)
            if not {base, head} <= repository.commits.keys():
                raise RemoteMissing(f"comparing in {full_name}: not found")
            ours, theirs = repository.history(head), repository.history(base)
            if not set(ours) & set(theirs):
                raise RemoteMissing(f"comparing in {full_name}: no common ancestor")
            page = f"{HOST}/{full_name}"
            new = [sha for sha in ours if sha not in theirs]
            commits = [
                Commit(sha, repository.commits[sha].message, "ada", _NOON, f"{page}/commit/{sha}")
                for sha in new
            ]
            old, now = repository.commits[base].files, repository.commits[head].files
            changed = [path for path in old.keys() | now.keys() if old.get(path) != now.get(path)]
            missing = len([sha for sha in theirs if sha not in ours])
            return Comparison(f"{page}/compare/{base}...{head}", commits, len(new), missing, len(changed))
