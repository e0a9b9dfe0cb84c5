"""`/api/jobs`: lists, doing a job once more, ending one."""

from dataclasses import replace
from typing import Any

import pytest

from app.domain.apps import App
from app.domain.callers import Person
from app.domain.drift import NOBODY
from app.domain.events import Tag
from app.domain.jobs import Job, JobStatus, JobType
from app.domain.rights import Level
from app.pipeline.redeliver import ALL_APPS
from tests.builders import a_repository, a_worker, an_app
from tests.integration.web.people import a_person, bearing, let
from tests.integration.web.reading import Page
from tests.integration.web.world import AUTHORIZED, World, error_of


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


# -------------------- the platform's own


def name_something(world: World, name: str, kind: str, owner: Person) -> App | None:
    """Have a person with an app, or a worker, of that name; return the app."""
    app = an_app(1, name=name, repository=a_repository(1))
    with world.records.begin() as tx:
        if kind == "worker":
            tx.workers.add(a_worker(1, name=name, owner_id=owner.id))
            return None
        tx.apps.add(app)
    let(world, owner, app, Level.ADMIN)
    return app


@pytest.mark.parametrize("kind", ["app", "worker"])
@pytest.mark.parametrize(
    ("path", "name"), [("/api/reconcile", NOBODY), ("/api/deliveries/redeliver", ALL_APPS)]
)
def test_a_job_of_the_platform_is_nobody_elses_whatever_they_name_theirs(
    world: World, path: str, name: str, kind: str
) -> None:
    ada = a_person(world, "ada", is_member=True)
    app = name_something(world, name, kind, ada)
    job_id = world.call("POST", path, json={}).get_json()["jobId"]
    for headers in (bearing(world, ada), *([bearing(world, ada, app=app)] if app else [])):
        for jobs in ("/api/jobs", "/jobs"):
            for method, act in (("GET", ""), ("POST", "/cancel"), ("POST", "/retry")):
                body: Any = {} if method == "POST" and jobs == "/api/jobs" else None
                asked = f"{jobs}/{job_id}{act}"
                answer = world.client.open(asked, method=method, headers=dict(headers), json=body)
                assert answer.status_code == 404, f"{method} {asked}"
    shown = Page(world.call("GET", f"/jobs/{job_id}", headers={**AUTHORIZED, "Accept": "text/html"}).text)
    assert "for the platform" in shown.text
    assert shown.actions == {"cancel"}
    assert world.call("POST", f"/api/jobs/{job_id}/cancel", json={}).status_code == 202
    assert world.engine.cancelled == [job_id]
