"""What became of an address, and how it comes back."""

from dataclasses import replace

import pytest

from app.domain.aliases import Alias
from app.domain.deployments import Deployment, Status
from app.domain.environments import Environment
from tests.builders import NOON, a_deployment, at
from tests.integration.web.world import World

OWN = "preview-0123456789-slug0001"


@pytest.fixture
def world(world: World) -> World:
    world.app()
    return world


def keep(world: World, **changes: object) -> Deployment:
    up = a_deployment(status=Status.READY, own_script=OWN, bundle="b" * 64, uploaded_at=at(5))
    deployment = replace(up, **changes)  # type: ignore[arg-type]
    with world.records.begin() as tx:
        tx.deployments.add(deployment)
    return deployment


def state(world: World, script: str) -> object:
    answer = world.client.get(f"/addresses/{script}")
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "public, max-age=30"
    return answer.get_json()


def test_an_address_that_never_answered_is_unknown(world: World) -> None:
    assert state(world, "preview-pr7-slug0009") == {"state": "unknown", "expiredAt": None, "kind": None}


def test_a_deployments_address_expires(world: World) -> None:
    keep(world, retired_at=at(60))
    assert state(world, OWN) == {
        "state": "expired",
        "expiredAt": "2026-11-22T12:01:00Z",
        "kind": "deployment",
    }


def test_an_address_that_answers_is_none_of_the_askers_business(world: World) -> None:
    keep(world)
    assert state(world, OWN) == {"state": "unknown", "expiredAt": None, "kind": None}


def test_a_previews_address_expires(world: World) -> None:
    alias = Alias(
        "app_0001", "preview-pr7-slug0001", Environment.PREVIEW, "live-preview", NOON, pull_request=7
    )
    with world.records.begin() as tx:
        tx.aliases.save(replace(alias, expired_at=at(60)))
    assert state(world, "preview-pr7-slug0001") == {
        "state": "expired",
        "expiredAt": "2026-11-22T12:01:00Z",
        "kind": "deployment",
    }


def test_a_name_that_no_script_can_have_is_refused(world: World) -> None:
    assert world.client.get(f"/addresses/{'x' * 64}").status_code == 400


def test_an_expired_deployment_is_restored_by_a_job(world: World) -> None:
    deployment = keep(world, retired_at=at(60))
    answer = world.call("POST", f"/api/deployments/{deployment.id}/restore", json={})
    assert answer.status_code == 202
    said = answer.get_json()
    assert said["immutableUrl"] == f"https://{OWN}.apps.test"
    assert said["pollUrl"] == f"https://branchline.test/api/jobs/{said['jobId']}"
    assert world.get(f"/api/jobs/{said['jobId']}")["type"] == "restore"


def test_a_deployment_that_answers_needs_no_job(world: World) -> None:
    deployment = keep(world)
    answer = world.call("POST", f"/api/deployments/{deployment.id}/restore", json={})
    assert (answer.status_code, answer.get_json()["jobId"]) == (200, None)


def test_only_what_was_put_up_can_be_restored(world: World) -> None:
    failed = keep(world, status=Status.ERROR, bundle=None, uploaded_at=None)
    answer = world.call("POST", f"/api/deployments/{failed.id}/restore", json={})
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (409, "deployment:no-bundle")
    assert world.call("POST", "/api/deployments/dpl_unknown/restore", json={}).status_code == 404
    assert world.call("POST", f"/api/deployments/{failed.id}/restore", json={}, headers={}).status_code == 401
