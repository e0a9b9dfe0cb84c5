"""What is live, decided over the API: who may decide what, and how each decision is answered."""

from dataclasses import replace
from typing import Any

import pytest

from app.domain.aliases import Alias
from app.domain.apps import AppStatus
from app.domain.deployments import Deployment, Status
from app.domain.environments import Environment
from app.domain.events import Event
from app.domain.jobs import JobType
from tests.builders import NOON, a_deployment
from tests.integration.web.world import World, error_of

ROLLBACK, RESUME = "/api/apps/app-1/rollback", "/api/apps/app-1/resume"
PRODUCTION: dict[str, Any] = {"environment": "production"}
UP: dict[str, Any] = {"status": Status.READY, "bundle": "b" * 64, "uploaded_at": NOON}
PREVIEW: dict[str, Any] = {
    "environment": Environment.PREVIEW,
    "namespace": "branchline-test-preview",
    "script": "preview-pr7-slug0001",
    "pull_request": 7,
    "branch": "hello",
}


@pytest.fixture
def world(world: World) -> World:
    """Two deployments of production, of which the second is live, and a preview."""
    world.app()
    kept(world, 1)
    live(world, kept(world, 2))
    live(world, kept(world, 3, **PREVIEW))
    return world


def kept(world: World, number: int, **changes: Any) -> Deployment:
    environment = changes.get("environment", Environment.PRODUCTION)
    own = f"{environment}-{number:010}-slug0001"
    deployment = a_deployment(number, own_script=own, **{**UP, **changes})
    with world.records.begin() as tx:
        tx.deployments.add(deployment)
    return deployment


def live(world: World, deployment: Deployment) -> None:
    with world.records.begin() as tx:
        alias = Alias(
            deployment.app_id, deployment.script, deployment.environment, deployment.namespace, NOON
        )
        shown = replace(alias, deployment_id=deployment.id, order=deployment.order)
        tx.aliases.save(replace(shown, pull_request=deployment.pull_request))


def post(world: World, path: str, expected: int = 202, **body: Any) -> dict[str, Any]:
    answer = world.call("POST", path, json=body)
    assert answer.status_code == expected, answer.text
    given: dict[str, Any] = answer.get_json()
    return given if expected < 400 else error_of(answer)


def promote(world: World, deployment_id: str, expected: int = 202, **body: Any) -> dict[str, Any]:
    return post(world, f"/api/deployments/{deployment_id}/promote", expected, **body)


def alias_of(world: World, script: str = "slug0001") -> Alias:
    with world.records.read() as tx:
        alias = tx.aliases.get(script)
    assert alias is not None
    return alias


def newest_event(world: World, subject: str) -> Event:
    with world.records.read() as tx:
        return tx.events.about(subject)[0]


# -------------------- rolling back and resuming


def test_a_rollback_goes_to_the_deployment_before(world: World) -> None:
    body = post(world, ROLLBACK, **PRODUCTION, by="ada")
    assert body["deployment"]["id"] == "dpl_0001_1"
    assert body["deployment"]["isLive"] is True
    assert body["deployment"]["pinned"] is True
    assert body["deployment"]["immutableUrl"] == "https://production-0000000001-slug0001.apps.test"
    assert (body["environment"], body["url"]) == ("production", "https://slug0001.apps.test")
    assert body["alternateUrl"] == "https://dispatch.test/app/slug0001"
    assert body["pinned"] is True
    assert body["pollUrl"] == f"https://branchline.test/api/jobs/{body['jobId']}"
    with world.records.read() as tx:
        job = tx.jobs.get(body["jobId"])
    assert (job.type, job.arguments["script"]) == (JobType.RELEASE, "slug0001")
    event = newest_event(world, "app_0001")
    assert (event.tag, event.actor) == ("environment:rolled-back", "ada")
    assert (event.payload["from"], event.payload["to"]) == ("dpl_0002_1", "dpl_0001_1")
    production = world.get("/api/apps/app-1")["environments"]["production"]
    assert production["pinned"] == {
        "deploymentId": "dpl_0001_1",
        "since": "2026-11-22T12:00:00Z",
        "by": "ada",
    }
    assert (production["newestDeploymentId"], production["settled"]) == ("dpl_0002_1", False)


