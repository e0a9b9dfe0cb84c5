"""What GitHub delivers: verified, kept once, answered."""

import json
import logging
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.test import EnvironBuilder, run_wsgi_app

from app.domain.deliveries import DeliverySource, DeliveryStatus
from tests.builders import NOON
from tests.integration.web.world import WEBHOOK_SECRET, World, error_of, github_signature
from tests.proofs import pick

BODY = b'{"ref": "refs/heads/main"}'
MIBIBYTE = 1024 * 1024


def test_a_delivery_is_kept_as_it_came(world: World) -> None:
    answer = world.github(BODY, User_Agent="GitHub-Hookshot/1", X_GitHub_Hook_ID="7")
    assert (answer.status_code, answer.get_json()) == (202, {"delivery": "guid-1", "known": False})
    (delivery,) = world.deliveries()
    assert delivery.body == BODY
    assert delivery.headers == {
        "X-GitHub-Event": "push",
        "X-GitHub-Delivery": "guid-1",
        "X-GitHub-Hook-ID": "7",
        "User-Agent": "GitHub-Hookshot/1",
        "Content-Type": "application/json",
    }
    assert (delivery.guid, delivery.source, delivery.event) == ("guid-1", DeliverySource.GITHUB, "push")
    assert (delivery.status, delivery.received_at) == (DeliveryStatus.WAITING, NOON)


def test_a_delivery_needs_no_api_token(world: World) -> None:
    assert world.github(BODY, Authorization="Bearer wrong").status_code == 202


# -------------------- signatures


VALID = github_signature(BODY)
WRONG: dict[str, str | None] = {
    "missing": None,
    "empty": "",
    "only the scheme": "sha256=",
    "sha1": "sha1=" + VALID.removeprefix("sha256="),
    "no scheme": VALID.removeprefix("sha256="),
    "capitals": "sha256=" + VALID.removeprefix("sha256=").upper(),
    "capital scheme": "SHA256=" + VALID.removeprefix("sha256="),
    "63 digits": VALID[:-1],
    "65 digits": VALID + "0",
    "space before": " " + VALID[:-1] + "\t",
    "space inside": VALID.replace("=", "= "),
    "two values": f"{VALID},{VALID}",
    "not hexadecimal": "sha256=" + "g" * 64,
    "not ASCII": "sha256=" + "é" * 64,
    "full-width digits": "sha256=" + "\xb2" * 64,
    "another body's": github_signature(BODY + b" "),
    "another secret's": github_signature(BODY, WEBHOOK_SECRET + "x"),
    "the empty secret's": github_signature(BODY, ""),
    "the secret with a newline": github_signature(BODY, WEBHOOK_SECRET + "\n"),
}


@pytest.mark.parametrize("signature", WRONG.values(), ids=WRONG.keys())
def test_what_nobody_signed_is_not_kept(world: World, signature: str | None) -> None:
    answer = world.github(BODY, X_Hub_Signature_256=signature)
    assert answer.status_code == 401
    assert error_of(answer)["code"] == "delivery:bad-signature"
    assert world.deliveries() == []
    assert world.github(BODY).status_code == 202


def test_two_signatures_are_none(world: World) -> None:
    headers = [
        ("Content-Type", "application/json"),
        ("X-GitHub-Event", "push"),
        ("X-GitHub-Delivery", "guid-1"),
        ("X-Hub-Signature-256", VALID),
        ("X-Hub-Signature-256", VALID),
    ]
    assert world.client.post("/webhooks/github", data=BODY, headers=headers).status_code == 401
    assert world.deliveries() == []


def test_only_the_header_of_today_counts(world: World) -> None:
    answer = world.github(BODY, X_Hub_Signature_256=None, X_Hub_Signature=VALID)
    assert answer.status_code == 401


@settings(
    max_examples=pick(short=30, full=500),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    signature=st.text(st.characters(max_codepoint=255, exclude_characters="\r\n"), max_size=80),
    event=st.text(st.characters(max_codepoint=255, exclude_characters="\r\n"), max_size=120),
    body=st.binary(max_size=50),
)
def test_no_header_breaks_the_receiver(world: World, signature: str, event: str, body: bytes) -> None:
    answer = world.github(body, event=event, X_Hub_Signature_256=signature)
    assert answer.status_code == 401


# -------------------- bodies


