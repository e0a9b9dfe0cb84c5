"""A fork's pull request over a `World`: what its author, GitHub and the members of the repository do."""

from dataclasses import dataclass, field, replace
from typing import Any

from app.domain.deliveries import DeliveryStatus
from app.domain.deployments import Deployment
from app.domain.jobs import Job, JobType
from app.domain.reports import CommentWritten, PullRequestChanged, Report, RunAction, WorkflowRunChanged
from app.pipeline.accept import work_off
from app.pipeline.fork_preview import ARTIFACT
from app.pipeline.install import PLACES
from app.ports import WorkflowRun
from tests.builders import a_delivery
from tests.fakes.code_host_forks import leave_artifact, recorded, start_run_of_fork
from tests.fakes.jobs import FakeSteps
from tests.unit.pipeline.world import OURS, World

FORK_ID = 666
UNTRUSTED = "live-untrusted"
SCRIPT = "fork-pr7-slug0001"
HOME = "acme/app-1"


@dataclass
class Fork:
    """Pull request #7 of mallory's; ada may write to the repository. Each push happens a minute later."""

    world: World
    number: int = 7
    runs: dict[str, WorkflowRun] = field(default_factory=dict)
    head: str = ""

    def __post_init__(self) -> None:
        self.world.repository().writers.add("ada")

    # -------------------- what mallory does

    def push(self, letter: str = "a", *, is_heard: bool = True) -> str:
        """Push a commit, which starts a run; GitHub tells us of it unless its delivery is late."""
        self.world.clock.advance(60)
        action = "synchronize" if self.head else "opened"
        self.head = self.world.know(letter * 40)
        self.world.repository().proposed[self.number] = self.head
        self.runs[self.head] = start_run_of_fork(self.world.host, HOME, self.head, FORK_ID)
        if is_heard:
            self.hear(self.changed(action))
        return self.head

    def close(self, action: str = "closed") -> None:
        self.world.clock.advance(60)
        self.world.repository().proposed[self.number] = self.head if action == "reopened" else ""
        self.hear(self.changed(action))

    # -------------------- what GitHub does

    def end(
        self, commit: str, conclusion: str = "success", code: bytes | None = None, *, is_heard: bool = True
    ) -> WorkflowRun:
        """Let the run of a commit end; one that ends well leaves code that tells its commit."""
        run = self.world.host.set_run(HOME, self.runs[commit].id, "completed", conclusion)
        if conclusion == "success":
            leave_artifact(self.world.host, HOME, run.id, ARTIFACT, code or recorded(commit))
        if is_heard:
            self.hear(self.run_report(commit, run))
        return run

    def hear(self, report: Report) -> DeliveryStatus:
        with self.world.records.begin() as tx:
            at, platform = self.world.clock(), self.world.platform
            return work_off(tx, a_delivery(), parse=lambda _: report, platform=platform, at=at)

    def changed(self, action: str, **changes: Any) -> PullRequestChanged:
        report = PullRequestChanged(
            repository=OURS,
            action=action,
            number=self.number,
            is_open=action != "closed",
            is_merged=False,
            title="From outside",
            html_url=f"https://github.test/{HOME}/pull/{self.number}",
            head_branch="main",
            head_commit=self.head,
            head_repository_id=FORK_ID,
            author="mallory",
            updated_at=self.world.clock(),
        )
        return replace(report, **changes)

    def run_report(self, commit: str, run: WorkflowRun, **changes: Any) -> WorkflowRunChanged:
        report = WorkflowRunChanged(
            repository=OURS,
            action=RunAction.COMPLETED,
            run_id=run.id,
            run_number=run.number,
            run_attempt=run.attempt,
            html_url=run.url,
            event="pull_request",
            status=run.status,
            conclusion=run.conclusion,
            head_branch="main",
            head_commit=commit,
            head_repository_id=FORK_ID,
            message="From outside",
            workflow_path=PLACES["deploy.yml"],
            pull_requests=(),
            created_at=self.world.clock(),
            updated_at=self.world.clock(),
        )
        return replace(report, **changes)

    # -------------------- what people say

    def comment(self, body: str = "/preview", author: str | None = "ada", **changes: Any) -> DeliveryStatus:
        """Have somebody comment, some seconds after whatever came last."""
        self.world.clock.advance(10)
        return self.hear(self.comment_report(body, author, **changes))

    def comment_report(
        self, body: str = "/preview", author: str | None = "ada", **changes: Any
    ) -> CommentWritten:
        report = CommentWritten(
            repository=OURS,
            number=self.number,
            comment_id=self.world.host.number(),
            author=author,
            body=body,
            created_at=self.world.clock(),
            is_on_pull_request=True,
        )
        return replace(report, **changes)

    # -------------------- what is looked at

    @property
    def shown(self) -> str | None:
        """The commit whose code answers at the preview's address."""
        scripts = self.world.scripts.namespaces[UNTRUSTED]
        return self.world.code(SCRIPT, UNTRUSTED) if SCRIPT in scripts else None

    @property
    def deployment(self) -> Deployment:
        (deployment,) = self.world.deployments()
        return deployment

    @property
    def said(self) -> str:
        """The text of our comment."""
        (comment,) = [it for it in self.world.repository().comments.values() if it.author != "mallory"]
        return comment.body

    def approvals(self, *commits: str) -> list[str | None]:
        with self.world.records.read() as tx:
            found = [tx.approvals.get("app_0001", self.number, commit) for commit in commits]
        return [it.actor if it else None for it in found]


def approved(fork: Fork, letter: str = "a") -> str:
    """Push a commit whose run ends well, and have ada approve it."""
    commit = fork.push(letter)
    fork.end(commit)
    fork.comment()
    return commit


def shown(fork: Fork, letter: str = "a") -> str:
    commit = approved(fork, letter)
    fork.world.run_queue()
    assert fork.shown == commit
    return commit


def the_job(world: World) -> Job:
    """Return the newest job that shows a commit, when all that was asked for before it is done."""
    while not (found := [it for it in world.new_jobs() if it.type is JobType.FORK_PREVIEW]):
        world.run_next()
    return found[-1]


def crashing(moment: str, step: int) -> FakeSteps:
    return FakeSteps(crash_before=step) if moment == "before" else FakeSteps(crash_after=step)
