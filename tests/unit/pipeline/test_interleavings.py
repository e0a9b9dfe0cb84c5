"""Uploads, rollbacks, resumptions, promotions and changed variables at once: in the end, what answers is
what the aliases say, and no push ever changes a pinned environment.
"""

import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Any, Final

import pytest

from app.domain.aliases import LEASE
from app.domain.environments import Environment
from app.domain.events import Tag
from app.domain.jobs import Job, JobStatus, JobType
from app.domain.releases import can_be_shown
from app.domain.runs import RunReport
from app.errors import BranchlineError, Busy, Conflict, RemoteUnavailable, ScriptRefused
from app.pipeline.release import request_release
from app.pipeline.variables import Editor, set_variables
from app.ports import Clock
from tests.builders import a_pull
from tests.fakes.jobs import Crashed, FakeSteps
from tests.proofs import seeds
from tests.unit.pipeline.runs import a_pull_run, a_run, what_github_says
from tests.unit.pipeline.stage import Actor, Stage, StagedRecords, StagedScripts
from tests.unit.pipeline.world import World

LIVE: Final = "slug0001"
# The rest of them tells the outside, which changes nothing here.
_JOBS: Final = frozenset({JobType.RELEASE, JobType.PROMOTE, JobType.EXPIRE, JobType.RETIRE})
_AWAY: Final = RemoteUnavailable("503")
_REFUSED: Final = ScriptRefused("it does not start")
_DECISIONS: Final = frozenset({Tag.ENVIRONMENT_ROLLED_BACK, Tag.ENVIRONMENT_RESUMED, Tag.DEPLOYMENT_PROMOTED})
_RELEASED: Final = frozenset({Tag.ENVIRONMENT_RELEASED})
SEEDS: Final = seeds(short=40, full=2000)


class Play:
    """A world on a stage: what people and pushes do, and a worker that runs the jobs."""

    def __init__(self) -> None:
        self.stage = Stage()
        self.world = World()
        self.record = Record()
        self.world.records = StagedRecords(self.stage, self.world.clock)
        self.world.scripts = self.scripts = StagedScripts(self.stage)
        self.world.app()
        self.world.pull(a_pull(7))
        self.steps: dict[str, FakeSteps] = {}
        self.taken: dict[str, Actor] = {}
        self.done: set[str] = set()
        self.runs: dict[Actor, RunReport] = {}
        self.values = 0
        self.preview = self.world.deploy(a_pull_run(1))
        self.world.deploy(a_run(2))
        self.world.deploy(a_run(3))
        self.number = 3
        self.work()
        self.puts: list[tuple[str, str | None, int]] = []
        self.scripts.on_put = self._note

    def _note(self, who: str | None, script: str) -> None:
        """Keep who put the environment's script up, who held its alias then, and what had happened so far."""
        if script == LIVE and who is not None:
            self.puts.append((who, self.world.alias().holder, len(self.world.records.events)))

    # -------------------- who may come in

    def push(self) -> None:
        self.number += 1
        report = a_run(self.number)
        actor = self.stage.enter(f"run {self.number}", lambda: self._run(report))
        self.runs[actor] = report

    def roll_back(self) -> None:
        self.stage.enter("rollback", lambda: self._decide(self.world.rollback))

    def resume(self) -> None:
        self.stage.enter("resume", lambda: self._decide(self.world.resume))

    def promote(self) -> None:
        self.stage.enter("promote", lambda: self._decide(lambda: self.world.promote(self.preview.id)))

    def cancel(self) -> None:
        """Have GitHub say that the newest run that goes on was cancelled."""
        for actor, report in reversed(self.runs.items()):
            if not actor.is_over:
                said = what_github_says(report, "cancelled")
                self.stage.enter("github", partial(self.world.hear, said))
                return

    def change_variable(self) -> None:
        self.values += 1
        value = str(self.values)
        self.stage.enter("variable", lambda: self._set(value))

    def worker(self) -> None:
        """Take the oldest job that nobody has; who had one and died has it no more."""
        for job in self.world.records.queue:
            holder = self.taken.get(job.id)
            if job.type in _JOBS and job.id not in self.done and (holder is None or holder.is_over):
                self.taken[job.id] = self.stage.enter(f"{job.id}", partial(self._work_on, job))
                return

    # -------------------- what they do

    def _run(self, report: RunReport) -> None:
        plan = None
        while plan is None:
            with suppress(Busy):
                plan = self.world.start(report)
            self.stage.pause()
        conclusion = "success"
        if plan.refusal is None:
            conclusion = self._upload(report)
        self.world.finish(report, conclusion)

    def _upload(self, report: RunReport) -> str:
        for _ in range(50):
            try:
                self.world.upload(report)
            except Busy:
                self.stage.pause()
            except BranchlineError:
                return "failure"
            else:
                return "success"
        return "failure"

    def _decide(self, decide: Callable[[], Any]) -> None:
        with suppress(Conflict):
            decide()

    def _set(self, value: str) -> None:
        world = self.world
        editor = Editor("ada", world.clock(), world.vault, world.platform)
        with world.records.begin() as tx:
            set_variables(tx, "app-1", Environment.PRODUCTION, {"GREETING": value}, editor)

    def _work_on(self, job: Job) -> None:
        steps = self.steps.setdefault(job.id, FakeSteps())
        steps.restart()
        with suppress(ScriptRefused):
            self.world.run(job, _Patient(steps, self.stage, self.world.clock))
        with self.world.records.begin() as tx:
            tx.jobs.save(replace(tx.jobs.get(job.id), status=JobStatus.COMPLETED))
        self.done.add(job.id)

    # -------------------- how it ends

    def work(self) -> None:
        """Let everybody go on, each in turn, and time pass, until nothing is left to do."""
        for _ in range(3000):
            self.worker()
            if not self.stage.acting and not self._is_waiting():
                return
            for actor in self.stage.acting:
                self.stage.go_on(actor)
                self.record.check(self.world)
            self.world.clock.advance(1)
        raise AssertionError(f"without end: {[actor.name for actor in self.stage.acting]}")

    def end(self) -> None:
        """Let everybody end; runs that died are heard of from GitHub."""
        for actor, report in self.runs.items():
            if isinstance(actor.error, Crashed):
                self.world.hear(what_github_says(report, "failure"))
        self.work()
        for actor in self.stage.actors:
            if actor.error is not None and not isinstance(actor.error, Crashed):
                raise actor.error

    def _is_waiting(self) -> bool:
        return any(job.type in _JOBS and job.id not in self.done for job in self.world.records.queue)


