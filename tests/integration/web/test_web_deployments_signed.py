"""Which signatures of a run's message are believed: made with its app's key, in time, and once."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from app.web import signing
from tests import issuer
from tests.integration.web.world import (
    BY_KEY,
    CLOUDFLARE_TOKEN,
    World,
    a_message,
    deployments,
    error_of,
    workflow_signature,
)

VECTOR = json.loads((Path(__file__).parents[2] / "payloads" / "standard_webhooks.json").read_text())


@pytest.fixture
def world(migrated_sqlite_url: str) -> Iterator[World]:
    world = World(migrated_sqlite_url, platform=BY_KEY)
    world.app()
    yield world
    world.close()


# -------------------- signatures


def test_we_sign_as_everybody_does() -> None:
    signature = signing.sign(
        VECTOR["secret"], VECTOR["id"], str(VECTOR["timestamp"]), VECTOR["body"].encode()
    )
    assert f"v1,{signature}" == VECTOR["signature"]


def test_we_believe_what_everybody_signs() -> None:
    headers = {
        "Webhook-Id": VECTOR["id"],
        "Webhook-Timestamp": str(VECTOR["timestamp"]),
        "Webhook-Signature": VECTOR["signature"],
    }
    envelope = signing.Envelope.from_headers(headers)
    signing.verify(
        VECTOR["secret"],
        envelope,
        VECTOR["body"].encode(),
        datetime.fromtimestamp(VECTOR["timestamp"], UTC),
    )


@pytest.mark.parametrize(
    "headers",
    [
        {"webhook_id": None},
        {"webhook_id": ""},
        {"webhook_id": "x" * 129},
        {"webhook_id": "é"},
        {"webhook_id": "a\tb"},
        {"webhook_timestamp": None},
        {"webhook_timestamp": ""},
        {"webhook_timestamp": "now"},
        {"webhook_timestamp": "-1"},
        {"webhook_timestamp": "1.5"},
        {"webhook_timestamp": "\xb2"},
        {"webhook_timestamp": "9" * 30},
        {"webhook_timestamp": "9" * 5000},
        {"webhook_signature": None},
        {"webhook_signature": ""},
        {"webhook_signature": "v1"},
        {"webhook_signature": "v1,"},
        {"webhook_signature": "v2,abc"},
        {"webhook_signature": "v1,é"},
        {"webhook_signature": "v1a,abc"},
        {"webhook_signature": "v1,AAAA"},
    ],
    ids=repr,
)
def test_what_nobody_signed_is_refused(world: World, headers: dict[str, Any]) -> None:
    answer = world.deployment(a_message(), **headers)
    assert answer.status_code == 401
    assert error_of(answer)["code"] == "delivery:bad-signature"
    assert world.deliveries() == []
    assert deployments(world) == []


def test_a_timestamp_out_of_range_is_refused_although_signed(world: World) -> None:
    body = json.dumps(a_message()).encode()
    for timestamp in ("9" * 30, "9" * 5000, "0" * 40):
        signature = workflow_signature("app_0001", "msg_1", timestamp, body)
        answer = world.deployment(body, webhook_timestamp=timestamp, webhook_signature=signature)
        assert answer.status_code == 401


def test_one_of_several_signatures_is_enough(world: World) -> None:
    body = json.dumps(a_message()).encode()
    timestamp = str(int(world.clock().timestamp()))
    right = workflow_signature("app_0001", "msg_1", timestamp, body)
    assert world.deployment(body, webhook_signature=f"v1,AAAA v2,x {right}").status_code == 200


def test_the_key_of_another_app_opens_nothing(world: World) -> None:
    world.app(2)
    answer = world.deployment(a_message(), app_id="app_0002")
    assert answer.status_code == 401
    assert deployments(world) == []


@pytest.mark.parametrize(("first", "second"), [(1, 2), (2, 1)])
@pytest.mark.parametrize("signer", ["app_0001", "app_0002"])
def test_two_readers_of_a_body_see_one_repository(world: World, first: int, second: int, signer: str) -> None:
    world.app(2)
    named = [f'"repository": {{"id": {number}, "fullName": "acme/x"}}' for number in (first, second)]
    message = a_message()
    del message["repository"]
    body = f"{{{named[0]}, {named[1]}, {json.dumps(message)[1:]}"
    world.deployment(body.encode(), app_id=signer)
    victim = "app_0002" if signer == "app_0001" else "app_0001"
    with world.records.read() as tx:
        assert list(tx.deployments.find(victim)) == []


@pytest.mark.parametrize("repository_id", [0, 2, -1, 2**63, 10**30, 1.0, "1", True, None, [1], {}])
def test_a_repository_of_no_app_is_refused(world: World, repository_id: Any) -> None:
    answer = world.deployment(a_message(repository={"id": repository_id, "fullName": "acme/app-1"}))
    assert answer.status_code == 401
    assert error_of(answer)["code"] == "delivery:bad-signature"


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"{", b"[" * 50_000, b'{"repository": 1}', b"\xff"])
def test_what_names_no_app_is_refused(world: World, body: bytes) -> None:
    assert world.deployment(body).status_code == 401


def test_a_token_of_githubs_is_not_taken_for_a_signature(world: World) -> None:
    answer = world.ask(a_message(), issuer.token())
    assert (answer.status_code, error_of(answer)["code"]) == (401, "oidc:not-taken")
    assert "BRANCHLINE_DEPLOY_AUTH is hmac" in error_of(answer)["message"]
    assert deployments(world) == []


# -------------------- age and replay


@pytest.mark.parametrize("age", [300, 60, 0, -60, -300])
def test_five_minutes_either_way_are_tolerated(world: World, age: int) -> None:
    assert world.deployment(a_message(), age_seconds=age).status_code == 200


@pytest.mark.parametrize("age", [301, 86400, -301, -86400])
def test_more_than_five_minutes_are_not(world: World, age: int) -> None:
    answer = world.deployment(a_message(), age_seconds=age)
    assert answer.status_code == 401
    assert error_of(answer)["code"] == "delivery:stale"
    assert world.deliveries() == []


def test_a_message_is_used_once(world: World) -> None:
    world.deployment(a_message())
    before = deployments(world)
    answer = world.deployment(a_message())
    assert answer.status_code == 401
    assert error_of(answer)["code"] == "delivery:stale"
    assert CLOUDFLARE_TOKEN not in answer.text
    assert deployments(world) == before


def test_a_resend_with_a_new_id_gets_the_same_answer(world: World) -> None:
    first = world.deployment(a_message()).get_json()
    assert world.deployment(a_message(), message_id="msg_2").get_json() == first
