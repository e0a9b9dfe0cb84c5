"""What is recorded of apps, as the API shows it: deployments, jobs and deliveries."""

from dataclasses import replace

from app.domain.deployments import Status
from app.domain.environments import Environment
from app.domain.jobs import JobStatus, Step
from tests.builders import NOON, a_delivery, a_deployment, at
from tests.integration.web.ordering import create
from tests.integration.web.world import World

# -------------------- deployments


def test_deployments_are_listed_and_filtered(world: World) -> None:
    world.app()
    world.app(2)
    with world.records.begin() as tx:
        tx.deployments.add(a_deployment(1, status=Status.READY))
        tx.deployments.add(a_deployment(2, status=Status.ERROR))
        tx.deployments.add(a_deployment(3, status=Status.READY, environment=Environment.STAGING))
        tx.deployments.add(a_deployment(4, app_id="app_0002"))

    def listed(**query: str) -> list[str]:
        items = world.get("/api/apps/app-1/deployments", **query)["items"]
        return [item["id"] for item in items]

    assert listed() == ["dpl_0003_1", "dpl_0002_1", "dpl_0001_1"]
    assert listed(environment="production") == ["dpl_0002_1", "dpl_0001_1"]
    assert listed(status="ready") == ["dpl_0003_1", "dpl_0001_1"]
    assert listed(environment="production", status="ready") == ["dpl_0001_1"]
    assert listed(status="queued") == []
    page = world.get("/api/apps/app-1/deployments", limit="2")
    rest = world.get("/api/apps/app-1/deployments", limit="2", cursor=page["nextCursor"])
    assert [item["id"] for item in rest["items"]] == ["dpl_0001_1"]
    for wrong in ({"environment": "moon"}, {"status": "great"}, {"environment": ""}):
        answer = world.call("GET", "/api/apps/app-1/deployments", query_string=wrong)
        assert answer.status_code == 400


def test_a_deployment_is_shown(world: World) -> None:
    world.app()
    finished = a_deployment(
        1, status=Status.ERROR, error="build failed", phases={"install": 3.25}, finished_at=at(9)
    )
    with world.records.begin() as tx:
        tx.deployments.add(finished)
    assert world.get("/api/deployments/dpl_0001_1") == {
        "id": "dpl_0001_1",
        "appId": "app_0001",
        "environment": "production",
        "status": "error",
        "commit": f"{1:040x}",
        "message": "Say hello",
        "branch": "main",
        "pullRequest": None,
        "namespace": "branchline-test-production",
        "script": "slug0001",
        "url": "https://slug0001.apps.test",
        "alternateUrl": "https://dispatch.test/app/slug0001",
        "run": {"id": 1001, "number": 1, "attempt": 1, "url": "https://github.example/runs/1"},
        "phases": {"install": 3.25},
        "error": "build failed",
        "immutableUrl": None,
        "isLive": False,
        "pinned": False,
        "bundle": None,
        "promotedFrom": None,
        "actor": None,
        "canRestore": False,
        "expiresAt": None,
        "expiresInDays": None,
        "createdAt": "2026-11-22T12:00:01Z",
        "updatedAt": "2026-11-22T12:00:01Z",
        "finishedAt": "2026-11-22T12:00:09Z",
    }


# -------------------- jobs


def test_a_job_names_its_steps(world: World) -> None:
    job_id = create(world).get_json()["jobId"]
    world.engine.begun = [
        Step("check name", JobStatus.COMPLETED, NOON, at(1)),
        Step("fork template", JobStatus.PROCESSING, at(1), None),
    ]
    with world.records.begin() as tx:
        job = tx.jobs.get(job_id)
        tx.jobs.save(
            replace(job, status=JobStatus.PROCESSING, started_at=NOON, waiting_for="forking: rate limit")
        )
    body = world.get(f"/api/jobs/{job_id}")
    assert body.pop("createdAt") == "2026-11-22T12:00:00Z"
    assert body == {
        "id": job_id,
        "type": "provision",
        "appId": job.app_id,
        "status": "processing",
        "waitingFor": "forking: rate limit",
        "error": None,
        "result": None,
        "steps": [
            {
                "name": "check name",
                "status": "completed",
                "startedAt": "2026-11-22T12:00:00Z",
                "finishedAt": "2026-11-22T12:00:01Z",
                "attempts": 1,
                "error": None,
            },
            {
                "name": "fork template",
                "status": "processing",
                "startedAt": "2026-11-22T12:00:01Z",
                "finishedAt": None,
                "attempts": 1,
                "error": None,
            },
        ],
        "startedAt": "2026-11-22T12:00:00Z",
        "finishedAt": None,
        "canCancel": True,
        "canRetry": False,
    }


def test_a_failed_job_says_why(world: World) -> None:
    job_id = create(world).get_json()["jobId"]
    error = {"code": "repository:name-taken", "message": "name taken", "details": {}}
    with world.records.begin() as tx:
        tx.jobs.save(replace(tx.jobs.get(job_id), status=JobStatus.FAILED, error=error))
    body = world.get(f"/api/jobs/{job_id}")
    assert (body["status"], body["error"]) == ("failed", error)


# -------------------- deliveries


def test_deliveries_are_shown(world: World) -> None:
    with world.records.begin() as tx:
        for number in (1, 2, 3):
            tx.deliveries.add(a_delivery(number))
    page = world.get("/api/deliveries", limit=2)
    assert [item["guid"] for item in page["items"]] == ["guid-3", "guid-2"]
    assert "content" not in page["items"][0]
    rest = world.get("/api/deliveries", limit=2, cursor=page["nextCursor"])
    assert [item["guid"] for item in rest["items"]] == ["guid-1"]
    assert world.get("/api/deliveries/guid-1") == {
        "guid": "guid-1",
        "source": "github",
        "event": "push",
        "status": "waiting",
        "attempts": 0,
        "error": None,
        "receivedAt": "2026-11-22T12:00:01Z",
        "processedAt": None,
        "ackedVersion": None,
        "headers": {"X-GitHub-Event": "push"},
        "content": '{"ref": "refs/heads/main"}',
    }
