"""Jobs and facts: what was asked for, and what happened."""

from dataclasses import replace
from typing import Any

import pytest

from app.domain.callers import Reach
from app.domain.events import Event, Tag
from app.domain.jobs import Job, JobFilter, JobStatus, JobType
from app.errors import NotFound
from app.pipeline.cancel import request_cancel
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


def test_that_a_job_was_asked_for_is_a_fact_of_whose_act_it_is(records: Records) -> None:
    with records.begin() as tx:
        theirs = tx.jobs.enqueue(JobType.RECONCILE, "app_0001", {"heal": "all"}, actor="person:ada")
        own = tx.jobs.enqueue(JobType.RECONCILE, "app_0001", {})
    with records.read() as tx:
        told = {it.subject: it.actor for job in (theirs, own) for it in tx.events.about(job.id)}
        assert told == {theirs.id: "person:ada", own.id: own.id}
        assert tx.jobs.get(theirs.id).arguments == {"heal": "all"}


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


def test_those_jobs_are_to_end_that_are_not_over_and_somebody_said_so_of(records: Records) -> None:
    with records.begin() as tx:
        over, going, untouched = (tx.jobs.enqueue(JobType.PUBLISH, "app_0001", {}) for _ in range(3))
        assert not tx.jobs.ending()
        for job in (over, going):
            request_cancel(tx, job.id, actor="person:ada", at=at(1))
        tx.jobs.save(replace(over, status=JobStatus.FAILED, error={"code": "x", "message": "y"}))
    with records.read() as tx:
        assert list(tx.jobs.ending()) == [going.id]
        assert untouched.id in {job.id for job in tx.jobs.unfinished()}


def test_jobs_are_listed_newest_first_by_app_type_and_status(world: World) -> None:
    asked = [
        (JobType.PUBLISH, "app_0001"),
        (JobType.PROVISION, "app_0002"),
        (JobType.PUBLISH, "app_0002"),
        (JobType.INVOKE, "wrk_0001"),
    ]
    jobs = []
    for job_type, owner in asked:
        world.clock.advance(1)
        with world.records.begin() as tx:
            jobs.append(tx.jobs.enqueue(job_type, owner, {"secret": "argument"}))
    with world.records.begin() as tx:
        tx.jobs.save(replace(jobs[0], status=JobStatus.FAILED, error={"code": "x", "message": "y"}))

    def listed(**chosen: Any) -> list[str]:
        with world.records.read() as tx:
            page = tx.jobs.list(JobFilter(**chosen))
        assert all(job.arguments == {} for job in page.items)
        return [job.id for job in page.items]

    first, second, third, fourth = (job.id for job in jobs)
    assert listed() == [fourth, third, second, first]
    assert listed(app_id="app_0002") == [third, second]
    assert listed(type=JobType.PUBLISH) == [third, first]
    assert listed(type=JobType.PUBLISH, status=JobStatus.QUEUED) == [third]
    assert listed(status=JobStatus.FAILED) == [first]
    with world.records.read() as tx:
        page = tx.jobs.list(limit=3)
        rest = tx.jobs.list(limit=3, cursor=page.next_cursor)
    assert [job.id for job in (*page.items, *rest.items)] == [fourth, third, second, first]
    assert rest.next_cursor is None


def test_jobs_are_listed_to_those_who_may_see_their_app_or_worker(world: World) -> None:
    with world.records.begin() as tx:
        mine, theirs = (tx.jobs.enqueue(JobType.PUBLISH, owner, {}) for owner in ("app_0001", "app_0002"))
    with world.records.read() as tx:
        assert [job.id for job in tx.jobs.list(reach=Reach(app_id="app_0001")).items] == [mine.id]
        assert tx.jobs.list(reach=Reach("per_0001")).items == []
    assert theirs.id != mine.id
