"""W4: a life of webhooks that come twice, late, in any order, or never, ends as one in which all were heard.

Each life is lived in two worlds. In one every delivery is heard at once. In the other each comes twice, the
two apart from each other, after up to ten more things have happened, and one in ten never comes. Then
what was never heard of is reconciled. Runs speak for themselves in both, as they do.

What was closed or deleted stays so in these lives: whoever looks later cannot see that something was gone
for a while, and a run of what is known as closed is refused.
"""

import random
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest

from app.domain.apps import Heal
from app.domain.deployments import UNFINISHED
from app.domain.environments import Environment
from app.domain.reports import PullRequestChanged, Pushed, Report
from app.domain.runs import RunReport
from app.errors import Busy
from app.pipeline.accept import hear
from tests.fakes.code_host_sights import propose
from tests.faults.figures import Figures, Form
from tests.unit.pipeline.reconciling import Drifting
from tests.unit.pipeline.runs import a_run, what_github_says
from tests.unit.pipeline.world import OURS, REPOSITORY_ID

FULL_NAME = "acme/app-1"
ZERO = "0" * 40
LOST = 0.1
LATEST = 10
ACTIONS = ("push main", "push staging", "push branch", "delete branch", "open", "push", "close")
WEIGHTS = (3, 1, 2, 1, 2, 4, 2)
ENDS = ("success", "success", "success", "failure", "cancelled")


class World(Drifting):
    """A world whose host tells of what happens there by way of `tell`."""

    def __init__(self) -> None:
        super().__init__()
        self.tell = self.told_now
        self.is_deleted = False
        self.settled_app(heal=Heal.ALL)

    def told_now(self, report: Report) -> None:
        """Take a report as a webhook would have brought it."""
        with self.records.begin() as tx:
            hear(tx, report, self.platform, self.clock())

    def know(self, commit: str) -> str:
        """Every commit of a life was pushed: the repository holds it."""
        return commit

    # -------------------- what people and runs do

    def push(self, branch: str, name: str, ends: tuple[str, str]) -> None:
        """Push a commit that is called `name`; its runs end as is said."""
        before = self.repository().branches.get(branch, ZERO)
        commit = self.host.push(FULL_NAME, branch, {"index.html": name.encode()}, name)
        self.tell(_pushed(branch, before, commit))
        self.run_workflow(branch, None, ends[0])
        for number in sorted(self.repository().proposed):
            if self.repository().proposed[number] == branch:
                self.proposed(number, branch, "synchronize")
                self.run_workflow(branch, number, ends[1])

    def proposed(self, number: int, branch: str, action: str) -> None:
        """Have a pull request open, and told."""
        propose(self.host, FULL_NAME, branch, number=number, updated_at=self.clock())
        self.tell(_pull(number, branch, self.repository().branches[branch], action, self.clock()))

    def open(self, number: int, branch: str, name: str, ends: tuple[str, str]) -> None:
        self.push(branch, name, ends)
        self.proposed(number, branch, "opened")
        self.run_workflow(branch, number, ends[1])

    def close(self, number: int) -> None:
        branch = self.repository().proposed.pop(number)
        commit = self.repository().branches[branch]
        self.tell(_pull(number, branch, commit, "closed", self.clock()))

    def delete_branch(self, branch: str) -> None:
        self.is_deleted = True
        commit = self.repository().branches.pop(branch)
        self.tell(_pushed(branch, commit, ZERO))

    def run_workflow(self, branch: str, number: int | None, end: str) -> None:
        """Live through a run: what it says itself is always heard, what is said of it perhaps."""
        repository = self.repository()
        if number is not None:
            self.host.start_run(repository, branch, "pull_request")
        run = repository.runs[-1].run
        report = _run(branch, number, repository.branches[branch], run.number, run.id)
        self.tell(what_github_says(report, "requested"))
        self.host.set_run(FULL_NAME, run.id, "in_progress")
        self.tell(what_github_says(report, "in_progress"))
        if end != "cancelled":
            self.deploy_run(report, end)
        self.host.set_run(FULL_NAME, run.id, "completed", end)
        self.tell(what_github_says(report, end))

    def deploy_run(self, report: RunReport, end: str) -> None:
        name = self.repository().commits[report.commit].message
        for _ in range(10):
            try:
                plan = self.start(report)
                break
            except Busy:
                self.clock.advance(120)
        if plan.refusal is None and end == "success":
            self.upload(report, name)
        if plan.refusal is None:
            self.finish(report, end)

    # -------------------- what is compared

    def outcome(self) -> dict[str, Any]:
        """Return what is live, what stands, and what is known, with commits called by their names."""
        with self.records.read() as tx:
            aliases = tx.aliases.of_app("app_0001")
            pulls = tx.pulls.open("app_0001")
            shown = {it.script: tx.deployments.get(it.deployment_id) for it in aliases if it.deployment_id}
            unfinished = tx.deployments.find("app_0001", statuses=UNFINISHED)
            newest = {
                it.script: tx.deployments.find("app_0001", script=it.script, limit=1)[0]
                for it in aliases
                if it.environment is not Environment.PREVIEW
            }
        return {
            "live": {script: self.name(it.commit) for script, it in sorted(shown.items())},
            "code": {it.script: code for it in aliases if (code := self.code(it.script, it.namespace))},
            "pulls": {it.number: (self.name(it.head_commit), it.comment_id is not None) for it in pulls},
            "newest": {script: (self.name(it.commit), it.status) for script, it in sorted(newest.items())},
            "unfinished": [self.name(it.commit) for it in unfinished],
            "closed": self.left_of_closed(),
            "app": (self.current().status, self.drift()),
        }

    def name(self, commit: str) -> str:
        return self.repository().commits[commit].message

    def left_of_closed(self) -> list[str]:
        """Return scripts of pull requests that are not open any more."""
        closed = {f"pull-slug0001-{number}" for number in (1, 2)} - {
            f"pull-slug0001-{number}" for number in self.repository().proposed
        }
        scripts = self.scripts.namespaces["live-preview"]
        return [name for name, tags in scripts.items() if closed & set(tags)]


