"""What GitHub answers when people sign in, and what we make of it when it is nothing that we asked for."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest

from app.errors import (
    BranchlineError,
    RateLimited,
    RemoteForbidden,
    RemoteRefused,
    RemoteUnavailable,
    TooManyRequests,
    Unauthenticated,
)
from app.github.sign_in import GitHubSignIn
from app.settings import Secret, SignInSettings
from tests.fakes.clock import FakeClock

SETTINGS = SignInSettings(
    "https://github.test", "https://api.github.test", "Iv1.a/b", Secret("canary-client-secret")
)
HERE = "https://branchline.test/login/callback"


class Vendor:
    """A GitHub that answers what a test put into it."""

    def __init__(self) -> None:
        self.answer: Callable[[httpx.Request], httpx.Response] = lambda _: httpx.Response(500)
        self.asked: list[httpx.Request] = []
        self.clock = FakeClock()
        transport = httpx.MockTransport(self._take)
        self.port = GitHubSignIn(SETTINGS, self.clock, transport=transport)

    def says(self, body: Any, status: int = 200, **headers: str) -> None:
        self.answer = lambda _: httpx.Response(status, json=body, headers=headers)

    def _take(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        return self.answer(request)


@pytest.fixture
def vendor() -> Iterator[Vendor]:
    vendor = Vendor()
    yield vendor
    vendor.port.close()


def exchange(vendor: Vendor) -> str:
    return vendor.port.exchange(code="c", verifier="v", redirect_uri=HERE)


CALLS: list[Callable[[Vendor], object]] = [
    exchange,
    lambda it: it.port.begin_device(),
    lambda it: it.port.finish_device("d"),
    lambda it: it.port.account("gho_canary"),
    lambda it: it.port.revoke("gho_canary"),
]


def fails(call: Callable[[Vendor], object], vendor: Vendor) -> BranchlineError:
    with pytest.raises(BranchlineError) as caught:
        call(vendor)
    assert "canary" not in str(caught.value)
    return caught.value


def test_a_code_is_exchanged_with_what_proves_that_it_is_ours(vendor: Vendor) -> None:
    vendor.says({"access_token": "gho_1", "token_type": "bearer", "scope": "", "expires_in": 28_800})
    assert exchange(vendor) == "gho_1"
    [request] = vendor.asked
    assert str(request.url) == "https://github.test/login/oauth/access_token"
    assert request.headers["Accept"] == "application/json"
    assert parse_qs(request.content.decode()) == {
        "client_id": ["Iv1.a/b"],
        "client_secret": ["canary-client-secret"],
        "code": ["c"],
        "code_verifier": ["v"],
        "redirect_uri": [HERE],
    }


def test_a_device_bears_no_secret(vendor: Vendor) -> None:
    vendor.says({"error": "authorization_pending"})
    assert vendor.port.finish_device("d") is None
    assert b"secret" not in vendor.asked[0].content


def test_a_token_is_taken_back_by_the_application_alone(vendor: Vendor) -> None:
    vendor.answer = lambda _: httpx.Response(204)
    vendor.port.revoke("gho_1")
    [request] = vendor.asked
    assert request.method == "DELETE"
    assert str(request.url) == "https://api.github.test/applications/Iv1.a%2Fb/token"
    assert request.headers["Authorization"].startswith("Basic ")


@pytest.mark.parametrize("status", [404, 422])
def test_a_token_that_is_gone_is_taken_back(vendor: Vendor, status: int) -> None:
    vendor.says({"message": "Not Found"}, status)
    vendor.port.revoke("gho_1")


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("status", [500, 502, 503])
def test_a_github_that_is_unwell_is_away(
    vendor: Vendor, call: Callable[[Vendor], object], status: int
) -> None:
    vendor.says({}, status)
    assert type(fails(call, vendor)) is RemoteUnavailable


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("kind", [httpx.ConnectError, httpx.ReadTimeout, httpx.RemoteProtocolError])
def test_a_github_that_does_not_answer_is_away(
    vendor: Vendor, call: Callable[[Vendor], object], kind: type[httpx.TransportError]
) -> None:
    def refuse(_: httpx.Request) -> httpx.Response:
        raise kind("canary")

    vendor.answer = refuse
    assert type(fails(call, vendor)) is RemoteUnavailable


@pytest.mark.parametrize("call", CALLS)
def test_a_pause_that_github_asks_for_is_passed_on(vendor: Vendor, call: Callable[[Vendor], object]) -> None:
    vendor.says({}, 429, **{"Retry-After": "7"})
    error = fails(call, vendor)
    assert isinstance(error, RateLimited)
    assert error.retry_at == vendor.clock() + timedelta(seconds=7)


@pytest.mark.parametrize("call", CALLS[:-1])
@pytest.mark.parametrize("body", ["[]", "7", '"x"', "<html>", "", "{}", '{"access_token": 7, "id": "x"}'])
def test_what_is_no_answer_is_none(vendor: Vendor, call: Callable[[Vendor], object], body: str) -> None:
    vendor.answer = lambda _: httpx.Response(200, text=body)
    assert isinstance(fails(call, vendor), RemoteUnavailable)


@pytest.mark.parametrize(
    "word", ["incorrect_client_credentials", "redirect_uri_mismatch", "device_flow_disabled", "x" * 500]
)
@pytest.mark.parametrize("call", CALLS[:3])
def test_what_an_operator_has_to_mend_says_so(
    vendor: Vendor, call: Callable[[Vendor], object], word: str
) -> None:
    vendor.says({"error": word, "error_description": "canary"})
    error = fails(call, vendor)
    assert isinstance(error, RemoteForbidden)
    assert error.error_code == "sign-in:misconfigured"
    assert "operator" in error.message
    assert len(error.message) < 300


@pytest.mark.parametrize("word", ["bad_verification_code", "access_denied", "expired_token"])
def test_what_is_over_is_begun_again(vendor: Vendor, word: str) -> None:
    vendor.says({"error": word})
    assert isinstance(fails(exchange, vendor), Unauthenticated)


@pytest.mark.parametrize(("body", "seconds"), [({"interval": 15}, 15), ({}, 10)])
def test_a_device_that_hurries_is_told_to_wait(vendor: Vendor, body: dict[str, int], seconds: int) -> None:
    vendor.says({"error": "slow_down", **body})
    error = fails(lambda it: it.port.finish_device("d"), vendor)
    assert isinstance(error, TooManyRequests)
    assert error.retry_after_seconds == seconds


def test_a_token_that_is_refused_is_nobodys(vendor: Vendor) -> None:
    vendor.says({"message": "Bad credentials"}, 401)
    assert isinstance(fails(lambda it: it.port.account("gho_canary"), vendor), Unauthenticated)
    vendor.says({"message": "Suspended"}, 403)
    assert isinstance(fails(lambda it: it.port.account("gho_canary"), vendor), RemoteRefused)


def test_an_account_without_a_name_has_none(vendor: Vendor) -> None:
    vendor.says({"id": 7, "login": "ada", "name": None, "avatar_url": ""})
    account = vendor.port.account("gho_1")
    assert (account.id, account.login, account.name, account.avatar_url) == (7, "ada", None, None)