def test_a_rollback_that_is_repeated_is_answered_alike(world: World) -> None:
    first = post(world, ROLLBACK, **PRODUCTION, to="dpl_0001_1")
    again = post(world, ROLLBACK, **PRODUCTION, to="dpl_0001_1")
    assert {**first, "jobId": "", "pollUrl": ""} == {**again, "jobId": "", "pollUrl": ""}


def test_a_resumption_goes_to_the_newest(world: World) -> None:
    post(world, ROLLBACK, **PRODUCTION)
    body = post(world, RESUME, **PRODUCTION)
    assert (body["deployment"]["id"], body["pinned"]) == ("dpl_0002_1", False)
    assert newest_event(world, "app_0001").actor == "operator"


def test_a_preview_is_pinned_and_resumed_by_its_pull_request(world: World) -> None:
    kept(world, 4, **PREVIEW)
    post(world, ROLLBACK, environment="preview", to="dpl_0003_1")
    assert alias_of(world, PREVIEW["script"]).is_pinned
    body = post(world, RESUME, environment="preview", pullRequest=7)
    assert (body["deployment"]["id"], body["environment"]) == ("dpl_0004_1", "preview")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"environment": "moon"}, 400, "request:invalid"),
        ({}, 400, "request:invalid"),
        ({"environment": "preview"}, 400, "request:invalid"),
        ({**PRODUCTION, "to": "dpl_0002_1", "at": "once"}, 400, "request:invalid"),
        ({**PRODUCTION, "to": 7}, 400, "request:invalid"),
        ({**PRODUCTION, "to": "dpl_nothing"}, 404, "deployment:not-found"),
        ({**PRODUCTION, "to": "dpl_0003_1"}, 404, "deployment:not-found"),
        ({**PRODUCTION, "to": "dpl_0009_1"}, 404, "deployment:not-found"),
        ({"environment": "staging"}, 409, "environment:no-earlier-deployment"),
    ],
)
def test_a_rollback_that_cannot_be(world: World, body: dict[str, Any], status: int, code: str) -> None:
    world.app(2)
    kept(world, 9, app_id="app_0002", script="slug0002")
    before = alias_of(world)
    assert post(world, ROLLBACK, status, **body)["code"] == code
    assert alias_of(world) == before


def test_what_is_unknown_and_what_is_anothers_are_refused_in_the_same_words(world: World) -> None:
    world.app(2)
    kept(world, 9, app_id="app_0002", script="slug0002")
    texts = {
        str(post(world, ROLLBACK, 404, **PRODUCTION, to=to)).replace(to, "")
        for to in ("dpl_nothing", "dpl_0003_1", "dpl_0009_1")
    }
    assert len(texts) == 1


@pytest.mark.parametrize("path", [ROLLBACK, RESUME, "/api/deployments/dpl_0002_1/promote"])
def test_nothing_is_decided_about_an_app_that_is_going(world: World, path: str) -> None:
    with world.records.begin() as tx:
        tx.apps.save(replace(tx.apps.get("app_0001"), status=AppStatus.DELETING))
    assert post(world, path, 409, **PRODUCTION)["code"] == "app:deleting"


@pytest.mark.parametrize(
    "body",
    [
        {"environment": "production", "pullRequest": 7},
        {"environment": "preview", "pullRequest": 0},
        {"environment": "preview", "pullRequest": "7"},
    ],
)
def test_a_resumption_is_not_guessed(world: World, body: dict[str, Any]) -> None:
    assert post(world, RESUME, 400, **body)["code"] == "request:invalid"


@pytest.mark.parametrize(
    "name", ["", " ", "a\nb", "x" * 81, "github", "workflow", "job_01", "clock", "person:ada", "token:ci", 7]
)
def test_a_name_that_is_no_persons_is_refused(world: World, name: object) -> None:
    assert post(world, ROLLBACK, 400, **PRODUCTION, by=name)["code"] == "request:invalid"
    assert alias_of(world).deployment_id == "dpl_0002_1"


def test_a_person_may_be_called_anything_else(world: World) -> None:
    post(world, ROLLBACK, **PRODUCTION, by="  Zoë O'Neil <zoe@example.com> ")
    assert newest_event(world, "app_0001").actor == "Zoë O'Neil <zoe@example.com>"


# -------------------- promoting


