"""Workers that die: kill -9 in the middle of a step, poison jobs, signals; in real processes."""

import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.domain.jobs import JobStatus
from tests.integration.jobs.processes import BADLY, WELL, Processes
from tests.integration.jobs.world import World


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
    assert time.monotonic() - killed_at < 40
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
        assert processes.start().wait(60) == -signal.SIGKILL
        processes.forget_the_dead()
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
        assert processes.start().wait(60) == -signal.SIGKILL
        processes.hold.unlink(missing_ok=True)
        processes.forget_the_dead()
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
    assert first.wait(60) == 0, processes.output.read_text()
    assert processes.beating() == 0  # so that nobody waits until it is held for dead
    assert world.job(job).status is JobStatus.PROCESSING
    processes.start()
    world.wait_over(job)
    assert Counter(name for name, _ in processes.acts(job)) == {"one": 1, "two ?": 1, "three": 1}
    assert world.tags(job) == WELL
