"""A code host in memory that behaves like GitHub where the pipeline can tell.

Forks are filled some looks later and start with Actions off; a branch moves only forwards; a push starts a
run; every write is counted per repository. What people and runners do is done by the methods of
`FakeCodeHost` itself; `tests/fakes/code_host_ports.py` is what the pipeline sees.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import count

from app.domain.apps import Repository
from app.domain.rights import Level
from app.errors import RemoteConflict, RemoteMissing
from app.ports import BuildJob, File, WorkflowRun
from tests.fakes.faults import Faults

WORKFLOW_PATH = ".github/workflows/deploy.yml"
LOGIN = "branchline[bot]"
OWNER_ID = 42
HOST = "https://github.test"


@dataclass(frozen=True)
class FakeCommit:
    sha: str
    message: str
    files: Mapping[str, File]
    parent: str | None
    merged: str | None = None


@dataclass(frozen=True)
class FakeRun:
    commit: str
    branch: str
    event: str
    run: WorkflowRun


@dataclass
class FakeWebhook:
    secret: str
    events: tuple[str, ...]
    id: int = 0
    is_active: bool = True


@dataclass(frozen=True)
class FakeStatus:
    state: str
    description: str
    target_url: str


@dataclass
class FakeRecord:
    """A deployment record; `statuses` are the arguments they were set with."""

    deployment_id: str
    commit: str
    ref: str
    environment: str
    statuses: list[Mapping[str, object]] = field(default_factory=list)


@dataclass
class FakeComment:
    number: int
    author: str
    body: str


@dataclass(frozen=True)
class FakePull:
    number: int
    head: str
    base: str
    title: str
    body: str


@dataclass(frozen=True)
class FakeProposed:
    """What is known of an open pull request beside what it proposes, which is in `proposed`."""

    title: str
    author: str
    head_branch: str
    head_repository_id: int | None
    is_from_fork: bool
    updated_at: datetime


@dataclass(frozen=True)
class FakeArtifact:
    """`sha256` is what the host says of it, which may be wrong."""

    run_id: int
    name: str
    content: bytes
    sha256: str | None
    is_expired: bool = False


@dataclass
class FakeRepository:
    """Everything about one repository.

    `writers` are people who may push, `levels` what people were let do,
    `proposed` what open pull requests propose: branches or commits.
    `proposals` tells more of those that `code_host_sights.propose` opened. `jobs` are those of a run and its
    attempt, and `logs` what a job wrote.
    """

    description: Repository
    is_template: bool = False
    looks_until_filled: int = 0
    are_actions_enabled: bool = True
    is_workflow_enabled: bool = True
    is_archived: bool = False
    branches: dict[str, str] = field(default_factory=dict)
    commits: dict[str, FakeCommit] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    webhooks: dict[str, FakeWebhook] = field(default_factory=dict)
    environments: set[str] = field(default_factory=set)
    runs: list[FakeRun] = field(default_factory=list)
    statuses: dict[tuple[str, str], FakeStatus] = field(default_factory=dict)
    records: dict[int, FakeRecord] = field(default_factory=dict)
    comments: dict[int, FakeComment] = field(default_factory=dict)
    pulls: list[FakePull] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)
    artifacts: dict[int, FakeArtifact] = field(default_factory=dict)
    writers: set[str] = field(default_factory=set)
    levels: dict[str, Level] = field(default_factory=dict)
    proposed: dict[int, str] = field(default_factory=dict)
    proposals: dict[int, FakeProposed] = field(default_factory=dict)
    jobs: dict[tuple[int, int], list[BuildJob]] = field(default_factory=dict)
    logs: dict[int, bytes] = field(default_factory=dict)

    @property
    def full_name(self) -> str:
        return self.description.full_name

    def history(self, commit: str) -> list[str]:
        """Return a commit and all that is behind it, nearest first."""
        found, waiting = list[str](), [commit]
        while waiting:
            at = waiting.pop(0)
            if at not in found:
                found.append(at)
                known = self.commits[at]
                waiting += [it for it in (known.parent, known.merged) if it]
        return found

    def files(self, branch: str) -> dict[str, bytes]:
        """Return the contents at a branch's head."""
        files = self.commits[self.branches[branch]].files
        return {path: file.content for path, file in files.items()}


