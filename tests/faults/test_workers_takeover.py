"""Workers that die, or seem to: J3 how soon another takes over, J4 what a suspended one still does."""

import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from statistics import quantiles

import pytest

from app.domain.jobs import Job, JobStatus
from tests.faults.figures import Figures, Form
from tests.integration.jobs.processes import WELL, Processes
from tests.integration.jobs.world import World, until

pytestmark = pytest.mark.slow

TAKEN_OVER_SECONDS = 12


@pytest.fixture
def processes(migrated_url: str, tmp_path: Path) -> Iterator[Processes]:
    world = World(migrated_url)
    processes = Processes(world, tmp_path)
    yield processes
    processes.close()
    world.close()


def database(processes: Processes) -> str:
    return "SQLite" if processes.world.url.startswith("sqlite") else "PostgreSQL"


def test_the_job_of_a_killed_worker_is_soon_anothers(
    processes: Processes, form: Form, figures: Figures
) -> None:
    seconds = sorted(_kill_one(processes) for _ in range(form.pick(short=2, full=20)))
    percentiles = quantiles(seconds, n=20, method="inclusive")
    shown = f"p50 {percentiles[9]:.1f} s, p95 {percentiles[18]:.1f} s, at most {seconds[-1]:.1f} s"
    figures.tell("J3", f"taken over ({database(processes)}, n={len(seconds)})", shown)
    assert seconds[-1] <= TAKEN_OVER_SECONDS


def _kill_one(processes: Processes) -> float:
    """Kill the worker of two that has the job; return the seconds until the other one goes on with it."""
    world = processes.world
    processes.hold.touch()
    while sum(process.poll() is None for process in processes.started) < 2:
        processes.start()
    job = world.enqueue(steps=["one", "two ?", "three"])
    owner = processes.wait_for_act(job, "two ?")
    [victim] = [process for process in processes.started if process.pid == owner]
    victim.kill()
    killed_at = time.monotonic()
    until(lambda: processes.acts(job)[-1][1] != owner, saying=processes.output.read_text)
    seconds = time.monotonic() - killed_at
    processes.hold.unlink()
    assert world.wait_over(job).status is JobStatus.COMPLETED
    assert Counter(name for name, _ in processes.acts(job)) == {"one": 1, "two ?": 2, "three": 1}
    assert world.tags(job) == WELL
    return seconds


def test_a_suspended_worker_repeats_nothing_that_others_did(
    processes: Processes, form: Form, figures: Figures
) -> None:
    repeated, written = Counter[str](), 0
    rounds = form.pick(short=1, full=10)
    for _ in range(rounds):
        job = _suspend_one(processes)
        acts = Counter(name for name, _ in processes.acts(job))
        repeated.update({name: number - 1 for name, number in acts.items()})
        written += processes.written.read_text().split().count(job.id)
        assert processes.world.tags(job) == WELL
    of = f"({database(processes)}, n={rounds})"
    figures.tell("J4", f"steps repeated per job {of}", max(repeated.values()) / rounds)
    figures.tell("J4", f"duplicate external writes {of}", written - rounds)
    assert repeated == {"one": 0, "write +?": rounds, "three": 0}
    assert written == rounds


def _suspend_one(processes: Processes) -> Job:
    """Suspend the owner in the middle of a write until another has ended its job, then let it go on alone."""
    world = processes.world
    processes.hold.touch()
    owner = processes.start()
    job = world.enqueue(steps=["one", "write +?", "three"])
    assert processes.wait_for_act(job, "write +?") == owner.pid
    until(lambda: job.id in _text(processes.written), saying=processes.output.read_text)
    owner.send_signal(signal.SIGSTOP)
    other = processes.start()
    until(lambda: processes.acts(job)[-1][1] == other.pid, saying=processes.output.read_text)
    processes.hold.unlink()
    world.wait_over(job)
    owner.send_signal(signal.SIGCONT)
    other.terminate()
    other.wait(20)
    # It is alive and works, so whatever it had begun is behind it.
    later = world.enqueue(steps=["later"])
    assert world.wait_over(later).status is JobStatus.COMPLETED
    assert processes.acts(later)[-1][1] == owner.pid
    owner.terminate()
    owner.wait(20)
    return job


def _text(path: Path) -> str:
    return path.read_text() if path.exists() else ""