UNREADABLE = {
    "nothing": b"",
    "half": b'{"ref": ',
    "list": b"[]",
    "null": b"null",
    "number": b"1",
    "string": b'"x"',
    "deep": b"[" * 100_000,
    "deep object": b'{"a":' * 100_000,
    "form": b"payload=%7B%7D",
    "NUL": b"\0",
}


@pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_what_cannot_be_read_is_refused_although_signed(world: World, body: bytes) -> None:
    answer = world.github(body)
    assert answer.status_code == 400
    assert error_of(answer)["code"] == "delivery:malformed"
    assert world.deliveries() == []
    assert world.github(BODY).status_code == 202


ODD = {
    "empty object": b"{}",
    "no repository": b'{"repository": null}',
    "infinity": b'{"a": 1e400}',
    "not a number": b'{"a": NaN}',
    "half a character": b'{"a": "\\ud800"}',
    "a name twice": b'{"a": 1, "a": 2}',
    "byte order mark": b"\xef\xbb\xbf{}",
    "blanks around": b"\r\n {} \n",
    "two objects": b"{}{}",
    "not UTF-8": b'{"a": "\xff"}',
    "a number of 5,000 digits": b'{"a": ' + b"1" * 5000 + b"}",
    "1,000 deep": b'{"a":' * 1000 + b"1" + b"}" * 1000,
}


@pytest.mark.parametrize("body", ODD.values(), ids=ODD.keys())
def test_what_is_odd_is_kept_for_the_worker_to_judge(world: World, body: bytes) -> None:
    assert world.github(body).status_code == 202
    assert [delivery.body for delivery in world.deliveries()] == [body]


@pytest.mark.parametrize(
    "content_type", ["application/x-www-form-urlencoded", "text/plain", "", None, "application/jsonp"]
)
def test_a_webhook_of_the_wrong_content_type_is_told_what_to_set(
    world: World, content_type: str | None
) -> None:
    answer = world.github(BODY, Content_Type=content_type)
    assert answer.status_code == 400
    assert "set its content type to application/json" in error_of(answer)["message"]


def test_a_form_is_told_what_to_set(world: World) -> None:
    answer = world.github(b"payload=%7B%7D", Content_Type="application/x-www-form-urlencoded")
    assert answer.status_code == 400
    assert "application/json" in error_of(answer)["message"]


def test_a_charset_is_fine(world: World) -> None:
    assert world.github(BODY, Content_Type="application/json; charset=utf-8").status_code == 202


@pytest.mark.parametrize("header", ["X_GitHub_Event", "X_GitHub_Delivery"])
@pytest.mark.parametrize("value", [None, "", "x" * 101])
def test_a_delivery_says_what_it_is(world: World, header: str, value: str | None) -> None:
    headers: dict[str, Any] = {header: value}
    answer = world.github(BODY, **headers)
    assert answer.status_code == 400
    assert header.replace("_", "-") in error_of(answer)["message"]
    assert world.deliveries() == []


class Endless:
    """A body that counts what is read of it and never ends."""

    def __init__(self) -> None:
        self.read_bytes = 0

    def read(self, size: int = -1) -> bytes:
        assert size > 0, "the whole body was asked for at once"
        self.read_bytes += size
        return b"x" * size

    def readline(self, size: int = -1) -> bytes:
        return self.read(size)

    def __iter__(self) -> Iterator[bytes]:
        while True:
            yield self.read(1024)


def send_raw(world: World, path: str, stream: Any, **environ: Any) -> tuple[int, dict[str, Any]]:
    """Send a body as a server hands it over; returns status and error."""
    builder = EnvironBuilder(path=path, method="POST", content_type="application/json")
    raw = {**builder.get_environ(), "wsgi.input": stream, **environ}
    body, status, _ = run_wsgi_app(world.web, raw, buffered=True)
    return int(status[:3]), json.loads(b"".join(body))["error"]


@pytest.mark.parametrize("length", [25 * MIBIBYTE + 1, 5 * 1024**3, 10**30])
def test_a_body_that_says_it_is_too_large_is_not_read(world: World, length: int) -> None:
    stream = Endless()
    status, error = send_raw(world, "/webhooks/github", stream, CONTENT_LENGTH=str(length))
    assert (status, error["code"]) == (413, "delivery:too-large")
    assert stream.read_bytes == 0