class Record:
    """What environments and previews show, told by facts alone."""

    def __init__(self) -> None:
        self._shown: dict[str, tuple[str | None, bool]] = {}
        self._known = 0

    def check(self, world: World) -> None:
        """Check that the facts tell what the aliases say, after whatever was committed last."""
        for event in world.records.events[self._known :]:
            if event.tag == Tag.ENVIRONMENT_CHANGED:
                told = event.payload
                before = self._shown.get(event.subject, (None, False))
                assert before == (told["before"], told["wasPinned"])
                self._shown[event.subject] = told["deployment"], told["pinned"]
        self._known = len(world.records.events)
        said = {it.script: (it.shown, it.is_pinned) for it in world.records.aliases.values()}
        nothing = (None, False)
        assert said == {script: self._shown.get(script, nothing) for script in said}
        assert all(it == nothing for script, it in self._shown.items() if script not in said)


@dataclass
class _Patient:
    """Steps whose sleeps and failed attempts let others go on."""

    steps: FakeSteps
    stage: Stage
    clock: Clock

    def run(self, name: str, action: Callable[[], Any]) -> Any:
        def attempt() -> Any:
            try:
                return action()
            except RemoteUnavailable:
                self.stage.pause()
                raise

        return self.steps.run(name, attempt)

    def sleep(self, seconds: float) -> None:
        until = self.clock() + timedelta(seconds=seconds)
        while self.clock() < until:
            self.stage.pause()
        self.steps.sleep(seconds)


def check(play: Play) -> None:
    """Check that everything answers with what is recorded, and that nobody is in anybody's way."""
    world = play.world
    alias = world.alias()
    assert alias.is_in_line, alias
    shown = {it.id: it for it in world.deployments()}[alias.deployment_id or ""]
    upload = world.scripts.uploads[alias.namespace, LIVE]
    assert upload.bundle.digest == shown.bundle
    assert f"deployment-{shown.id}" in upload.tags
    given = {binding["name"]: binding["text"] for binding in upload.bindings}
    with world.records.read() as tx:
        for variable in tx.variables.of("app_0001", Environment.PRODUCTION):
            assert given[variable.name] == variable.value
    for deployment in world.deployments():
        assert deployment.is_finished
        own = world.scripts.uploads.get((deployment.namespace, deployment.own_script or ""))
        if deployment.has_own_address:
            assert own is not None
            assert own.bundle.digest == deployment.bundle
        else:
            assert own is None, deployment


