"""Jobs and facts: what was asked for, and what happened."""

from dataclasses import replace

import pytest

from app.domain.events import Event, Tag
from app.domain.jobs import Job, JobStatus, JobType
from app.errors import NotFound
from app.ports import Records
from tests.builders import at
from tests.contract.records.world import World


def test_facts_about_a_subject_come_newest_first(records: Records) -> None:
    facts = [
        Event(tag, subject, actor, moment, payload, app_id=subject)
        for tag, subject, actor, moment, payload in (
            (Tag.APP_REQUESTED, "app_0001", "token", at(2), {"name": "shop", "files": [1, None, True]}),
            (Tag.APP_READY, "app_0002", "job_1", at(2), {}),
            (Tag.APP_READY, "app_0001", "job_2", at(1), {}),
            (Tag.APP_DELETED, "app_0001", "token", at(2), {}),
        )
    ]
    with records.begin() as tx:
        for fact in facts:
            tx.events.append(fact)
    with records.read() as tx:
        about = tx.events.about("app_0001")
        assert [replace(fact, id=None, place=None) for fact in about] == [facts[3], facts[2], facts[0]]
        assert [fact.id for fact in tx.events.about("app_0001", limit=2)] == [fact.id for fact in about[:2]]


def test_a_job_its_fact_and_its_place_in_the_queue_come_together(world: World) -> None:
    with world.records.begin() as tx:
        job = tx.jobs.enqueue(JobType.PROVISION, "app_0001", {"template": "acme/template"})
    assert job == Job(
        job.id,
        JobType.PROVISION,
        "app_0001",
        {"template": "acme/template"},
        JobStatus.QUEUED,
        world.clock.now,
    )
    assert world.enqueued == [job]
    with world.records.read() as tx:
        assert tx.jobs.get(job.id) == job
        (fact,) = tx.events.about(job.id)
    payload = {"type": "provision", "app": "app_0001"}
    told = Event(Tag.JOB_QUEUED, job.id, job.id, world.clock.now, payload, app_id="app_0001")
    assert replace(fact, id=None, place=None, key=None) == told


def test_a_job_comes_back_as_it_was_saved(records: Records) -> None:
    with records.begin() as tx:
        job = tx.jobs.enqueue(JobType.RETIRE, "app_0001", {})
        failed = replace(
            tx.jobs.get(job.id, lock=True),
            status=JobStatus.FAILED,
            started_at=at(1),
            finished_at=at(2),
            waiting_for="GitHub",
            error={"code": "remote:refused", "message": "no"},
            result=[1, "two", None],
        )
        tx.jobs.save(failed)
    with records.read() as tx:
        assert tx.jobs.get(job.id) == failed


def test_an_unknown_job_is_not_found(records: Records) -> None:
    with records.begin() as tx:
        job = tx.jobs.enqueue(JobType.RETIRE, "app_0001", {})
        with pytest.raises(NotFound):
            tx.jobs.get("job_0")
        with pytest.raises(NotFound):
            tx.jobs.save(replace(job, id="job_0"))


def test_unfinished_jobs_come_oldest_first(world: World) -> None:
    with world.records.begin() as tx:
        jobs = []
        for status in (JobStatus.QUEUED, JobStatus.COMPLETED, JobStatus.PROCESSING, JobStatus.FAILED):
            jobs.append(replace(tx.jobs.enqueue(JobType.PROVISION, "app_0001", {"files": []}), status=status))
            tx.jobs.save(jobs[-1])
            world.clock.advance()
    seen = [replace(jobs[0], arguments={}), replace(jobs[2], arguments={})]
    with world.records.read() as tx:
        assert tx.jobs.unfinished() == seen
        assert tx.jobs.unfinished(limit=1) == seen[:1]