def test_a_promotion_is_a_deployment_of_its_own(world: World) -> None:
    body = promote(world, "dpl_0003_1", **PRODUCTION, by="ada")
    made = body["deployment"]
    assert made["id"] not in {"dpl_0001_1", "dpl_0002_1", "dpl_0003_1"}
    assert (made["promotedFrom"], made["actor"], made["status"]) == ("dpl_0003_1", "ada", "deploying")
    assert (made["environment"], made["script"], made["bundle"]) == ("production", "slug0001", "b" * 64)
    assert (made["commit"], made["pullRequest"], made["immutableUrl"]) == (f"{3:040x}", None, None)
    with world.records.read() as tx:
        job = tx.jobs.get(body["jobId"])
    assert (job.type, job.arguments["deployment"]) == (JobType.PROMOTE, made["id"])
    assert promote(world, "dpl_0003_1", **PRODUCTION)["deployment"]["id"] == made["id"]
    listed = world.get("/api/apps/app-1/deployments", environment="production")["items"]
    assert [it["id"] for it in listed if it["isLive"]] == [made["id"]]


@pytest.mark.parametrize(
    ("deployment", "environment", "status", "code"),
    [
        ("dpl_0002_1", "staging", 409, "deployment:not-promotable"),
        ("dpl_0002_1", "preview", 409, "deployment:not-promotable"),
        ("dpl_0004_1", "production", 409, "deployment:from-fork"),
        ("dpl_0005_1", "production", 409, "deployment:no-bundle"),
        ("dpl_0006_1", "production", 409, "deployment:not-ready"),
        ("dpl_nothing", "production", 404, "deployment:not-found"),
        ("dpl_0009_1", "production", 404, "deployment:not-found"),
        ("dpl_0003_1", "moon", 400, "request:invalid"),
    ],
)
def test_a_promotion_that_cannot_be(
    world: World, deployment: str, environment: str, status: int, code: str
) -> None:
    kept(world, 4, **{**PREVIEW, "script": "fork-pr7-slug0001", "is_from_fork": True})
    kept(world, 5, **PREVIEW, bundle=None)
    kept(world, 6, **PREVIEW, status=Status.REMOVED)
    kept(world, 9, app_id="app_gone", script="slug0009")
    before = alias_of(world)
    assert promote(world, deployment, status, environment=environment)["code"] == code
    assert alias_of(world) == before


# -------------------- redeploying


def test_a_run_is_asked_to_run_again(world: World) -> None:
    body = post(world, "/api/deployments/dpl_0002_1/redeploy", by="ada")
    assert body["deployment"]["id"] == "dpl_0002_1"
    with world.records.read() as tx:
        job = tx.jobs.get(body["jobId"])
    assert (job.type, job.arguments) == (JobType.REDEPLOY, {"deployment": "dpl_0002_1", "attempt": 1})
    event = newest_event(world, "dpl_0002_1")
    assert (event.tag, event.actor) == ("deployment:redeploy-requested", "ada")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"status": Status.BUILDING}, "deployment:running"),
        ({"promoted_from": "dpl_0003_1"}, "deployment:without-run"),
        ({"is_from_fork": True}, "deployment:from-fork"),
    ],
)
def test_a_run_that_cannot_run_again(world: World, changes: dict[str, Any], code: str) -> None:
    kept(world, 5, **changes)
    assert post(world, "/api/deployments/dpl_0005_1/redeploy", 409)["code"] == code


def test_a_run_whose_other_attempt_goes_on_cannot_run_again(world: World) -> None:
    with world.records.begin() as tx:
        tx.deployments.add(a_deployment(2, attempt=2, status=Status.QUEUED))
    assert post(world, "/api/deployments/dpl_0002_1/redeploy", 409)["code"] == "deployment:running"


def test_a_run_of_a_repository_that_is_gone_cannot_run_again(world: World) -> None:
    with world.records.begin() as tx:
        gone = replace(tx.apps.get("app_0001"), status=AppStatus.DETACHED, error="its repository is gone")
        tx.apps.save(gone)
    error = post(world, "/api/deployments/dpl_0002_1/redeploy", 409)
    assert (error["code"], error["message"]) == (
        "app:detached",
        "redeploying dpl_0002_1: its repository is gone",
    )


@pytest.mark.parametrize("path", [ROLLBACK, RESUME, "/api/deployments/dpl_0002_1/promote"])
def test_only_who_bears_the_token_decides(world: World, path: str) -> None:
    answer = world.call("POST", path, json=PRODUCTION, headers={})
    assert answer.status_code == 401
    assert alias_of(world).deployment_id == "dpl_0002_1"
