"""A job that somebody cancelled ends, whoever died meanwhile, and nothing makes it run again."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from dbos import DBOSClient
from sqlalchemy import event

from app.domain.apps import AppStatus
from app.domain.jobs import Job, JobType
from app.errors import RemoteUnavailable
from app.jobs.engine import APPLICATION_VERSION, APPS_QUEUE, CANCELLED_MARK, DbosEngine
from app.jobs.takeover import Takeover
from app.pipeline.cancel import request_cancel
from app.pipeline.follow import follow
from app.ports import Steps, Transaction
from tests.builders import an_app
from tests.integration.jobs.world import World, now, until

CANCELLED = {"code": "job:cancelled", "message": "the job was cancelled", "details": {}}
NEXT_VERSION = APPLICATION_VERSION + 1


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


def write_down(world: World, job: Job) -> None:
    """Do what a web process does before it tells the engine."""
    with world.records.begin() as tx:
        request_cancel(tx, job.id, actor="person:ada", at=now())


def mark(world: World, job: Job) -> None:
    """Do the first half of what it tells the engine."""
    world.engine.client.update_workflow_attributes(job.id, {CANCELLED_MARK: True}, merge=True)


def status(world: World, job: Job) -> str:
    (row,) = world.engine.client.list_workflows(workflow_ids=[job.id])
    return row.status


def test_a_cancelled_job_ends_when_nobody_told_the_engine(both: World) -> None:
    begun, acted = threading.Event(), list[str]()

    def handler(_job: Job, steps: Steps) -> None:
        steps.run("first", begun.set)
        steps.sleep(600)
        steps.run("second", lambda: acted.append("second"))

    with both.working(handler):
        job = both.enqueue()
        assert begun.wait(60)
        write_down(both, job)
        failed = both.wait_over(job)
    assert (failed.error, acted) == (CANCELLED, [])
    assert status(both, job) == "CANCELLED"


def test_an_app_whose_cancelled_job_waits_for_a_version_that_is_gone_is_free(both: World) -> None:
    app, acted = an_app(status=AppStatus.PROVISIONING), list[str]()
    with both.records.begin() as tx:
        tx.apps.add(app)

    def on_change(tx: Transaction, job: Job) -> None:
        follow(tx, job, now())

    def handler(_job: Job, steps: Steps) -> None:
        steps.run("act", lambda: acted.append("act"))

    job = both.enqueue(JobType.PROVISION, app.id)
    write_down(both, job)
    mark(both, job)
    with both.working(handler, version=NEXT_VERSION, on_change=on_change):
        failed = both.wait_over(job)
    assert (failed.error, acted) == (CANCELLED, [])
    with both.records.read() as tx:
        assert tx.apps.get(app.id).status is AppStatus.FAILED


def test_a_job_that_is_cancelled_before_it_is_put_back_stays_cancelled(
    both: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, was_put_back, runs = threading.Event(), threading.Event(), list[str]()
    put_back = DbosEngine.put_back

    def noted(engine: DbosEngine, job_id: str, queue: str | None) -> None:
        put_back(engine, job_id, queue)
        was_put_back.set()

    def handler(_job: Job, _steps: Steps) -> None:
        runs.append("run")
        begun.set()
        raise RemoteUnavailable("reading the app: the database does not answer")

    monkeypatch.setattr(DbosEngine, "put_back", noted)
    monkeypatch.setattr("app.jobs.worker._PUT_BACK_SECONDS", 2.0)
    with both.working(handler):
        job = both.enqueue()
        assert begun.wait(60)
        write_down(both, job)
        both.engine.cancel(job.id)
        assert was_put_back.wait(60)
        assert status(both, job) == "CANCELLED"
        assert both.wait_over(job).error == CANCELLED
    assert runs == ["run"]


def test_a_job_that_is_cancelled_while_it_is_put_back_does_not_go_on(
    both: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = list[str]()
    resume = DBOSClient.resume_workflow

    def too_late(client: DBOSClient, job_id: str, **options: Any) -> object:
        both.engine.cancel(job_id)
        return resume(client, job_id, **options)

    def handler(_job: Job, _steps: Steps) -> None:
        runs.append("run")
        raise RemoteUnavailable("reading the app: the database does not answer")

    monkeypatch.setattr(DBOSClient, "resume_workflow", too_late)
    with both.working(handler):
        job = both.enqueue()
        failed = both.wait_over(job)
        until(lambda: status(both, job) == "SUCCESS", saying=lambda: both.history(job))
    assert (failed.error, runs) == (CANCELLED, ["run"])


def test_what_somebody_cancelled_is_not_put_back_and_all_else_is(world: World) -> None:
    cancelled, stopped = world.enqueue(), world.enqueue()
    world.engine.cancel(cancelled.id)
    world.engine.client.cancel_workflow(stopped.id)
    for job in (cancelled, stopped):
        world.engine.put_back(job.id, APPS_QUEUE)
    assert (status(world, cancelled), status(world, stopped)) == ("CANCELLED", "ENQUEUED")


def test_a_job_that_is_cancelled_while_others_are_adopted_stays_cancelled(
    both: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, me = DbosEngine(both.url, version=NEXT_VERSION), f"v{NEXT_VERSION}-me-1-a"
    other, cancelled = both.enqueue(), both.enqueue()
    look = Takeover._list

    def list_and_cancel(takeover: Takeover, *status: str, **chosen: Any) -> object:
        left = look(takeover, *status, **chosen)
        both.engine.cancel(cancelled.id)
        return left

    monkeypatch.setattr(Takeover, "_list", list_and_cancel)
    Takeover(engine, me, NEXT_VERSION).adopt(frozenset({me}))
    assert (status(both, cancelled), status(both, other)) == ("CANCELLED", "ENQUEUED")
    assert [job.id for job, _why in engine.lost([cancelled, other])] == [cancelled.id]
    engine.close()


def test_a_sweep_that_finds_no_unfinished_job_asks_once(world: World) -> None:
    asked = list[str]()

    def note(*arguments: Any) -> None:
        asked.append(arguments[2])

    worker = world.worker(lambda _job, _steps: None)
    event.listen(world.database, "before_cursor_execute", note)
    worker.sweep()
    assert len([it for it in asked if it.startswith("SELECT")]) == 1, asked
