"""What a job leaves in the record between its beginning and its end."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from app.domain.events import Tag
from app.domain.jobs import Job, JobStatus
from app.errors import RemoteConflict, RemoteUnavailable
from app.jobs.lifecycle import Done, Lifecycle
from app.ports import Steps
from tests.integration.jobs.world import World, now


@pytest.fixture
def world(request: pytest.FixtureRequest, migrated_url: str) -> Iterator[World]:
    del request
    world = World(migrated_url)
    yield world
    world.close()


def steps_told(world: World, job: Job) -> list[tuple[str, int]]:
    told = [it.payload for it in world.facts(job) if it.tag == Tag.JOB_STEP_COMPLETED]
    assert all(it["type"] == "publish" and it["app"] == "app_a" for it in told)
    return [(it["step"], it["attempts"]) for it in told]


def test_each_step_is_told_between_the_beginning_and_the_end(world: World) -> None:
    def handler(_job: Job, steps: Steps) -> None:
        steps.run("find", lambda: 1)
        for _ in range(3):
            steps.run("look", lambda: 2)
            steps.sleep(0.01)
        steps.run("write", lambda: 3)

    with world.working(handler):
        job = world.wait_over(world.enqueue())
    tags = [it.tag for it in world.facts(job)]
    step = Tag.JOB_STEP_COMPLETED
    assert tags == [Tag.JOB_QUEUED, Tag.JOB_STARTED, step, step, step, Tag.JOB_COMPLETED]
    assert steps_told(world, job) == [("find", 1), ("look", 3), ("write", 1)]
    assert all(it.app_id == "app_a" for it in world.facts(job))
    assert all(it.payload["seconds"] >= 0 for it in world.facts(job) if it.tag == step)


def test_waiting_is_told_and_attempts_are_counted(world: World) -> None:
    answers = iter([RemoteUnavailable("GitHub: 502"), RemoteUnavailable("GitHub: 503"), None])

    def ask() -> None:
        if (error := next(answers)) is not None:
            raise error

    with world.working(lambda _job, steps: steps.run("ask", ask)):
        job = world.wait_over(world.enqueue())
    waits = [it.payload["for"] for it in world.facts(job) if it.tag == Tag.JOB_WAITING]
    assert waits == ["GitHub: 502", "GitHub: 503"]
    assert steps_told(world, job) == [("ask", 3)]


def test_a_failed_job_tells_of_the_steps_before(world: World) -> None:
    def refuse() -> None:
        raise RemoteConflict("name taken")

    def handler(_job: Job, steps: Steps) -> None:
        steps.run("look", lambda: None)
        steps.run("fork", refuse)

    with world.working(handler):
        job = world.wait_over(world.enqueue())
    assert job.status is JobStatus.FAILED
    assert steps_told(world, job) == [("look", 1)]
    assert world.facts(job)[-1].tag == Tag.JOB_FAILED


def test_a_job_that_another_worker_goes_on_with_tells_each_step_once(world: World) -> None:
    is_begun = threading.Event()

    def handler(_job: Job, steps: Steps) -> None:
        steps.run("first", lambda: None)
        steps.run("second", lambda: None)
        is_begun.set()
        steps.sleep(2)
        steps.run("third", lambda: None)

    with world.working(handler):
        job = world.enqueue()
        assert is_begun.wait(60)
    with world.working(handler):
        job = world.wait_over(job, 40)
    assert [name for name, _ in steps_told(world, job)] == ["first", "second", "third"]


def test_facts_that_are_written_down_again_are_told_once(world: World) -> None:
    def nothing(*_: Any) -> None:
        """Watch nothing."""

    job = world.enqueue()
    lifecycle = Lifecycle(world.records, now, nothing)
    for _ in range(2):
        lifecycle.start(job.id)
        lifecycle.tell(job.id, [Done("one", 1, 0.5)])
    for _ in range(2):
        lifecycle.complete(job.id, None, [Done("one", 1, None), Done("two", 1, None)])
    lifecycle.tell(job.id, [Done("three", 1, None)])
    assert steps_told(world, job) == [("one", 1), ("two", 1)]
    assert world.tags(job) == [Tag.JOB_QUEUED, Tag.JOB_STARTED, Tag.JOB_COMPLETED]
