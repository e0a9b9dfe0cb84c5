"""Retry and cancel: what people may do about a job, and what it comes to."""

from dataclasses import replace

import pytest

from app.domain.apps import AppStatus
from app.domain.drift import NOBODY
from app.domain.events import Tag
from app.domain.jobs import DECIDED_ONCE, PUTTING_RIGHT, Job, JobStatus, JobType
from app.errors import Conflict, Gone
from app.pipeline.cancel import is_cancellable, request_cancel
from app.pipeline.redeliver import ALL_APPS
from app.pipeline.retry import is_repeatable, retry
from tests.builders import at
from tests.unit.pipeline.world import World


def failed_job(world: World, job_type: JobType = JobType.PUBLISH, app_id: str = "app_0001") -> Job:
    with world.records.begin() as tx:
        job = tx.jobs.enqueue(job_type, app_id, {"deployment": "dpl_1"})
        failed = replace(job, status=JobStatus.FAILED, error={"code": "x", "message": "no", "details": {}})
        tx.jobs.save(failed)
    return failed


def retried(world: World, job: Job) -> Job:
    with world.records.begin() as tx:
        return retry(tx, job.id, actor="person:ada", at=at(60))


def test_a_failed_job_is_asked_for_again_with_what_it_was_asked_for(world: World) -> None:
    world.app()
    job = failed_job(world)
    again = retried(world, job)
    assert (again.type, again.app_id, again.arguments) == (job.type, job.app_id, job.arguments)
    assert again.id != job.id
    with world.records.read() as tx:
        told = tx.events.about(job.id)[0]
        begun = tx.events.about(again.id)[0]
    assert (told.tag, told.actor, told.payload["job"]) == (Tag.JOB_RETRY_REQUESTED, "person:ada", again.id)
    assert (begun.tag, begun.actor, begun.cause) == (Tag.JOB_QUEUED, "person:ada", job.id)


def test_asked_twice_it_is_done_once(world: World) -> None:
    world.app()
    job = failed_job(world)
    first, second = retried(world, job), retried(world, job)
    assert first.id == second.id
    with world.records.begin() as tx:
        tx.jobs.save(replace(first, status=JobStatus.FAILED, error={"code": "x", "message": "no"}))
    assert retried(world, job).id != first.id


def test_only_what_failed_is_retried(world: World) -> None:
    world.app()
    with world.records.begin() as tx:
        job = tx.jobs.enqueue(JobType.PUBLISH, "app_0001", {})
    assert not is_repeatable(job)
    with pytest.raises(Conflict, match="only a failed one") as refused:
        retried(world, job)
    assert refused.value.error_code == "job:not-failed"


@pytest.mark.parametrize("job_type", sorted(DECIDED_ONCE))
def test_what_was_given_up_is_decided_anew(world: World, job_type: JobType) -> None:
    world.app()
    job = failed_job(world, job_type)
    assert not is_repeatable(job)
    with pytest.raises(Conflict) as refused:
        retried(world, job)
    assert refused.value.error_code == "job:decided-once"


@pytest.mark.parametrize(
    ("job_type", "meanwhile"),
    [(JobType.PROVISION, AppStatus.PROVISIONING), (JobType.DELETE, AppStatus.DELETING)],
)
def test_an_app_that_failed_with_its_job_is_under_way_again(
    world: World, job_type: JobType, meanwhile: AppStatus
) -> None:
    app = world.app(status=AppStatus.FAILED, error="no")
    retried(world, failed_job(world, job_type, app.id))
    with world.records.read() as tx:
        now = tx.apps.get(app.id)
    assert (now.status, now.error) == (meanwhile, None)


def test_an_app_that_is_well_by_now_is_left_alone(world: World) -> None:
    app = world.app()
    with pytest.raises(Conflict) as refused:
        retried(world, failed_job(world, JobType.PROVISION, app.id))
    assert refused.value.error_code == "job:outdated"


def test_nothing_is_retried_for_an_app_that_is_gone(world: World) -> None:
    with pytest.raises(Gone):
        retried(world, failed_job(world))


def test_a_pass_over_everything_goes_on_once_at_a_time(world: World) -> None:
    job = failed_job(world, JobType.RECONCILE, NOBODY)
    first = retried(world, job)
    other = failed_job(world, JobType.RECONCILE, NOBODY)
    assert retried(world, other).id == first.id


@pytest.mark.parametrize(
    ("job_type", "owner"),
    [(JobType.INVOKE, "wrk_0001"), (JobType.SETTLE, "wrk_0001"), (JobType.REDELIVER, ALL_APPS)],
)
def test_what_is_not_about_an_app_needs_none(world: World, job_type: JobType, owner: str) -> None:
    assert retried(world, failed_job(world, job_type, owner)).app_id == owner


def test_cancelling_is_told_once(world: World) -> None:
    with world.records.begin() as tx:
        job = tx.jobs.enqueue(JobType.INVOKE, "wrk_0001", {})
    assert is_cancellable(job)
    for _ in range(2):
        with world.records.begin() as tx:
            assert request_cancel(tx, job.id, actor="person:ada", at=at(5)).id == job.id
    with world.records.read() as tx:
        told = [it for it in tx.events.about(job.id) if it.tag == Tag.JOB_CANCEL_REQUESTED]
    assert [it.actor for it in told] == ["person:ada"]


def test_what_is_over_is_not_cancelled(world: World) -> None:
    job = failed_job(world)
    with pytest.raises(Conflict) as refused, world.records.begin() as tx:
        request_cancel(tx, job.id, actor="person:ada", at=at(5))
    assert refused.value.error_code == "job:over"


@pytest.mark.parametrize("job_type", sorted(PUTTING_RIGHT))
def test_what_puts_addresses_right_is_not_stopped_half_way(world: World, job_type: JobType) -> None:
    with world.records.begin() as tx:
        job = tx.jobs.enqueue(job_type, "app_0001", {})
    assert not is_cancellable(job)
    with pytest.raises(Conflict) as refused, world.records.begin() as tx:
        request_cancel(tx, job.id, actor="person:ada", at=at(5))
    assert refused.value.error_code == "job:not-cancellable"
