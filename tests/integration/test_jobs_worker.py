"""What a worker makes of jobs: results, failures, waiting, cancelling, all told once."""

import logging
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from dbos._sys_db import SystemDatabase
from sqlalchemy.exc import OperationalError

from app.domain.events import Tag
from app.domain.jobs import Job, JobStatus, JobType
from app.errors import Misconfigured, RateLimited, RemoteConflict, RemoteUnavailable
from app.jobs.engine import APPLICATION_VERSION
from app.jobs.lifecycle import Lifecycle
from app.jobs.quarantine import CHANCES
from app.jobs.steps import Unfinished
from app.jobs.worker import Worker
from app.ports import Steps, Transaction
from tests.integration.jobs.world import World, now, until

WELL = [Tag.JOB_QUEUED, Tag.JOB_STARTED, Tag.JOB_COMPLETED]
BADLY = [Tag.JOB_QUEUED, Tag.JOB_STARTED, Tag.JOB_FAILED]


@pytest.fixture
def both(migrated_url: str) -> Iterator[World]:
    world = World(migrated_url)
    yield world
    world.close()


@pytest.fixture
def world(migrated_sqlite_url: str) -> Iterator[World]:
    world = World(migrated_sqlite_url)
    yield world
    world.close()


def test_a_job_is_run_and_told_of_once(both: World) -> None:
    def handler(job: Job, steps: Steps) -> Any:
        number = steps.run("count", lambda: len(job.arguments["word"]))
        nothing = steps.run("say nothing", lambda: None)
        return {"number": number, "nothing": nothing, "type": job.type}

    with both.working(handler):
        job = both.wait_over(both.enqueue(word="four"))
    assert job.status is JobStatus.COMPLETED, job
    assert job.result == {"number": 4, "nothing": None, "type": "publish"}
    assert job.started_at is not None
    assert job.finished_at is not None
    assert job.created_at <= job.started_at <= job.finished_at
    assert both.tags(job) == WELL
    steps = both.engine.steps(job)
    assert [(step.name, step.status) for step in steps] == [
        ("count", JobStatus.COMPLETED),
        ("say nothing", JobStatus.COMPLETED),
    ]
    assert all(step.started_at and step.finished_at for step in steps)


def test_a_refusal_fails_the_job_with_its_facts(world: World) -> None:
    def refuse() -> None:
        raise RemoteConflict("forking into acme/shop: name taken", owner="acme")

    with world.working(lambda _job, steps: steps.run("fork", refuse)):
        job = world.wait_over(world.enqueue())
    assert job.status is JobStatus.FAILED
    message = "forking into acme/shop: name taken"
    assert job.error == {"code": "remote:conflict", "message": message, "details": {"owner": "acme"}}
    assert world.tags(job) == BADLY
    [step] = world.engine.steps(job)
    assert (step.status, step.error) == (JobStatus.FAILED, message)


def test_a_handler_may_go_another_way_when_a_step_is_refused(world: World) -> None:
    def refuse() -> None:
        raise RemoteConflict("name taken")

    def handler(_job: Job, steps: Steps) -> Any:
        try:
            return steps.run("fork", refuse)
        except RemoteConflict as error:
            why = error.message
            return steps.run("generate", lambda: f"instead, because {why}")

    with world.working(handler):
        job = world.wait_over(world.enqueue())
    assert job.result == "instead, because name taken"


