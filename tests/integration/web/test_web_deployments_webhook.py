"""What a workflow run tells us, signed with its app's key: where that is how runs prove who they are."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from app.domain.apps import AppStatus
from app.domain.deliveries import DeliverySource, DeliveryStatus
from app.ports import DeployAccess
from tests.builders import at
from tests.integration.web.world import (
    BY_ITSELF,
    BY_KEY,
    CANARIES,
    World,
    a_message,
    an_end,
    deploy_secret,
    deployments,
    error_of,
)


@pytest.fixture
def world(migrated_sqlite_url: str) -> Iterator[World]:
    world = World(migrated_sqlite_url, platform=BY_KEY)
    world.app()
    yield world
    world.close()


def test_a_run_is_told_where_to_deploy(world: World) -> None:
    answer = world.deployment(a_message())
    assert answer.status_code == 200
    (deployment,) = deployments(world)
    assert answer.get_json() == {
        "deploy": True,
        "deployment": deployment.id,
        "environment": "production",
        "namespace": "live-production",
        "script": "slug0001",
        "tags": ["app-slug0001", "env-production", f"commit-{'a' * 40}", f"deployment-{deployment.id}"],
        "url": "https://slug0001.apps.test",
        "alternateUrl": "https://dispatch.test/app/slug0001",
        "immutableUrl": f"https://{deployment.own_script}.apps.test",
        "goesLive": True,
        "cloudflare": {
            "apiBaseUrl": "https://branchline.test/cloudflare/client/v4",
            "accountId": "account",
            "apiToken": f"grant of {deployment.id}",
        },
        "expiresAt": "2026-11-22T12:15:00Z",
    }


def test_a_run_that_uploads_by_itself_is_told_no_token(migrated_sqlite_url: str) -> None:
    access = DeployAccess("https://api.cloudflare.test/client/v4", "account", "")
    world = World(migrated_sqlite_url, platform=BY_ITSELF, grant=lambda _: access)
    world.app()
    plan = world.deployment(a_message()).get_json()
    (deployment,) = deployments(world)
    expected = {"apiBaseUrl": "https://api.cloudflare.test/client/v4", "accountId": "account"}
    assert plan["cloudflare"] == expected
    assert plan["variables"] == {
        "BRANCHLINE_COMMIT": "a" * 40,
        "BRANCHLINE_ENVIRONMENT": "production",
        "BRANCHLINE_DEPLOYMENT": deployment.id,
    }
    assert not {"immutableUrl", "expiresAt"} & set(plan)
    ended = world.deployment(an_end(), message_id="msg_2").get_json()
    assert (ended["status"], ended["live"]) == ("ready", True)
    world.close()


def test_a_run_is_told_what_was_recorded(world: World) -> None:
    world.deployment(a_message())
    with world.records.begin() as tx:
        (deployment,) = tx.deployments.find("app_0001")
        tx.deployments.save(replace(deployment, uploaded_at=at(1)))
    assert world.deployment(an_end(), message_id="msg_2").get_json() == {
        "deployment": deployment.id,
        "status": "ready",
        "url": "https://slug0001.apps.test",
        "alternateUrl": "https://dispatch.test/app/slug0001",
        "immutableUrl": f"https://{deployment.own_script}.apps.test",
        "live": False,
    }


def test_a_run_that_put_nothing_up_is_not_ready(world: World) -> None:
    world.deployment(a_message())
    assert world.deployment(an_end(), message_id="msg_2").get_json()["status"] == "error"


def test_a_failure_is_recorded(world: World) -> None:
    failure = {"phase": "build", "message": "vite: no such file"}
    message = an_end("failure", error=failure)
    assert world.deployment(message).get_json()["status"] == "error"
    assert deployments(world)[0].error == "build failed: vite: no such file"


def test_an_older_run_is_told_why_it_stays_behind(migrated_sqlite_url: str) -> None:
    world = World(migrated_sqlite_url, platform=BY_ITSELF)
    world.app()
    newer = {"id": 1002, "number": 2, "attempt": 1, "url": "https://github.test/runs/1002"}
    world.deployment(a_message(run=newer))
    world.deployment(an_end(run=newer), message_id="msg_2")
    answer = world.deployment(a_message(), message_id="msg_3").get_json()
    assert answer == {
        "deploy": False,
        "deployment": deployments(world)[1].id,
        "reason": "superseded by run 2 with commit aaaaaaa",
    }
    world.close()


def test_a_busy_script_is_asked_for_again(world: World) -> None:
    newer = {"id": 1002, "number": 2, "attempt": 1, "url": "https://github.test/runs/1002"}
    world.deployment(a_message())
    answer = world.deployment(a_message(run=newer), message_id="msg_2")
    assert (answer.status_code, answer.headers["Retry-After"]) == (409, "2")
    assert error_of(answer)["code"] == "deployment:busy"
    assert len(deployments(world)) == 1
    world.deployment(an_end(), message_id="msg_3")
    # What was not answered was not used up either.
    assert world.deployment(a_message(run=newer), message_id="msg_2").status_code == 200


def test_a_message_is_kept(world: World) -> None:
    world.deployment(a_message())
    (delivery,) = world.deliveries()
    assert (delivery.guid, delivery.source, delivery.event) == ("msg_1", DeliverySource.WORKFLOW, "start")
    assert delivery.status is DeliveryStatus.PROCESSED
    assert json.loads(delivery.body) == a_message()


def test_no_secret_is_kept(world: World) -> None:
    world.deployment(a_message())
    world.deployment(an_end(), message_id="msg_2")
    held = world.dump()
    assert [canary for canary in (*CANARIES, deploy_secret("app_0001")) if canary in held] == []


# -------------------- the message


@pytest.mark.parametrize(
    "changes",
    [
        {"unknown": 1},
        {"action": "finish"},
        {"event": "schedule"},
        {"commit": "a" * 39},
        {"commit": "A" * 40},
        {"commit": f"{'a' * 40}\n"},
        {"commit": 1},
        {"branch": ""},
        {"branch": "x" * 501},
        {"branch": None},
        {"message": "x" * 2001},
        {"message": 1},
        {"pullRequest": 0},
        {"pullRequest": "7"},
        {"pullRequest": 7.0},
        {"pullRequest": True},
        {"phases": {"lunch": 1}},
        {"phases": {"build": -1}},
        {"phases": {"build": "1"}},
        {"phases": {"build": 86401}},
        {"phases": []},
        {"run": {"id": 1, "number": 1, "attempt": 1}},
        {"run": {"id": 0, "number": 1, "attempt": 1, "url": "https://x.test"}},
        {"run": {"id": 2**53, "number": 1, "attempt": 1, "url": "https://x.test"}},
        {"run": {"id": 1, "number": 1, "attempt": 1, "url": "https://x.test", "more": 1}},
        {"run": {"id": 1, "number": 1, "attempt": 1, "url": "javascript:alert(1)"}},
        {"run": {"id": 1, "number": 1, "attempt": 1, "url": "https://x.test/) | @org/all [x](y"}},
        {"run": {"id": 1, "number": 1, "attempt": 1, "url": "https://x.test\n# title"}},
        {"repository": {"id": 1, "fullName": "acme/app-1", "owner": "acme"}},
        {"conclusion": "great"},
        {"error": "no"},
        {"error": {"phase": "build"}},
        {"error": {"phase": "lunch", "message": "x"}},
        {"error": {"phase": "build", "message": "x" * 2001}},
    ],
    ids=repr,
)
def test_a_message_of_the_wrong_form_is_refused(world: World, changes: dict[str, Any]) -> None:
    answer = world.deployment(an_end(**changes))
    assert answer.status_code == 400
    error = error_of(answer)
    assert error["code"] == "delivery:malformed"
    assert next(iter(changes)) in error["message"] or next(iter(changes))[:4] in error["message"].lower()
    assert world.deliveries() == []
    assert deployments(world) == []


@pytest.mark.parametrize("name", ["event", "ref", "branch", "commit", "run"])
def test_a_message_lacks_nothing(world: World, name: str) -> None:
    message = a_message()
    del message[name]
    answer = world.deployment(message)
    assert answer.status_code == 400
    assert error_of(answer)["message"] == f"reading a deployment message: {name}: Field required"


@pytest.mark.parametrize("body", [b'{"a": NaN}', b'{"a": "\\ud800"}'])
def test_what_only_some_parsers_read_is_refused(world: World, body: bytes) -> None:
    whole = json.dumps(a_message()).encode()[:-1] + b", " + body[1:]
    assert world.deployment(whole).status_code == 400


def test_a_message_is_small(world: World) -> None:
    answer = world.deployment(json.dumps(a_message()).encode() + b" " * 65536)
    assert answer.status_code == 413
    assert error_of(answer)["code"] == "delivery:too-large"


def test_an_app_that_is_being_deleted_deploys_nothing(world: World) -> None:
    with world.records.begin() as tx:
        tx.apps.save(replace(tx.apps.get("app_0001"), status=AppStatus.DELETING))
    answer = world.deployment(a_message())
    assert answer.status_code == 409
    assert error_of(answer)["code"] == "app:deleting"
    assert "Retry-After" not in answer.headers


def test_a_locked_database_is_asked_again(world: World) -> None:
    with world.database.connect() as other:
        other.exec_driver_sql("ROLLBACK")
        other.exec_driver_sql("BEGIN IMMEDIATE")
        answer = world.deployment(a_message())
        other.exec_driver_sql("ROLLBACK")
        other.exec_driver_sql("BEGIN")
    assert answer.status_code == 503
    assert world.deployment(a_message()).status_code == 200


def test_text_that_postgresql_does_not_hold_breaks_nothing(migrated_postgres_url: str) -> None:
    world = World(migrated_postgres_url, platform=BY_KEY)
    world.app()
    failure = {"phase": "build", "message": "a\0b"}
    message = an_end("failure", error=failure, message="x\0y", branch="a\0b", ref="refs/heads/a\0b")
    assert world.deployment(message).status_code == 200
    assert world.deployment(a_message(), message_id="msg_2").status_code == 200
    (deployment,) = deployments(world)
    assert "\0" not in f"{deployment.branch}{deployment.message}{deployment.error}"
    world.close()


@pytest.mark.parametrize(
    "changes",
    [
        {"event": "workflow_dispatch", "ref": "refs/tags/main"},
        {"event": "push", "pullRequest": 7},
        {"event": "pull_request", "pullRequest": None},
    ],
)
def test_a_message_that_contradicts_itself_is_refused(world: World, changes: dict[str, Any]) -> None:
    answer = world.deployment(a_message(**changes))
    assert answer.status_code == 400
    assert error_of(answer)["code"] == "delivery:malformed"
    assert deployments(world) == []
