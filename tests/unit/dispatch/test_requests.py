"""What comes back of a call, whoever wrote it, is a reply or one of our errors."""

import json
from typing import Any

import httpx
import pytest

from app.dispatch.requests import refusal, reply_headers
from app.errors import Gone, RemoteRefused
from app.ports import Call

CALL = Call("worker", "hello", b"1", 30)


def refused(status: int, body: bytes) -> Any:
    with pytest.raises((RemoteRefused, Gone)) as error:
        refusal(CALL, httpx.Response(status), body)
    return error.value


@pytest.mark.parametrize("body", [b"oops", b"\xff", b"[1]", b'{"logs": null}', b"[" * 100_000])
@pytest.mark.parametrize(
    ("status", "told"),
    [(200, "does not answer as a worker does (status 200)"), (500, "failed while answering (status 500)")],
)
def test_what_no_worker_says_is_said_to_be_so(body: bytes, status: int, told: str) -> None:
    error = refused(status, body)
    assert (error.error_code, error.message) == ("worker:failed", f"invoking hello of worker: it {told}")


@pytest.mark.parametrize(
    ("error", "details"),
    [
        (
            {"details": {"expiredAt": "2026-11-22T12:00:00Z", "more": 1}},
            {"expiredAt": "2026-11-22T12:00:00Z"},
        ),
        ({"details": None}, {}),
        ({"details": ["expiredAt"]}, {}),
        ({"details": {"expiredAt": [[1]]}}, {}),
        ("x", {}),
        (None, {}),
    ],
)
def test_of_what_has_expired_nothing_is_told_but_since_when(error: Any, details: dict[str, str]) -> None:
    assert refused(410, json.dumps({"error": error}).encode()).details == details


@pytest.mark.parametrize(
    ("value", "told"), [(b"30", {"Retry-After": "30"}), ("日".encode(), {}), (b"\xff", {}), (b"", {})]
)
def test_a_header_that_we_could_not_write_is_not_passed_back(value: bytes, told: dict[str, str]) -> None:
    assert reply_headers(httpx.Response(429, headers=[(b"retry-after", value)])) == told