@pytest.mark.parametrize("where", ["in a step", "beside the steps", "in an answer"])
def test_a_mistake_of_ours_leaves_a_reference_and_no_details(
    world: World, where: str, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> Any:
        if where == "in an answer":
            return now()
        raise LookupError("a token: hunter2")

    def handler(_job: Job, steps: Steps) -> Any:
        return fail() if where == "beside the steps" else steps.run("act", fail)

    with world.working(handler):
        job = world.wait_over(world.enqueue())
    assert job.error is not None
    assert job.error["code"] == "branchline:broken"
    assert "hunter2" not in str(job)
    [logged] = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert job.error["details"]["reference"] in logged.getMessage()
    assert logged.exc_info is not None


def test_a_job_waits_for_its_remote_and_says_so(world: World) -> None:
    is_up = threading.Event()

    def call() -> str:
        if not is_up.is_set():
            raise RemoteUnavailable("asking GitHub for acme/shop: no answer")
        return "there"

    with world.working(lambda _job, steps: steps.run("find", call)):
        job = world.enqueue()
        waiting = world.wait(job, lambda found: found.waiting_for is not None)
        assert waiting.waiting_for == "asking GitHub for acme/shop: no answer"
        assert waiting.status is JobStatus.PROCESSING
        assert world.steps(job) == [("find", JobStatus.PROCESSING)]
        is_up.set()
        job = world.wait_over(job)
    assert (job.status, job.result, job.waiting_for) == (JobStatus.COMPLETED, "there", None)
    assert world.steps(job) == [("find", JobStatus.COMPLETED)]
    assert world.tags(job) == WELL


def test_a_rate_limit_is_waited_for_to_its_end(world: World) -> None:
    retry_at = now() + timedelta(seconds=1.5)
    calls: list[bool] = []

    def call() -> None:
        calls.append(now() >= retry_at)
        if len(calls) == 1:
            raise RateLimited("writing to GitHub: limit reached", retry_at=retry_at)

    with world.working(lambda _job, steps: steps.run("write", call)):
        job = world.wait_over(world.enqueue())
    assert job.status is JobStatus.COMPLETED
    assert calls == [False, True]


def test_a_job_is_given_up_at_its_deadline_with_the_last_error(world: World) -> None:
    calls: list[int] = []

    def call() -> None:
        calls.append(1)
        raise RemoteUnavailable(f"attempt {len(calls)}")

    with world.working(lambda _job, steps: steps.run("find", call), deadline=timedelta(seconds=1)):
        job = world.wait_over(world.enqueue())
    assert job.status is JobStatus.FAILED
    assert job.error == {"code": "remote:unavailable", "message": f"attempt {len(calls)}", "details": {}}
    assert len(calls) > 2
    assert job.waiting_for is None


def test_a_job_that_cannot_read_our_database_is_run_again(both: World) -> None:
    acted: list[str] = []
    failures = iter([RemoteUnavailable("the database restarts")] * 2)

    def handler(_job: Job, steps: Steps) -> str:
        steps.run("first", lambda: acted.append("first"))
        for failure in failures:
            raise failure
        return steps.run("second", lambda: "done")

    with both.working(handler):
        job = both.wait_over(both.enqueue())
    assert (job.status, job.result, acted) == (JobStatus.COMPLETED, "done", ["first"])
    assert both.tags(job) == WELL


def test_the_running_step_is_shown(world: World) -> None:
    go_on = threading.Event()

    def handler(_job: Job, steps: Steps) -> Any:
        steps.run("first", lambda: 1)
        return steps.run("second", lambda: go_on.wait(60))

    with world.working(handler):
        job = world.enqueue()
        expected = [("first", JobStatus.COMPLETED), ("second", JobStatus.PROCESSING)]
        until(lambda: world.steps(job) == expected, saying=lambda: world.history(job))
        go_on.set()
        world.wait_over(job)


def test_one_job_at_a_time_acts_for_an_app(both: World) -> None:
    running: set[str] = set()
    clashes: list[str] = []
    met = threading.Barrier(2, timeout=60)

    def act(app: str) -> None:
        if app in running:
            clashes.append(app)
        running.add(app)
        met.wait()  # passes only when the other app's job runs at the same time
        running.discard(app)

    with both.working(lambda job, steps: steps.run("act", lambda: act(job.app_id))):
        jobs = [both.enqueue(app=f"app_{n % 2}") for n in range(6)]
        ended = [both.wait_over(job) for job in jobs]
    assert {job.status for job in ended} == {JobStatus.COMPLETED}
    assert clashes == []


def test_a_cancelled_job_begins_no_further_step_and_fails_once(both: World) -> None:
    begun, go_on = threading.Event(), threading.Event()
    acted: list[str] = []

    def first() -> None:
        begun.set()
        go_on.wait(60)
        acted.append("first")

    def handler(_job: Job, steps: Steps) -> None:
        steps.run("first", first)
        steps.run("second", lambda: acted.append("second"))

    with both.working(handler):
        job = both.enqueue()
        assert begun.wait(60)
        both.engine.cancel(job.id)
        failed = both.wait_over(job)
        go_on.set()
        until(lambda: acted == ["first"], saying=lambda: acted)
    assert failed.error == {"code": "job:cancelled", "message": "the job was cancelled", "details": {}}
    assert acted == ["first"]
    assert both.tags(job) == BADLY
    assert both.steps(job)[0] == ("first", JobStatus.FAILED)


def test_what_depends_on_a_job_changes_with_it_once(world: World) -> None:
    seen: list[tuple[JobStatus, str | None]] = []
    answers = iter([RemoteUnavailable("away"), RemoteConflict("taken")])

    def call() -> None:
        raise next(answers)

    def on_change(_tx: Transaction, job: Job) -> None:
        seen.append((job.status, job.waiting_for))
        if job.status is JobStatus.FAILED:
            raise LookupError("the app is gone")

    with world.working(lambda _job, steps: steps.run("act", call), on_change=on_change):
        job = world.wait_over(world.enqueue())
    assert job.error is not None
    assert job.error["message"] == "taken"
    processing = JobStatus.PROCESSING
    assert seen == [(processing, None), (processing, "away"), (processing, None), (JobStatus.FAILED, None)]


def test_a_stopped_worker_leaves_its_jobs_to_the_next(both: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.jobs.worker._GRACE_SECONDS", 30)
    acted: list[str] = []

    def wait() -> None:
        acted.append("wait")
        if acted.count("wait") == 1:
            raise RateLimited("limit reached", retry_at=now() + timedelta(seconds=4))

    def handler(_job: Job, steps: Steps) -> str:
        steps.run("first", lambda: acted.append("first"))
        steps.run("wait", wait)
        steps.sleep(0.1)
        return "done"

    with both.working(handler):
        job = both.enqueue()
        both.wait(job, lambda found: found.waiting_for is not None)
        stopping_at = time.monotonic()
    assert time.monotonic() - stopping_at < 20  # no step is under way that it had to wait for
    with both.working(handler):
        job = both.wait_over(job)
    assert job.result == "done"
    assert acted == ["first", "wait", "wait"]
    assert both.tags(job) == WELL


def test_a_job_that_never_gets_to_its_first_step_is_not_given_up_for_what_ends_its_processes(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    start, begun = Lifecycle.start, list[str]()

    def ended_meanwhile(lifecycle: Lifecycle, job_id: str) -> Job | None:
        begun.append(job_id)
        if len(begun) <= CHANCES:
            raise Unfinished
        return start(lifecycle, job_id)

    monkeypatch.setattr(Lifecycle, "start", ended_meanwhile)
    job = world.enqueue()
    for number in range(1, CHANCES + 1):
        with world.working(lambda _job, steps: steps.run("well", lambda: "done")):
            until(lambda: len(begun) >= number, saying=lambda: world.history(job))  # noqa: B023 - not kept
    with world.working(lambda _job, steps: steps.run("well", lambda: "done")):
        assert world.wait_over(job).result == "done", world.history(job)


@pytest.mark.parametrize("was_begun", [True, False])
def test_a_job_of_an_older_version_is_finished_by_the_next(migrated_url: str, *, was_begun: bool) -> None:
    world = World(migrated_url)
    acted: list[str] = []

    def old(_job: Job, steps: Steps) -> None:
        steps.run("one", lambda: acted.append("one"))
        steps.sleep(60)

    def new(_job: Job, steps: Steps) -> str:
        steps.run("zero", lambda: acted.append("zero"))
        steps.run("one", lambda: acted.append("one"))
        return "finished by 2"

    job = world.enqueue(JobType.PROVISION if was_begun else JobType.PUBLISH)
    if was_begun:
        with world.working(old, version=APPLICATION_VERSION):
            until(lambda: acted == ["one"], saying=lambda: world.history(job))
    with world.working(new, version=APPLICATION_VERSION + 1):
        job = world.wait_over(job)
    assert job.result == "finished by 2", world.history(job)
    assert acted == (["one", "zero", "one"] if was_begun else ["zero", "one"])
    assert world.tags(job) == WELL
    world.close()


def test_a_job_whose_steps_changed_under_the_same_version_fails_loudly(world: World) -> None:
    def old(_job: Job, steps: Steps) -> None:
        steps.run("one", lambda: None)
        steps.sleep(60)

    job = world.enqueue()
    with world.working(old):
        until(lambda: bool(world.steps(job)), saying=lambda: world.history(job))
        world.wait(job, lambda found: found.status is JobStatus.PROCESSING)
        until(lambda: world.steps(job) == [("one", JobStatus.COMPLETED)], saying=lambda: world.history(job))
    with world.working(lambda _job, steps: steps.run("another", lambda: None)):
        job = world.wait_over(job)
    assert job.error == {"code": "job:lost", "message": "the engine could not run the job", "details": {}}
    assert world.tags(job) == BADLY


def test_a_worker_needs_the_tables(sqlite_url: str) -> None:
    worker = Worker(sqlite_url, {}, None, now)  # type: ignore[arg-type]
    with pytest.raises(Misconfigured, match="branchline db upgrade"):
        worker.start()


@pytest.mark.slow
def test_a_job_whose_claim_was_lost_with_the_connection_is_run(
    both: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = list[str]()

    def away(_database: SystemDatabase, claimed: str | list[str]) -> Any:
        lost.extend([claimed] if isinstance(claimed, str) else claimed)
        raise OperationalError("SELECT", {}, Exception("the connection is gone"))

    with both.working(lambda _job, steps: steps.run("count", lambda: 3)):
        with monkeypatch.context() as patched:
            patched.setattr(SystemDatabase, "get_workflow_statuses", away)
            patched.setattr(SystemDatabase, "get_workflow_status", away)
            job = both.enqueue()
            until(lambda: len(lost) >= 2, saying=lambda: both.history(job))
        ended = both.wait_over(job)
    assert set(lost) == {job.id}
    assert (ended.status, ended.result) == (JobStatus.COMPLETED, 3)
    assert both.tags(job) == WELL