def check_decisions(play: Play) -> None:
    """Check that the last decision holds, unless it was overtaken by a push that may overtake it."""
    world, alias = play.world, play.world.alias()
    decided = [event for event in world.events() if event.tag in _DECISIONS]
    last = decided[-1] if decided else None
    assert alias.is_pinned is (last is not None and last.tag is Tag.ENVIRONMENT_ROLLED_BACK)
    if last is not None and (alias.is_pinned or alias.actor != "workflow"):
        assert alias.deployment_id == last.payload.get("to", last.subject)
    if not alias.is_pinned:
        runs = [it for it in world.deployments() if it.script == LIVE and it.promoted_from is None]
        newest = max(it.order for it in runs if can_be_shown(it))
        assert newest <= alias.order
        assert alias.actor != "workflow" or alias.order == newest


def check_turns(play: Play) -> None:
    """Check that who put the environment's script up held its alias, and left it alone once it was pinned."""
    by_id = {it.id: f"run {it.run.number}" for it in play.world.deployments()}
    happened = play.world.records.events
    for who, holder, so_far in play.puts:
        assert who in {holder, by_id.get(holder or "")}
        tags = [event.tag for event in happened[:so_far] if event.tag in _DECISIONS | _RELEASED]
        if who.startswith("run "):
            assert tags[-2:] != [Tag.ENVIRONMENT_ROLLED_BACK, Tag.ENVIRONMENT_RELEASED]


ENTRANCES: Final = (
    *("push", "push", "worker", "worker", "cancel"),
    *("roll_back", "resume", "promote", "change_variable"),
)


def performed(
    seed: int, *, trouble: BranchlineError | None = None, deaths: bool = False, delays: bool = False
) -> Play:
    """Let people come in and act in an order of their own for each seed, and all of it end."""
    play, dice = Play(), random.Random(seed)  # noqa: S311 - an order, not a secret
    for _ in range(dice.randint(10, 90)):
        acting, throw = play.stage.acting, dice.random()
        if not acting or throw < 0.15:
            getattr(play, dice.choice(ENTRANCES))()
        elif trouble and throw < 0.2:
            play.scripts.fail_next(trouble, call="put", is_late=trouble is _AWAY and dice.random() < 0.5)
        elif deaths and throw < 0.23:
            play.stage.kill(dice.choice(acting))
        elif delays and throw < 0.25:
            play.world.clock.advance(LEASE.total_seconds())
        else:
            play.stage.go_on(dice.choice(acting))
        play.record.check(play.world)
        play.world.clock.advance(0.1)
    play.scripts.faults.waiting.clear()
    play.end()
    return play


@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_happens_at_once_ends_as_it_was_decided(seed: int) -> None:
    play = performed(seed)
    check(play)
    check_decisions(play)
    check_turns(play)


@pytest.mark.parametrize("seed", SEEDS)
def test_calls_that_take_longer_than_a_hold_change_nothing_about_how_it_ends(seed: int) -> None:
    play = performed(seed, delays=True)
    check(play)
    check_decisions(play)


@pytest.mark.parametrize("seed", SEEDS)
def test_deaths_in_the_middle_change_nothing_about_how_it_ends(seed: int) -> None:
    play = performed(seed, deaths=True, delays=True)
    check(play)
    check_decisions(play)


@pytest.mark.parametrize("seed", SEEDS)
def test_trouble_in_the_middle_leaves_what_is_recorded(seed: int) -> None:
    check(performed(seed, trouble=_AWAY, deaths=True, delays=True))


@pytest.mark.parametrize("seed", SEEDS)
def test_a_refusal_leaves_what_was_there_before(seed: int) -> None:
    play = performed(seed, trouble=_REFUSED)
    # A changed variable with which nothing starts stays to be put up, until somebody changes something.
    with play.world.records.begin() as tx:
        request_release(tx, play.world.alias())
    play.work()
    check(play)
