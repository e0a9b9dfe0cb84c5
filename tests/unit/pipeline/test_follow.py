"""An app shows what its jobs wait for, and why one failed."""

from dataclasses import replace

import pytest

from app.domain.apps import AppStatus
from app.domain.events import Tag
from app.domain.jobs import Job, JobStatus, JobType
from app.pipeline.follow import follow
from tests.builders import NOON
from tests.unit.pipeline.world import World


@pytest.fixture
def world(world: World) -> World:
    world.app(status=AppStatus.PROVISIONING)
    return world


def a_job(job_type: JobType = JobType.PROVISION, status: JobStatus = JobStatus.PROCESSING) -> Job:
    return Job("job_1", job_type, "app_0001", {}, status, NOON)


def hear(world: World, job: Job) -> None:
    world.clock.advance(1)
    with world.records.begin() as tx:
        follow(tx, job, world.clock())


def test_an_app_shows_what_it_waits_for(world: World) -> None:
    hear(world, replace(a_job(), waiting_for="forking: rate limit"))
    assert world.current().waiting_for == "forking: rate limit"
    assert world.current().updated_at == world.clock()
    hear(world, a_job())
    assert world.current().waiting_for is None


@pytest.mark.parametrize(
    ("status", "job_type"),
    [(AppStatus.PROVISIONING, JobType.PROVISION), (AppStatus.DELETING, JobType.DELETE)],
)
def test_what_an_app_itself_waits_for_is_not_hidden_by_a_comment(
    world: World, status: AppStatus, job_type: JobType
) -> None:
    with world.records.begin() as tx:
        tx.apps.save(replace(tx.apps.get("app_0001"), status=status))
    hear(world, replace(a_job(job_type), waiting_for="GitHub did not answer"))
    hear(world, a_job(JobType.PUBLISH))
    assert world.current().waiting_for == "GitHub did not answer"
    hear(world, a_job(JobType.PREVIEW, JobStatus.FAILED))
    assert world.current().waiting_for == "GitHub did not answer"


@pytest.mark.parametrize("job_type", [JobType.PROVISION, JobType.DELETE])
def test_an_app_shows_why_it_failed(world: World, job_type: JobType) -> None:
    failed = replace(a_job(job_type, JobStatus.FAILED), error={"message": "name taken", "code": "x"})
    hear(world, failed)
    app = world.current()
    assert (app.status, app.error, app.waiting_for) == (AppStatus.FAILED, "name taken", None)
    (event,) = world.events("app_0001")
    assert (event.tag, event.actor, event.payload) == (Tag.APP_FAILED, "job_1", {"error": "name taken"})
    hear(world, failed)
    assert world.tags() == [Tag.APP_FAILED]


def test_a_failure_without_a_word_is_one(world: World) -> None:
    hear(world, a_job(status=JobStatus.FAILED))
    assert (world.current().status, world.current().error) == (AppStatus.FAILED, None)


@pytest.mark.parametrize("job_type", [JobType.PUBLISH, JobType.PREVIEW, JobType.RETIRE])
def test_a_failed_comment_is_no_failed_app(world: World, job_type: JobType) -> None:
    before = world.current()
    hear(world, replace(a_job(job_type, JobStatus.FAILED), error={"message": "no", "code": "x"}))
    assert world.current() == before
    assert world.events() == []


def test_no_news_changes_nothing(world: World) -> None:
    before = world.current()
    hear(world, a_job())
    hear(world, a_job(status=JobStatus.COMPLETED))
    assert world.current() == before


def test_a_deleted_app_is_not_followed(world: World) -> None:
    with world.records.begin() as tx:
        tx.apps.remove("app_0001")
    hear(world, a_job(JobType.DELETE, JobStatus.COMPLETED))
    assert world.events() == []
