"""`/api/jobs`: lists, doing a job once more, ending one."""

from dataclasses import replace
from typing import Any

from app.domain.events import Tag
from app.domain.jobs import Job, JobStatus, JobType
from tests.integration.web.world import World, error_of


def a_job(world: World, job_type: JobType = JobType.PUBLISH, owner: str = "app_0001", **changes: Any) -> Job:
    with world.records.begin() as tx:
        job = replace(tx.jobs.enqueue(job_type, owner, {"deployment": "dpl_1"}), **changes)
        tx.jobs.save(job)
    return job


def a_failed_job(world: World, job_type: JobType = JobType.PUBLISH) -> Job:
    error = {"code": "remote:refused", "message": "no", "details": {}}
    return a_job(world, job_type, status=JobStatus.FAILED, error=error)


def test_jobs_are_listed_by_app_type_and_status(world: World) -> None:
    world.app()
    failed, queued = a_failed_job(world), a_job(world, JobType.PREVIEW)
    assert {it["id"] for it in world.get("/api/jobs")["items"]} == {failed.id, queued.id}
    (found,) = world.get("/api/jobs", app="app-1", status="failed")["items"]
    assert (found["id"], found["canRetry"], found["canCancel"]) == (failed.id, True, False)
    assert found["error"]["message"] == "no"
    assert [it["id"] for it in world.get("/api/jobs", type="preview")["items"]] == [queued.id]
    first = world.get("/api/jobs", limit=1)
    second = world.get("/api/jobs", limit=1, cursor=first["nextCursor"])
    assert {it["id"] for it in (*first["items"], *second["items"])} == {failed.id, queued.id}


def test_a_failed_job_is_retried(world: World) -> None:
    world.app()
    failed = a_failed_job(world)
    answer = world.call("POST", f"/api/jobs/{failed.id}/retry", json={"by": "ada"})
    assert answer.status_code == 202
    again = world.get(f"/api/jobs/{answer.get_json()['jobId']}")
    assert (again["type"], again["status"], again["appId"]) == ("publish", "queued", "app_0001")
    with world.records.read() as tx:
        told = next(it for it in tx.events.about(failed.id) if it.tag == Tag.JOB_RETRY_REQUESTED)
    assert (told.actor, told.payload["job"]) == ("ada", again["id"])


def test_a_job_is_cancelled_at_the_engine_once_it_is_written_down(world: World) -> None:
    job = a_job(world)
    answer = world.call("POST", f"/api/jobs/{job.id}/cancel", json={})
    assert answer.status_code == 202
    assert answer.get_json()["id"] == job.id
    assert world.engine.cancelled == [job.id]


def test_what_cannot_be_is_refused(world: World) -> None:
    world.app()
    done = a_job(world, status=JobStatus.COMPLETED)
    for act, job, code in (
        ("retry", done, "job:not-failed"),
        ("cancel", done, "job:over"),
        ("retry", a_failed_job(world, JobType.RELEASE), "job:decided-once"),
        ("cancel", a_job(world, JobType.RELEASE), "job:not-cancellable"),
    ):
        answer = world.call("POST", f"/api/jobs/{job.id}/{act}", json={})
        assert (answer.status_code, error_of(answer)["code"]) == (409, code)
    assert world.engine.cancelled == []
    assert world.call("POST", "/api/jobs/job_x/retry", json={}).status_code == 404