def _run(branch: str, number: int | None, commit: str, run_number: int, run_id: int) -> RunReport:
    event = "push" if number is None else "pull_request"
    ref = f"refs/heads/{branch}" if number is None else f"refs/pull/{number}/merge"
    return a_run(
        run_number,
        event=event,
        ref=ref,
        branch=branch,
        commit=commit,
        pull_request=number,
        run_id=run_id,
        run_url=f"https://github.test/{FULL_NAME}/actions/runs/{run_id}",
    )


def _pushed(branch: str, before: str, after: str) -> Pushed:
    return Pushed(
        repository=OURS,
        ref=f"refs/heads/{branch}",
        branch=branch,
        before=before,
        after=after,
        is_created=before == ZERO,
        is_deleted=after == ZERO,
        is_forced=False,
        message=None,
        author="ada",
        committed_at=None,
        sender="ada",
    )


def _pull(number: int, branch: str, commit: str, action: str, at: datetime) -> PullRequestChanged:
    return PullRequestChanged(
        repository=OURS,
        action=action,
        number=number,
        is_open=action != "closed",
        is_merged=False,
        title="Change",
        html_url=f"https://github.test/{FULL_NAME}/pull/{number}",
        head_branch=branch,
        head_commit=commit,
        head_repository_id=REPOSITORY_ID,
        author="ada",
        updated_at=at,
    )


# --------------------------------------------------------------------------------------------------- lives


@dataclass(frozen=True)
class Act:
    what: str
    number: int
    name: str
    ends: tuple[str, str]


def a_life(entropy: random.Random, length: int) -> list[Act]:
    """Return what happens in a life; what cannot happen when its time comes is left out."""
    return [
        Act(
            entropy.choices(ACTIONS, WEIGHTS)[0],
            entropy.choice((1, 2)),
            f"c{position}",
            (entropy.choice(ENDS), entropy.choice(ENDS)),
        )
        for position in range(length)
    ]


def do(world: World, act: Act) -> None:
    repository, pull_branch = world.repository(), f"pull-{act.number}"
    is_open, was_there = act.number in repository.proposed, pull_branch in repository.branches
    match act.what:
        case "push main" | "push staging":
            world.push(act.what.removeprefix("push "), act.name, act.ends)
        case "push branch" if not world.is_deleted:
            world.push("try", act.name, act.ends)
        case "delete branch" if "try" in repository.branches:
            world.delete_branch("try")
        case "open" if not is_open and not was_there:
            world.open(act.number, pull_branch, act.name, act.ends)
        case "push" if is_open:
            world.push(pull_branch, act.name, act.ends)
        case "close" if is_open:
            world.close(act.number)


def live_well(life: list[Act]) -> World:
    """Live a life in which every delivery is heard at once."""
    world = World()
    for act in life:
        do(world, act)
        world.run_queue()
        world.clock.advance(60)
    return world


def live_badly(life: list[Act], entropy: random.Random, lost: Counter[str]) -> World:
    """Live the same life with deliveries twice, late, in any order, or never."""
    world, waiting = World(), list[tuple[int, Report]]()
    now = 0

    def tell(report: Report) -> None:
        lost["deliveries"] += 1
        if entropy.random() < LOST:
            lost["lost"] += 1
            return
        for _ in range(2):
            waiting.append((now + entropy.randint(0, LATEST), report))

    world.tell = tell
    for now, act in enumerate(life):
        do(world, act)
        _arrive(world, waiting, now, entropy)
        world.clock.advance(60)
    _arrive(world, waiting, len(life) + LATEST, entropy)
    return world


def _arrive(world: World, waiting: list[tuple[int, Report]], now: int, entropy: random.Random) -> None:
    due = [it for it in waiting if it[0] <= now]
    waiting[:] = [it for it in waiting if it[0] > now]
    entropy.shuffle(due)
    for _, report in due:
        world.told_now(report)
        if entropy.random() < 0.5:
            world.run_queue()
    world.run_queue()


def settle(world: World) -> World:
    """Let everything come to its end: what is waited for, and what is asked about after an hour."""
    world.heal_all()
    world.later(hours=2)
    world.heal_all()
    return world


@pytest.mark.parametrize("part", range(4))
def test_what_was_lost_late_or_doubled_makes_no_difference(form: Form, figures: Figures, part: int) -> None:
    lives, lost = form.pick(short=10, full=500), Counter[str]()
    for seed in range(part * 1000, part * 1000 + lives):
        entropy = random.Random(seed)  # noqa: S311 - lives to be lived again
        life = a_life(entropy, entropy.randint(4, 14))
        expected = settle(live_well(life)).outcome()
        world = settle(live_badly(life, entropy, lost))
        assert world.outcome() == expected, f"life {seed}: {life}"
    _tell(figures, lives, lost)


def _tell(figures: Figures, lives: int, lost: Counter[str]) -> None:
    _TOTAL.update(lives=lives, **lost)
    text = f"0 of {_TOTAL['lives']} lives; {_TOTAL['lost']} of {_TOTAL['deliveries']} deliveries lost"
    figures.tell("W4", "diverging", text)


_TOTAL = Counter[str]()