def test_a_body_without_an_end_is_read_up_to_the_limit(world: World) -> None:
    stream = Endless()
    chunked = {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}
    signature = {"HTTP_X_HUB_SIGNATURE_256": github_signature(b"")}
    status, error = send_raw(world, "/webhooks/github", stream, **chunked, **signature)
    assert (status, error["code"]) == (413, "delivery:too-large")
    assert stream.read_bytes <= 26 * MIBIBYTE


def test_an_unsigned_body_is_not_read(world: World) -> None:
    stream = Endless()
    chunked = {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}
    status, error = send_raw(world, "/webhooks/github", stream, **chunked)
    assert (status, error["code"]) == (401, "delivery:bad-signature")
    assert stream.read_bytes == 0


def test_a_body_of_25_mebibytes_is_taken(world: World) -> None:
    body = b'{"a": "' + b"x" * (25 * MIBIBYTE - 9) + b'"}'
    assert len(body) == 25 * MIBIBYTE
    assert world.github(body).status_code == 202


@pytest.mark.parametrize("length", ["-1", "x", "1.5", ""])
def test_a_length_that_is_none_is_refused(world: World, length: str) -> None:
    status, error = send_raw(world, "/webhooks/github", Endless(), CONTENT_LENGTH=length)
    assert (status, error["code"]) == (401, "delivery:bad-signature")


# -------------------- duplicates


def test_a_delivery_is_kept_once(world: World) -> None:
    world.github(BODY)
    kept = world.deliveries()
    world.clock.advance(60)
    answer = world.github(BODY)
    assert (answer.status_code, answer.get_json()) == (202, {"delivery": "guid-1", "known": True})
    assert world.deliveries() == kept


def test_a_known_id_with_another_body_changes_nothing(world: World) -> None:
    world.github(BODY)
    assert world.github(b'{"ref": "refs/heads/evil"}').get_json()["known"] is True
    assert [delivery.body for delivery in world.deliveries()] == [BODY]


def test_each_delivery_is_kept_once_however_many_send_it(world: World) -> None:
    ids = [f"guid-{number}" for number in range(25)]

    def send(guid: str) -> tuple[int, bool]:
        # A busy database answers 503 and is asked again, as GitHub's redelivery does.
        for _ in range(100):
            answer = world.github(BODY, guid=guid)
            if answer.status_code != 503:
                return answer.status_code, answer.get_json()["known"]
            time.sleep(0.01)
        raise AssertionError("the database stays busy")

    with ThreadPoolExecutor(16) as senders:
        answers = list(senders.map(send, [guid for guid in ids for _ in range(16)]))
    assert {status for status, _ in answers} == {202}
    assert [known for _, known in answers].count(False) == len(ids)
    assert sorted(delivery.guid for delivery in world.deliveries()) == sorted(ids)


# -------------------- secrets


def test_only_harmless_headers_are_kept(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    world.github(
        BODY,
        X_GitHub_Encoded_Secret="canary-encoded-secret",
        Authorization="Bearer canary-authorization",
        Cookie="session=canary-cookie",
        X_Forwarded_For="canary-address",
    )
    held = world.dump() + caplog.text
    assert "canary" not in held
    assert VALID not in held
    assert "X-Hub-Signature-256" not in world.deliveries()[0].headers


def test_a_refusal_tells_nothing_of_the_secret(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    answer = world.github(BODY, X_Hub_Signature_256=github_signature(BODY, "wrong"))
    assert WEBHOOK_SECRET not in answer.text + caplog.text
    assert VALID not in answer.text + caplog.text


# -------------------- troubles


def test_a_locked_database_is_not_acknowledged(world: World) -> None:
    with world.database.connect() as other:
        other.exec_driver_sql("ROLLBACK")
        other.exec_driver_sql("BEGIN IMMEDIATE")
        answer = world.github(BODY)
        other.exec_driver_sql("ROLLBACK")
        other.exec_driver_sql("BEGIN")
    assert answer.status_code == 503
    assert error_of(answer)["code"] == "database:unavailable"
    assert world.github(BODY).status_code == 202


@pytest.mark.parametrize("path", ["/webhooks/github", "/webhooks/deployments"])
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_a_webhook_is_posted(world: World, path: str, method: str) -> None:
    answer = world.client.open(path, method=method)
    assert answer.status_code == 405
    assert error_of(answer)["code"] == "request:method-not-allowed"
    assert set(answer.headers["Allow"].split(", ")) == {"POST", "OPTIONS"}