class FakeCodeHost:
    """All repositories. `forks_are_silent`: runs start only once the workflow was enabled, as in forks."""

    def __init__(self, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.repositories: dict[str, FakeRepository] = {}
        self.elsewhere: dict[str, FakeRepository] = {}
        self.writes: Counter[str] = Counter()
        self.faults = Faults()
        self.fail_next = self.faults.fail_next
        self.looks_until_fork_is_filled = 0
        self.accounts: dict[str, int] = {}
        self.members: set[str] = set()
        self.bearers: dict[str, str] = {}
        self.allows_second_fork = True
        self.forks_are_silent = False
        self._clock = clock
        self._numbers = count(1)

    # ------------------------------------------------------------------------------------- what tests do

    def add_repository(
        self, full_name: str, files: Mapping[str, bytes] | None = None, *, is_template: bool = False
    ) -> FakeRepository:
        """Create a repository, with one commit on main when it has files."""
        repository = self.create(full_name)
        repository.is_template = is_template
        if files:
            self.push(full_name, "main", files, "Start")
        return repository

    def push(self, full_name: str, branch: str, files: Mapping[str, bytes], message: str = "Change") -> str:
        """Commit on top of a branch, or of main when the branch is new, and return the commit."""
        repository = self.repository(full_name)
        parent = repository.branches.get(branch) or repository.branches.get("main")
        changed = [File(path, content) for path, content in files.items()]
        commit = self.add_commit(repository, changed, message, parent)
        self.move(repository, branch, commit.sha)
        return commit.sha

    def say(self, full_name: str, number: int, body: str, *, author: str) -> int:
        """Write a comment on a pull request as somebody."""
        number_of_comment = self.number()
        self.repository(full_name).comments[number_of_comment] = FakeComment(number, author, body)
        return number_of_comment

    def set_run(
        self,
        full_name: str,
        run_id: int,
        status: str,
        conclusion: str | None = None,
        *,
        attempt: int | None = None,
    ) -> WorkflowRun:
        """Let a run go on, end or begin again."""
        runs = self.repository(full_name).runs
        index = next(index for index, it in enumerate(runs) if it.run.id == run_id)
        before = runs[index].run
        run = replace(before, status=status, conclusion=conclusion, attempt=attempt or before.attempt)
        runs[index] = replace(runs[index], run=run)
        return run

    def rename(self, old: str, new: str) -> None:
        """Rename a repository; the host goes on to know it by its old name."""
        repository = self.repositories[old]
        repository.description = replace(
            repository.description, full_name=new, html_url=f"{HOST}/{new}", clone_url=f"{HOST}/{new}.git"
        )
        self.repositories[new] = repository

    # ---------------------------------------------------------------------------- what the ports stand on

    def repository(self, full_name: str) -> FakeRepository:
        """Return it. Raises RemoteMissing."""
        if full_name not in self.repositories:
            raise RemoteMissing(f"looking for {full_name}: not found")
        return self.repositories[full_name]

    def wrote(self, full_name: str, writes: int = 1) -> None:
        self.writes[full_name] += writes

    def number(self) -> int:
        return next(self._numbers)

    def create(
        self, full_name: str, *, parent: str | None = None, is_private: bool = False
    ) -> FakeRepository:
        """Create an empty repository. Raises RemoteConflict when the name is taken."""
        known = self.repositories.get(full_name)
        if known is not None and known.full_name == full_name:  # else it is a former name, and free
            raise RemoteConflict(f"creating {full_name}: name already exists on this account")
        description = Repository(
            id=self.number(),
            full_name=full_name,
            html_url=f"{HOST}/{full_name}",
            clone_url=f"{HOST}/{full_name}.git",
            default_branch="main",
            is_private=is_private,
            is_fork=parent is not None,
            parent_full_name=parent,
            created_at=self._clock(),
            owner_id=OWNER_ID,
        )
        self.repositories[full_name] = FakeRepository(description)
        return self.repositories[full_name]

    def copy(self, template: FakeRepository, to: FakeRepository) -> None:
        """Copy the default branch."""
        head = template.branches["main"]
        to.commits.update(template.commits)
        to.branches["main"] = head

    def add_commit(
        self,
        repository: FakeRepository,
        files: Sequence[File],
        message: str,
        parent: str | None,
        deleted: Collection[str] = (),
    ) -> FakeCommit:
        """Write a commit that no branch points at yet."""
        before = repository.commits[parent].files if parent else {}
        content = repr((self.number(), repository.full_name, message, parent)).encode()
        sha = hashlib.sha1(content, usedforsecurity=False).hexdigest()
        kept = {path: file for path, file in before.items() if path not in deleted}
        after = {**kept, **{file.path: file for file in files}}
        repository.commits[sha] = FakeCommit(sha, message, after, parent)
        return repository.commits[sha]

    def move(self, repository: FakeRepository, branch: str, sha: str) -> None:
        """Point a branch at a commit, which starts a run of the workflow."""
        repository.branches[branch] = sha
        is_on = repository.are_actions_enabled and repository.is_workflow_enabled
        if is_on and WORKFLOW_PATH in repository.commits[sha].files:
            self.start_run(repository, branch, "push")

    def start_run(self, repository: FakeRepository, branch: str, event: str) -> None:
        """Queue a run of a branch's head."""
        run_id = self.number()
        url = f"{HOST}/{repository.full_name}/actions/runs/{run_id}"
        commit = repository.branches[branch]
        message, home = repository.commits[commit].message, repository.description.id
        number = len(repository.runs) + 1
        run = WorkflowRun(run_id, number, 1, url, "queued", None, event, home, message, branch)
        repository.runs.append(FakeRun(commit, branch, event, run))
