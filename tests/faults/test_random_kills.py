"""Hundreds of jobs while one of two jobs processes after another is killed: none is lost or fails.

Nobody helps: a dead process is found out by its heartbeat, and the other one takes its jobs over.
"""

import random
import time
from collections import Counter
from pathlib import Path

import pytest

from app.domain.apps import App
from app.domain.environments import Environment
from app.domain.events import Tag
from app.domain.jobs import Job, JobStatus, JobType
from app.jobs.lifecycle import OVER
from sandbox.waiting import wait_for
from tests.faults.figures import Figures, Form
from tests.faults.stage import Stage
from tests.faults.town import Plane, Remotes

pytestmark = pytest.mark.slow

SEED = 20261122
PROCESSES = 2
END_SECONDS = 900.0
TAGS = {Tag.JOB_QUEUED: 1, Tag.JOB_STARTED: 1, Tag.JOB_COMPLETED: 1}


class Crowd:
    """Jobs of several apps, and processes that come and go."""

    def __init__(self, stage: Stage, directory: Path, apps: int) -> None:
        self.stage = stage
        self.count = directory / "steps.log"
        self.lot = random.Random(SEED)  # noqa: S311 - chooses victims, keeps no secret
        self.live = [stage.live(app, Environment.PRODUCTION) for app in self._apps(apps)]
        self.kills = 0

    def ask(self, number: int) -> list[Job]:
        """Ask for that many jobs, each of which tells GitHub of a deployment again."""
        asked = list[Job]()
        for deployment in (self.live[i % len(self.live)] for i in range(number)):
            arguments = {"deployment": deployment.id, "again": True}
            with self.stage.records.begin() as tx:
                asked.append(tx.jobs.enqueue(JobType.PUBLISH, deployment.app_id, arguments))
        return asked

    def work(self, asked: list[Job], kills: int) -> None:
        """Let two processes work, and kill one after another until there were so many deaths."""
        plane = self.stage.plane
        alive = [plane.jobs(count=self.count) for _ in range(PROCESSES)]
        while self.kills < kills:
            time.sleep(self.lot.uniform(0.2, 1.0))  # the pause is the test: nothing is waited for
            victim = alive.pop(self.lot.randrange(PROCESSES))
            victim.kill()
            self.kills += 1
            alive.append(plane.jobs(count=self.count))
        wait_for("all jobs over", lambda: self._look(asked), END_SECONDS, every=0.5)
        for process in alive:
            process.kill()

    def rerun(self) -> tuple[int, int]:
        """Return how many actions ended a second time, and how many there are."""
        ended = Counter(self.count.read_text().splitlines())
        return ended.total() - len(ended), len(ended)

    def _apps(self, number: int) -> list[App]:
        return [self.stage.app(f"crowd{i}") for i in range(number)]

    def _look(self, asked: list[Job]) -> tuple[bool | None, object]:
        with self.stage.records.read() as tx:
            left = [job for job in (tx.jobs.get(it.id) for it in asked) if job.status not in OVER]
        return (None if left else True), f"{len(left)} left"


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_jobs_survive_any_number_of_kills(
    request: pytest.FixtureRequest, kind: str, remotes: Remotes, tmp_path: Path, form: Form
) -> None:
    if kind == "postgres" and form is Form.SHORT:
        pytest.skip("the short form runs on SQLite")
    remotes.runs_are_idle(are_idle=True)
    figures: Figures = request.getfixturevalue("figures")
    with Plane(remotes, request.getfixturevalue(f"migrated_{kind}_url"), tmp_path) as plane:
        crowd = Crowd(Stage(plane), tmp_path, apps=form.pick(short=2, full=6))
        asked = crowd.ask(form.pick(short=20, full=300))
        crowd.work(asked, kills=form.pick(short=3, full=45))
        again, steps = crowd.rerun()
        jobs = [crowd.stage.job(job) for job in asked]
        with crowd.stage.records.read() as tx:
            told = [Counter(event.tag for event in tx.events.about(job.id)) for job in jobs]
    failed = [job.error for job in jobs if job.status is not JobStatus.COMPLETED]
    share = 100 * again / steps
    figures.tell(
        "J2",
        "SQLite" if kind == "sqlite" else "PostgreSQL",
        f"{len(jobs)} jobs, {crowd.kills} kills: 0 lost, {len(failed)} failed, {again} of {steps} steps"
        f" repeated ({share:.2f} %)",
    )
    assert failed == []
    assert [tags for tags in told if any(tags[tag] != number for tag, number in TAGS.items())] == []
