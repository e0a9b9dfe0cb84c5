"""The engine as web processes see it: jobs come with their transaction, lost ones are known."""

import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from app.domain.events import Tag
from app.domain.jobs import Job, JobStatus, JobType
from app.errors import NotFound, RemoteUnavailable
from app.jobs.engine import APPLICATION_VERSION, DbosEngine, migrate, queue_of
from app.jobs.liveness import Heartbeat
from app.jobs.takeover import Takeover
from sandbox.ports import free_port
from tests.integration.jobs.world import World, now


@pytest.fixture
def world(migrated_url: str) -> Iterator[World]:
    world = World(migrated_url)
    yield world
    world.close()


def job(job_type: JobType = JobType.PUBLISH) -> Job:
    return Job("job_1", job_type, "app_1", {}, JobStatus.QUEUED, now())


def test_a_job_is_committed_with_its_transaction(world: World) -> None:
    made = world.enqueue(number=7)
    assert world.job(made).arguments == {"number": 7}
    assert world.engine.lost([made]) == []
    assert world.engine.steps(made) == []
    assert world.tags(made) == [Tag.JOB_QUEUED]


def test_a_job_is_gone_with_its_transaction(world: World) -> None:
    made: list[Job] = []

    def enqueue_and_fail() -> None:
        with world.records.begin() as tx:
            made.append(tx.jobs.enqueue(JobType.PROVISION, "app_1", {}))
            raise LookupError

    with pytest.raises(LookupError):
        enqueue_and_fail()
    assert world.engine.lost(made) == [(made[0], "the engine does not know the job")]
    with pytest.raises(NotFound):
        world.job(made[0])


def test_the_jobs_of_an_app_share_a_partition_and_others_have_their_own_queues() -> None:
    releasing, addresses = {JobType.RELEASE, JobType.PROMOTE}, {JobType.RESTORE, JobType.EXPIRE}
    background = {JobType.RECONCILE, JobType.REDELIVER}
    others = {JobType.PROVISION, JobType.INVOKE, JobType.SETTLE, *releasing, *addresses, *background}
    assert {queue_of(job(kind)) for kind in JobType if kind not in others} == {("apps", "app_1")}
    assert queue_of(job(JobType.PROVISION)) == ("provision", None)
    assert queue_of(job(JobType.INVOKE)) == ("invocations", "app_1")
    assert {queue_of(job(kind)) for kind in background} == {("background", "app_1")}
    assert queue_of(replace(job(JobType.SETTLE), app_id="wkr_1")) == ("releases", "wkr_1")
    for kind in releasing | addresses:
        for subject in ({"script": "hello"}, {"deployment": "hello"}):
            asked = replace(job(kind), arguments=subject)
            assert queue_of(asked) == ("releases" if kind in releasing else "addresses", "app_1/hello")


def test_a_cancelled_job_is_lost_whatever_its_version(world: World) -> None:
    made = world.enqueue()
    world.engine.cancel(made.id)
    next_version = DbosEngine(world.url, version=APPLICATION_VERSION + 1)
    assert world.engine.lost([made]) == next_version.lost([made]) == [(made, "the job was cancelled")]
    next_version.close()


def test_a_job_between_two_versions_is_not_lost(world: World) -> None:
    made = world.enqueue()
    next_version = DbosEngine(world.url, version=APPLICATION_VERSION + 1)
    next_version.client.cancel_workflow(made.id)  # as the take-over does, just before it begins it again
    assert next_version.lost([made]) == []
    assert world.engine.lost([made]) != []
    next_version.close()


def test_the_tables_may_be_made_again(world: World) -> None:
    made = world.enqueue()
    migrate(world.url)
    assert world.engine.lost([made]) == []


def test_a_database_that_is_away_is_noticed_at_once() -> None:
    engine = DbosEngine(f"postgresql+psycopg://user@127.0.0.1:{free_port()}/none")
    started_at = time.monotonic()
    with pytest.raises(RemoteUnavailable):
        engine.lost([job()])
    with pytest.raises(RemoteUnavailable):
        engine.steps(job())
    with pytest.raises(RemoteUnavailable):
        engine.cancel("job_1")
    assert time.monotonic() - started_at < 15
    engine.close()


def test_looking_at_the_engine_does_not_load_it() -> None:
    program = "import sys, app.jobs.engine, app.jobs.inbox; sys.exit('dbos' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False, timeout=60).returncode == 0


def test_what_the_engine_keeps_of_old_jobs_is_forgotten(world: World) -> None:
    old, young = world.enqueue(), world.enqueue()
    world.engine.cancel(old.id)
    takeover = Takeover(world.engine, "v1-me", 1)
    assert takeover.forget(now() - timedelta(minutes=1)) == 0
    assert takeover.forget(now() + timedelta(minutes=1)) == 1
    assert [lost.id for lost, _why in world.engine.lost([old, young])] == [old.id]


def test_a_worker_lives_while_it_beats(world: World) -> None:
    time_passed = [100.0]
    mine, other = (
        Heartbeat(world.database, name, monotonic=lambda: time_passed[0]) for name in ("v1-mine", "v1-other")
    )
    mine.beat()
    assert mine.live() == frozenset({"v1-mine"})
    other.beat()
    assert mine.live() == frozenset({"v1-mine", "v1-other"})
    other.leave()
    assert mine.live() == frozenset({"v1-mine"})


def test_a_worker_that_was_held_up_judges_nobody(world: World) -> None:
    time_passed = [100.0]
    heartbeat = Heartbeat(world.database, "v1-mine", monotonic=lambda: time_passed[0])
    heartbeat.beat()
    time_passed[0] += 30
    heartbeat.beat()
    assert heartbeat.live() is None
    time_passed[0] += 2
    heartbeat.beat()
    assert heartbeat.live() is None
    time_passed[0] += 2
    heartbeat.beat()
    time_passed[0] += 2
    assert heartbeat.live() == frozenset({"v1-mine"})
