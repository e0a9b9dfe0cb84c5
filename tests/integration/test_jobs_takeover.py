"""Workers that die: kill -9 in the middle of a step, poison jobs, signals; in real processes."""

import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from app.domain.events import Tag
from app.domain.jobs import Job, JobStatus
from tests.integration.jobs.world import World, until

WELL = [Tag.JOB_QUEUED, Tag.JOB_STARTED, Tag.JOB_COMPLETED]
BADLY = [Tag.JOB_QUEUED, Tag.JOB_STARTED, Tag.JOB_FAILED]


class Processes:
    """Workers in processes of their own, and what their jobs wrote down."""

    def __init__(self, world: World, directory: Path) -> None:
        self.world = world
        self.log = directory / "acts.log"
        self.hold = directory / "acts.hold"
        self.output = directory / "output.log"
        self.started: list[subprocess.Popen[bytes]] = []

    def start(self) -> subprocess.Popen[bytes]:
        command = [
            sys.executable,
            "-m",
            "tests.integration.jobs.worker_process",
            self.world.url,
            str(self.log),
        ]
        with self.output.open("ab") as output:
            process = subprocess.Popen(command, stderr=output)
        self.started.append(process)
        ready = len(self.started)
        until(
            lambda: self.output.read_text().count("takes jobs") == ready or process.poll() is not None,
            saying=self.output.read_text,
        )
        return process

    def acts(self, job: Job) -> list[tuple[str, int]]:
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        rows = [line.rsplit(" ", 1) for line in lines if line.startswith(job.id)]
        return [(name.removeprefix(f"{job.id} "), int(pid)) for name, pid in rows]

    def wait_for_act(self, job: Job, name: str) -> int:
        until(lambda: name in dict(self.acts(job)), saying=self.output.read_text)
        return dict(self.acts(job))[name]

    def wait_for_words(self, words: str) -> None:
        until(lambda: words in self.output.read_text(), saying=self.output.read_text)

    def close(self) -> None:
        for process in self.started:
            process.kill()
            process.wait()


@pytest.fixture
def processes(migrated_url: str, tmp_path: Path) -> Iterator[Processes]:
    world = World(migrated_url)
    processes = Processes(world, tmp_path)
    yield processes
    processes.close()
    world.close()


def test_a_killed_workers_job_is_taken_over_and_its_ended_steps_are_not_repeated(
    processes: Processes,
) -> None:
    world = processes.world
    processes.hold.touch()
    by_pid = {process.pid: process for process in (processes.start(), processes.start())}
    job = world.enqueue(steps=["one", "two", "three ?", "four"])
    victim = by_pid[processes.wait_for_act(job, "three ?")]
    victim.kill()
    killed_at = time.monotonic()
    processes.hold.unlink()
    ended = world.wait_over(job)
    assert time.monotonic() - killed_at < 12
    assert ended.status is JobStatus.COMPLETED
    counted = Counter(name for name, _ in processes.acts(job))
    assert counted == {"one": 1, "two": 1, "three ?": 2, "four": 1}
    assert processes.acts(job)[-1][1] != victim.pid
    assert world.tags(job) == WELL
    assert world.steps(job) == [(name, JobStatus.COMPLETED) for name in job.arguments["steps"]]


def test_a_job_that_kills_its_process_is_given_up_and_others_go_on(processes: Processes) -> None:
    world = processes.world
    poison, good = world.enqueue(app="app_bad", steps=["well", "kill !"]), world.enqueue(steps=["a", "b"])
    for _ in range(3):
        assert processes.start().wait(30) == -signal.SIGKILL
        # What the next worker would find out by itself after six seconds.
        with world.database.begin() as connection:
            connection.execute(text("DELETE FROM job_workers"))
    processes.start()
    failed = world.wait_over(poison)
    assert failed.error is not None
    assert failed.error["code"] == "job:crashed"
    assert world.wait_over(good).status is JobStatus.COMPLETED
    assert Counter(name for name, _ in processes.acts(poison)) == {"well": 1, "kill !": 3}
    assert world.tags(poison) == BADLY
    assert world.wait_over(world.enqueue(app="app_bad", steps=["next"])).status is JobStatus.COMPLETED


def test_a_job_that_kills_its_process_between_steps_is_given_up_too(processes: Processes) -> None:
    world = processes.world
    poison = world.enqueue(app="app_bad", steps=["well ~", "never"])
    processes.hold.touch()
    waiting = world.enqueue(app="app_good", steps=["a", "b ?", "c"])
    for _ in range(4):
        assert processes.start().wait(30) == -signal.SIGKILL
        processes.hold.unlink(missing_ok=True)
        with world.database.begin() as connection:
            connection.execute(text("DELETE FROM job_workers"))
    processes.start()
    failed = world.wait_over(poison)
    assert failed.error is not None
    assert (failed.error["code"], world.tags(poison)) == ("job:crashed", BADLY)
    assert Counter(name for name, _ in processes.acts(poison)) == {"well ~": 1, "after well ~": 4}
    assert world.wait_over(waiting).status is JobStatus.COMPLETED


def test_a_signalled_worker_ends_at_once_and_the_next_goes_on(processes: Processes) -> None:
    world = processes.world
    number = signal.SIGINT if world.url.startswith("sqlite") else signal.SIGTERM  # each once is enough
    processes.hold.touch()
    first = processes.start()
    job = world.enqueue(steps=["one", "two ?", "three"])
    processes.wait_for_act(job, "two ?")
    first.send_signal(number)
    processes.wait_for_words("takes no more jobs")
    processes.hold.unlink()
    assert first.wait(10) == 0, processes.output.read_text()
    assert world.job(job).status is JobStatus.PROCESSING
    processes.start()
    world.wait_over(job, timeout_seconds=5)
    assert Counter(name for name, _ in processes.acts(job)) == {"one": 1, "two ?": 1, "three": 1}
    assert world.tags(job) == WELL
