"""Jobs that kill: J6 how often until they are given up; J9 whether the facts of each job are told once."""

import subprocess
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

import pytest

from app.domain.events import Tag
from app.domain.jobs import Job, JobStatus
from app.jobs.lifecycle import OVER
from tests.faults.figures import Figures, Form
from tests.integration.jobs.processes import BADLY, WELL, Processes
from tests.integration.jobs.world import World

pytestmark = pytest.mark.slow

DEATHS = 5
TIMEOUT_SECONDS = 100


@pytest.fixture
def processes(migrated_url: str, tmp_path: Path) -> Iterator[Processes]:
    world = World(migrated_url)
    processes = Processes(world, tmp_path)
    yield processes
    processes.close()
    world.close()


def database(processes: Processes) -> str:
    return "SQLite" if processes.world.url.startswith("sqlite") else "PostgreSQL"


def run_until_over(
    processes: Processes, jobs: Sequence[Job], *, workers: int, kill_every_seconds: float | None = None
) -> int:
    """Keep that many workers alive until all jobs are over; return how many of them ended by a signal."""
    deadline = time.monotonic() + TIMEOUT_SECONDS + len(jobs)
    killed_at, left = time.monotonic(), list(jobs)
    while left:
        assert time.monotonic() < deadline, [processes.world.history(job) for job in left]
        living = [process for process in processes.started if process.poll() is None]
        if len(living) < workers:
            processes.forget_the_dead()
            processes.start()
        elif kill_every_seconds is not None and time.monotonic() - killed_at > kill_every_seconds:
            _end(living[0])
            killed_at = time.monotonic()
        left = [job for job in left if processes.world.job(job).status not in OVER]
        time.sleep(0.05)
    return sum(process.poll() not in {None, 0} for process in processes.started)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()


@pytest.mark.parametrize("where", ["in a step !", "after a step ~"])
def test_a_job_that_kills_is_given_up_and_all_others_finish(
    processes: Processes, where: str, form: Form, figures: Figures
) -> None:
    world = processes.world
    poison = world.enqueue(app="app_bad", steps=["well", where, "never"])
    number = form.pick(short=3, full=100)
    others = [world.enqueue(app=f"app_{n}", steps=["a", "b"]) for n in range(number)]
    deaths = run_until_over(processes, [poison, *others], workers=1)
    failed = world.job(poison)
    assert failed.error is not None
    assert failed.error["code"] == "job:crashed"
    delays = sorted((_end_of(world.job(job)) - job.created_at).total_seconds() for job in others)
    shown = f"{deaths} ends of its process; all {number} others finished, the last after {delays[-1]:.0f} s"
    figures.tell("J6", f"{where[:-2]} ({database(processes)})", shown)
    assert deaths <= DEATHS
    assert {world.job(job).status for job in others} == {JobStatus.COMPLETED}


def _end_of(job: Job) -> datetime:
    assert job.finished_at is not None
    return job.finished_at


def test_the_facts_of_every_job_are_told_once(processes: Processes, form: Form, figures: Figures) -> None:
    world, number = processes.world, form.pick(short=8, full=300)
    well = [world.enqueue(app=f"app_{n}", steps=["a", "b", "c"]) for n in range(number)]
    refused = [world.enqueue(app=f"app_{n}", steps=["a", "b x"]) for n in range(number // 4)]
    poison = [world.enqueue(app="app_bad", steps=["a", where]) for where in ("b !", "b ~")]
    cancelled = [world.enqueue(app=f"app_{n}", steps=["a", "b", "c"]) for n in range(number // 4)]
    for job in cancelled:
        world.engine.cancel(job.id)
    everything = [*well, *refused, *poison, *cancelled]
    kills = run_until_over(
        processes, everything, workers=2, kill_every_seconds=form.pick(short=3.0, full=1.0)
    )
    told = {job.id: _told(world, job) for job in everything}
    missing = sum(not _is_complete([tag for tag, _ in facts]) for facts in told.values())
    doubled = sum(max(Counter(facts).values()) > 1 for facts in told.values())
    of = f"({database(processes)}, n={len(everything)}, {kills} kills)"
    figures.tell("J9", f"jobs with missing facts {of}", missing)
    figures.tell("J9", f"jobs with doubled facts {of}", doubled)
    assert (missing, doubled) == (0, 0), told
    assert {tuple(world.tags(job)) for job in (*refused, *poison)} == {tuple(BADLY)}
    given_up = [world.job(job).error or {} for job in well if tuple(world.tags(job)) != tuple(WELL)]
    figures.tell("J9", f"jobs given up for being killed too often {of}", len(given_up))
    assert {error.get("code") for error in given_up} <= {"job:crashed"}
    assert len(given_up) <= max(1, number // 10)


def _told(world: World, job: Job) -> list[tuple[str, str]]:
    """Return the facts of a job, oldest first, and the step that each is about; it may wait many times."""
    with world.records.read() as tx:
        found = reversed(tx.events.about(job.id))
    return [(it.tag, it.payload.get("step", "")) for it in found if it.tag != Tag.JOB_WAITING]


def _is_complete(tags: Sequence[str]) -> bool:
    """Tell whether a job was asked for, begun unless it never was, and ended in one way."""
    ends = [tag for tag in tags if tag in {Tag.JOB_COMPLETED, Tag.JOB_FAILED}]
    is_begun = Tag.JOB_STARTED in tags or Tag.JOB_COMPLETED not in tags
    return tags[0] == Tag.JOB_QUEUED and len(ends) == 1 and tags[-1] == ends[0] and is_begun
