"""Releases on the real engine: what people decide is put up by a worker, whatever GitHub is up to."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from app.domain.jobs import Job, JobStatus, JobType
from app.errors import RateLimited, RemoteUnavailable, ScriptRefused
from app.ports import Steps
from tests.builders import a_pull
from tests.integration.jobs.world import World as Engine
from tests.integration.jobs.world import now, until
from tests.unit.pipeline.runs import a_pull_run, a_run
from tests.unit.pipeline.world import World


class Platform:
    """A platform whose memory and jobs are real, with run 2 live after run 1."""

    def __init__(self, url: str) -> None:
        self.engine = Engine(url)
        self.world = World()
        self.world.clock = now  # type: ignore[assignment]
        self.world.records = self.engine.records  # type: ignore[assignment]
        self.world.app()
        self.world.pull(a_pull(7))
        for number in (1, 2):
            self.world.deploy(a_run(number))
        self.host_is_away = False

    def handle(self, job: Job, steps: Steps) -> Any:
        if self.host_is_away and job.type in {JobType.PUBLISH, JobType.PREVIEW}:
            return steps.run("tell GitHub", self._be_away)
        return self.world.handlers()[job.type](job, steps)

    def over(self, job: Job) -> Job:
        return self.engine.wait_over(job)

    def waiting(self) -> list[Job]:
        """Return the jobs that wait for somebody."""
        with self.engine.records.read() as tx:
            return [job for job in tx.jobs.unfinished() if job.waiting_for is not None]

    def _be_away(self) -> None:
        raise RemoteUnavailable("telling GitHub: 503")


@pytest.fixture
def both(migrated_url: str) -> Iterator[Platform]:
    platform = Platform(migrated_url)
    yield platform
    platform.engine.close()


@pytest.fixture
def platform(migrated_sqlite_url: str) -> Iterator[Platform]:
    platform = Platform(migrated_sqlite_url)
    yield platform
    platform.engine.close()


def test_a_rollback_is_live_when_its_job_is_over_and_the_same_of_what_follows(both: Platform) -> None:
    world = both.world
    with both.engine.working(both.handle):
        job = both.over(world.rollback().job)
        assert job.status is JobStatus.COMPLETED, job
        assert world.code() == a_run(1).commit
        world.deploy(a_run(3))
        assert world.code() == a_run(1).commit
        both.over(world.resume().job)
        assert world.code() == a_run(3).commit
        source = world.deploy(a_pull_run(4))
        job = both.over(world.promote(source.id).job)
        assert job.result["status"] == "ready"
        assert world.code() == source.commit
    assert both.engine.steps(job) == [
        ("put up under its own address", JobStatus.COMPLETED),
        ("put up", JobStatus.COMPLETED),
        ("record", JobStatus.COMPLETED),
    ]


def test_a_rollback_does_not_wait_for_github(platform: Platform) -> None:
    world, platform.host_is_away = platform.world, True
    with platform.engine.working(platform.handle):
        until(lambda: bool(platform.waiting()), saying=platform.waiting)
        platform.over(world.rollback().job)
        assert world.code() == a_run(1).commit
        assert {job.type for job in platform.waiting()} == {JobType.PUBLISH}


def used_up() -> None:
    raise RateLimited("looking: the budget is used up", retry_at=now() + timedelta(hours=1))


WAITING = [
    pytest.param(JobType.RECONCILE, JobType.PREVIEW, {}, id="the background beside previews"),
    pytest.param(JobType.PUBLISH, JobType.SETTLE, {}, id="GitHub beside workers"),
    pytest.param(JobType.EXPIRE, JobType.RELEASE, {"script": "hello"}, id="expiries beside releases"),
    pytest.param(JobType.EXPIRE, JobType.PROMOTE, {"deployment": "dpl_1"}, id="expiries beside promotions"),
    pytest.param(JobType.EXPIRE, JobType.SETTLE, {}, id="expiries beside workers"),
]


@pytest.mark.parametrize(("many", "asked_for", "subject"), WAITING)
def test_what_somebody_waits_for_does_not_wait_for_what_has_no_budget(
    migrated_sqlite_url: str, many: JobType, asked_for: JobType, subject: dict[str, str]
) -> None:
    engine = Engine(migrated_sqlite_url)

    def handle(job: Job, steps: Steps) -> None:
        if job.type is many:
            steps.run("look", used_up)

    waiting = [engine.enqueue(many, f"app_{number}") for number in range(20)]
    with engine.working(handle):
        until(lambda: any(engine.job(it).waiting_for for it in waiting), saying=lambda: waiting)
        for number in range(5):  # the places of all others would be taken one after the other
            asked = engine.enqueue(asked_for, f"app_{number}", **subject)
            assert engine.wait_over(asked).status is JobStatus.COMPLETED
        assert {JobStatus.QUEUED, JobStatus.PROCESSING} == {engine.job(it).status for it in waiting}
    engine.close()


def test_a_deployment_is_not_restored_while_its_address_is_taken_down(migrated_sqlite_url: str) -> None:
    engine, expiring, begun = Engine(migrated_sqlite_url), threading.Event(), list[JobType]()

    def take_down() -> None:
        begun.append(JobType.EXPIRE)
        assert expiring.wait(60)

    def handle(job: Job, steps: Steps) -> None:
        steps.run("act", take_down if job.type is JobType.EXPIRE else lambda: begun.append(job.type))

    asked = [engine.enqueue(it, deployment="dpl_1") for it in (JobType.EXPIRE, JobType.RESTORE)]
    with engine.working(handle):
        until(lambda: bool(begun), saying=lambda: asked)
        elsewhere = engine.enqueue(JobType.RESTORE, deployment="dpl_2")
        assert engine.wait_over(elsewhere).status is JobStatus.COMPLETED
        assert begun == [JobType.EXPIRE, JobType.RESTORE]
        assert engine.job(asked[1]).status is JobStatus.QUEUED
        expiring.set()
        assert engine.wait_over(asked[1]).status is JobStatus.COMPLETED
    engine.close()


@pytest.mark.parametrize(
    ("job_type", "queue", "partition"),
    [(JobType.SETTLE, "apps", "app_a"), (JobType.EXPIRE, "releases", "app_a/dpl_1")],
)
def test_a_job_that_an_older_release_put_elsewhere_is_done(
    migrated_sqlite_url: str, monkeypatch: pytest.MonkeyPatch, job_type: JobType, queue: str, partition: str
) -> None:
    engine = Engine(migrated_sqlite_url)
    with monkeypatch.context() as older:
        older.setattr("app.jobs.engine.queue_of", lambda _: (queue, partition))
        job = engine.enqueue(job_type, deployment="dpl_1")
    with engine.working(lambda _, steps: steps.run("act", lambda: None)):
        assert engine.wait_over(job).status is JobStatus.COMPLETED
    engine.close()


def test_a_release_waits_for_its_turn_and_for_cloudflare(platform: Platform) -> None:
    world = platform.world
    with world.records.begin() as tx:
        held_until = now() + timedelta(seconds=1.5)
        tx.aliases.save(replace(world.alias(), holder="dpl_other", held_until=held_until))
    world.scripts.fail_next(RemoteUnavailable("putting up: 503"), call="put", times=2)
    with platform.engine.working(platform.handle):
        job = platform.over(world.rollback().job)
    assert job.status is JobStatus.COMPLETED, job
    assert now() >= held_until
    assert world.code() == a_run(1).commit
    assert world.alias().is_in_line


def test_a_refusal_is_the_jobs_error_and_leaves_what_was_live(platform: Platform) -> None:
    world = platform.world
    world.scripts.fail_next(ScriptRefused("putting slug0001 up: it does not start"), call="put")
    with platform.engine.working(platform.handle):
        released = world.rollback()
        job = platform.over(released.job)
        assert job.error is not None
        assert (job.status, job.error["code"]) == (JobStatus.FAILED, "script:refused")
        back = world.alias()
        platform.engine.wait(job, lambda _: world.alias().is_in_line)
    assert (back.deployment_id, back.is_pinned) == (world.deployments()[0].id, False)
    assert world.code() == a_run(2).commit
