import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from app.cloudflare.client import Cloudflare
from app.cloudflare.scripts import CloudflareScripts
from app.errors import (
    BranchlineError,
    RateLimited,
    RemoteForbidden,
    RemoteMissing,
    RemoteRefused,
    RemoteUnavailable,
)
from app.ports import DeployAccess
from tests.accounts import cloudflare_settings
from tests.fakes.bundles import FakeBundles

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SETTINGS = cloudflare_settings()
TOKEN = SETTINGS.api_token.reveal()
SCRIPT = "/client/v4/accounts/acc/workers/dispatch/namespaces/live/scripts/hello"
Handler = Callable[[httpx.Request], httpx.Response]


def speaking_to(handler: Handler) -> CloudflareScripts:
    client = Cloudflare(SETTINGS, lambda: NOW, transport=httpx.MockTransport(handler))
    return CloudflareScripts(client, SETTINGS, FakeBundles())


def ok(result: Any) -> httpx.Response:
    return httpx.Response(200, json={"success": True, "errors": [], "messages": [], "result": result})


def failed(status: int, code: int = 1000, message: str = "no", **headers: str) -> httpx.Response:
    errors = [{"code": code, "message": message}]
    body = {"success": False, "errors": errors, "messages": [], "result": None}
    return httpx.Response(status, json=body, headers={**headers, "CF-Ray": "ray-1"})


def test_tags_are_read_with_our_token() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return ok(["app-1", "env-production"])

    assert speaking_to(answer).tags("live", "hello") == ["app-1", "env-production"]
    assert (seen[0].method, seen[0].url.path) == ("GET", f"{SCRIPT}/tags")
    assert seen[0].headers["Authorization"] == f"Bearer {TOKEN}"


def test_a_script_without_tags_is_not_an_absent_one() -> None:
    assert speaking_to(lambda _: ok(None)).tags("live", "hello") == []


@pytest.mark.parametrize("code", [10007, 10092])
def test_an_absent_script_has_no_tags_and_needs_no_deletion(code: int) -> None:
    scripts = speaking_to(lambda _: failed(404, code, "This Worker does not exist"))
    assert scripts.tags("live", "hello") is None
    assert scripts.delete("live", "hello") is False


def test_an_absent_namespace_is_not_an_absent_script() -> None:
    scripts = speaking_to(lambda _: failed(404, 100119, "namespace not found"))
    for look in (scripts.tags, scripts.delete):
        with pytest.raises(RemoteMissing, match=r"hello in live: namespace not found \(100119\)"):
            look("live", "hello")


def test_deleting_does_not_stop_at_bindings() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return ok(None)

    assert speaking_to(answer).delete("live", "hello") is True
    assert (seen[0].method, seen[0].url.path, seen[0].url.query) == ("DELETE", SCRIPT, b"force=true")


def test_names_are_quoted() -> None:
    seen: list[bytes] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.url.raw_path)
        return ok([])

    speaking_to(answer).tags("live", "../../zones?x")
    assert seen[0].endswith(b"/live/scripts/..%2F..%2Fzones%3Fx/tags")


class Namespaces:
    """Answers as Cloudflare does; `is_beaten` lets somebody else create the namespace first."""

    def __init__(self, *, exists: bool, is_beaten: bool = False) -> None:
        self.exists = exists
        self.is_beaten = is_beaten
        self.created: list[Any] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            return ok({"namespace_name": "live"}) if self.exists else failed(404, 100119)
        self.exists = True
        if self.is_beaten:
            return failed(409, 100120, "name already taken")
        self.created.append(json.loads(request.content))
        return ok({"namespace_name": "live"})


def test_an_absent_namespace_is_created_once() -> None:
    cloudflare = Namespaces(exists=False)
    scripts = speaking_to(cloudflare)
    scripts.ensure_namespace("live")
    scripts.ensure_namespace("live")
    assert cloudflare.created == [{"name": "live"}]


def test_a_namespace_that_somebody_else_just_created_is_fine() -> None:
    speaking_to(Namespaces(exists=False, is_beaten=True)).ensure_namespace("live")


def test_a_refused_creation_is_told() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return failed(404, 100119) if request.method == "GET" else failed(403, 10023, "no entitlement")

    with pytest.raises(RemoteForbidden, match=r"^creating namespace live: no entitlement \(10023\)$"):
        speaking_to(answer).ensure_namespace("live")


def test_a_run_deploys_with_our_access() -> None:
    expected = DeployAccess("https://api.cloudflare.test/client/v4", "acc", TOKEN)
    assert speaking_to(lambda _: ok(None)).access() == expected


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (failed(400, 10021, "invalid"), RemoteRefused),
        (failed(400, 6003, "Invalid request headers"), RemoteForbidden),
        (failed(400, 9106, "Missing Authorization headers"), RemoteForbidden),
        (failed(401, 10000, "Authentication error"), RemoteForbidden),
        (failed(403, 10000, "Authentication error"), RemoteForbidden),
        (failed(404, 7003, "no route"), RemoteMissing),
        (failed(500), RemoteUnavailable),
        (failed(503), RemoteUnavailable),
        (httpx.Response(502, text="<html>Bad gateway"), RemoteUnavailable),
        (httpx.Response(200, text="<html>Sign in to the guest network"), RemoteUnavailable),
        (httpx.Response(200, json=[]), RemoteUnavailable),
        (failed(200, 10013, "An unknown error"), RemoteRefused),
        (httpx.Response(400, json={"success": False, "errors": "odd"}), RemoteRefused),
        (httpx.Response(400, json={"success": False, "errors": ["odd", None]}), RemoteRefused),
    ],
)
def test_an_error_says_who_can_fix_it(answer: httpx.Response, expected: type[BranchlineError]) -> None:
    with pytest.raises(BranchlineError, match=r"^reading the tags of hello in live: ") as caught:
        speaking_to(lambda _: answer).tags("live", "hello")
    assert type(caught.value) is expected
    assert caught.value.details["status"] == answer.status_code


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "17"}, 17),
        ({"Retry-After": "soon"}, 300),
        ({}, 300),
        ({"Retry-After": "99999"}, 3600),
    ],
)
def test_a_rate_limit_says_when_to_come_back(headers: dict[str, str], seconds: int) -> None:
    scripts = speaking_to(lambda _: failed(429, 971, "slow down", **headers))
    with pytest.raises(RateLimited) as caught:
        scripts.tags("live", "hello")
    assert caught.value.retry_at == NOW + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "error", [httpx.ConnectError, httpx.ReadTimeout, httpx.RemoteProtocolError, httpx.PoolTimeout]
)
def test_no_answer_is_unavailable_and_shows_no_token(error: type[httpx.TransportError]) -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        raise error("gone")

    with pytest.raises(RemoteUnavailable, match=error.__name__) as caught:
        speaking_to(answer).delete("live", "hello")
    assert TOKEN not in str(caught.value)


def test_cloudflares_codes_and_ray_are_kept_as_facts() -> None:
    with pytest.raises(RemoteRefused) as caught:
        speaking_to(lambda _: failed(400, 10021, "invalid")).tags("live", "hello")
    assert caught.value.details == {"status": 400, "codes": [10021], "ray": "ray-1"}


def test_a_refusal_that_says_when_to_come_back_is_a_limit() -> None:
    """The API says 403 for ever; its edge, which knows no envelope, says it with Retry-After."""
    scripts = speaking_to(lambda _: httpx.Response(403, headers={"Retry-After": "7"}, text="<html>"))
    with pytest.raises(RateLimited) as caught:
        scripts.tags("live", "hello")
    assert caught.value.retry_at == NOW + timedelta(seconds=7)
