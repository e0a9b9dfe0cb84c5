"""Who may do what: whatever a grant is not for is refused before a byte of a body is read."""

import io
from typing import Any

import pytest
from werkzeug.test import TestResponse

from app.domain.deployments import Status
from app.domain.environments import Environment
from tests.builders import a_deployment
from tests.integration.gateway.world import (
    ACCOUNT,
    FORM,
    World,
    refused_with,
    result,
    script_path,
)


class Unread(io.RawIOBase):
    """A body that nobody may read."""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        raise AssertionError(f"{len(buffer)} bytes of the body were asked for")


UNREAD = {"wsgi.input": Unread(), "CONTENT_LENGTH": "100"}
REQUESTS = [
    ("GET", "{script}"),
    ("PUT", "{script}"),
    ("POST", "{script}/assets-upload-session"),
    ("POST", "/assets/upload?base64=true"),
    ("POST", "/assets/upload/00000000000000000000000000000000"),
    ("GET", "/scripts/{name}/secrets"),
    ("GET", "/scripts/{name}/settings"),
]


def ask(world: World, method: str, path: str, headers: dict[str, str]) -> TestResponse:
    """Ask with a body that must not be read."""
    filled = path.format(script=world.script_path, name=world.deployment.script)
    return world.call(method, filled, environ_overrides=UNREAD, headers={**FORM, **headers})


def proof(world: World, path: str) -> dict[str, str]:
    """Return what a request needs: the grant, or the token of an upload."""
    if not path.startswith("/assets"):
        return world.grant()
    return {"Authorization": f"Bearer {result(world.announce({'/a': b'a'}))['jwt']}"}


@pytest.mark.parametrize(("method", "path"), REQUESTS)
@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer", "Bearer ", "Basic YTpi", "Bearer x.y.z", "Bearer " + "x" * 9000, "Bearer \xff\xfe"],
)
def test_without_a_grant_nothing_is_possible(
    world: World, method: str, path: str, authorization: str
) -> None:
    assert refused_with(ask(world, method, path, {"Authorization": authorization})) == (401, 10000)
    assert refused_with(ask(world, method, path, {})) == (401, 10000)


@pytest.mark.parametrize(("method", "path"), REQUESTS)
def test_a_grant_ends_after_fifteen_minutes(world: World, method: str, path: str) -> None:
    headers = proof(world, path)
    world.wait(minutes=15)
    assert refused_with(ask(world, method, path, headers)) == (401, 10000)


@pytest.mark.parametrize(("method", "path"), REQUESTS)
@pytest.mark.parametrize("status", [it for it in Status if it is not Status.DEPLOYING])
def test_a_grant_ends_with_its_deployment(world: World, method: str, path: str, status: Status) -> None:
    headers = proof(world, path)
    world.become(status)
    assert refused_with(ask(world, method, path, headers)) == (403, 9109)


def test_a_grant_of_a_deployment_that_is_gone_is_refused(world: World) -> None:
    assert refused_with(ask(world, "PUT", "{script}", world.grant(a_deployment(99)))) == (403, 9109)


@pytest.mark.parametrize("path", [path for _, path in REQUESTS])
def test_the_two_kinds_of_tokens_are_not_mixed_up(world: World, path: str) -> None:
    other = world.grant() if path.startswith("/assets") else proof(world, "/assets")
    method = {path: method for method, path in REQUESTS}[path]
    assert refused_with(ask(world, method, path, other)) == (401, 10000)


def test_a_closing_token_opens_nothing(world: World) -> None:
    closing = {"Authorization": f"Bearer {world.upload({'/a': b'a'})}"}
    assert refused_with(ask(world, "POST", "/assets/upload?base64=true", closing)) == (401, 10000)


OTHERS = [
    script_path("live-production", "slug0002"),
    script_path("live-preview", "slug0001"),
    script_path("live-untrusted", "slug0001"),
    script_path("live-production", "preview-slug0001"),
    script_path("live-production", "SLUG0001"),
    script_path("live-production", "slug0001-"),
    script_path("live-production", "slug0001%20"),
    script_path("live-production", "slug0001%00"),
    script_path("live-production", "slug0001%0a"),
    script_path("live-production", "slug0001."),
    script_path("live-production", "sl\N{LATIN SMALL LETTER U}g0001\N{COMBINING DIAERESIS}"),
    script_path("live-production", "\N{CYRILLIC SMALL LETTER DZE}lug0001"),
    script_path("live-production", "a" * 64),
    script_path("live-production", "%2e%2e"),
    script_path("live-production", "..%2fslug0001"),
    script_path("live-production", "slug0002%2f..%2fslug0001"),
    script_path("live-production", "*"),
    script_path("..", "slug0001"),
    script_path("live-production%2fscripts%2fslug0002%2f..", "slug0001"),
]


@pytest.mark.parametrize("path", OTHERS)
@pytest.mark.parametrize("suffix", ["GET ", "PUT ", "POST /assets-upload-session"])
def test_a_grant_is_for_one_script_in_one_namespace(world: World, path: str, suffix: str) -> None:
    method, _, rest = suffix.partition(" ")
    status, code = refused_with(ask(world, method, path + rest, world.grant()))
    assert (status, code) in {(403, 9109), (404, 7003), (405, 7003)}


@pytest.mark.parametrize("path", ["/scripts/slug0002/secrets", "/scripts/..%2fslug0001/settings"])
def test_what_wrangler_asks_of_its_own_script_it_may_not_ask_of_others(world: World, path: str) -> None:
    assert refused_with(ask(world, "GET", path, world.grant()))[0] in {403, 404}


@pytest.mark.parametrize(
    "account",
    ["f" * 32, ACCOUNT.upper(), ACCOUNT[:-1], ACCOUNT + "0", "..", "%2e%2e", ACCOUNT + "%2f..", "ä"],
)
def test_a_grant_is_for_one_account(world: World, account: str) -> None:
    session = proof(world, "/assets")
    for headers, method, path in (
        (world.grant(), "PUT", world.script_path),
        (world.grant(), "GET", "/scripts/slug0001/secrets"),
        (session, "POST", "/assets/upload?base64=true"),
    ):
        answer = world.client.open(
            f"/accounts/{account}/workers{path}", method=method, headers=headers, environ_overrides=UNREAD
        )
        assert refused_with(answer)[0] in {403, 404, 405}


ELSEWHERE = [
    ("GET", "/client/v4/user/tokens/verify"),
    ("GET", "/user"),
    ("GET", "/memberships?page=1"),
    ("GET", "/accounts"),
    ("GET", f"/accounts/{ACCOUNT}/workers/dispatch/namespaces"),
    ("GET", f"/accounts/{ACCOUNT}/workers/dispatch/namespaces/live-production/scripts"),
    ("DELETE", f"/accounts/{ACCOUNT}/workers/dispatch/namespaces/live-production/scripts?tags=app-x:yes"),
    ("DELETE", f"/accounts/{ACCOUNT}/workers{script_path('live-production', 'slug0001')}"),
    ("PATCH", f"/accounts/{ACCOUNT}/workers{script_path('live-production', 'slug0001')}/settings"),
    ("PUT", f"/accounts/{ACCOUNT}/workers{script_path('live-production', 'slug0001')}/secrets"),
    ("GET", f"/accounts/{ACCOUNT}/workers{script_path('live-production', 'slug0001')}/content"),
    ("GET", f"/accounts/{ACCOUNT}/workers{script_path('live-production', 'slug0001')}/bindings"),
    ("PUT", f"/accounts/{ACCOUNT}/workers{script_path('live-production', 'slug0001')}/tags"),
    ("PUT", f"/accounts/{ACCOUNT}/workers{script_path('live-production', 'slug0001')}/"),
    ("PUT", f"/accounts/{ACCOUNT}/workers{script_path('live-production', '')}"),
    ("PUT", f"//accounts/{ACCOUNT}/workers{script_path('live-production', 'slug0001')}"),
    ("PUT", f"/accounts/{ACCOUNT}//workers{script_path('live-production', 'slug0001')}"),
    ("PUT", f"/accounts/{ACCOUNT}/./workers{script_path('live-production', 'slug0001')}"),
    ("PUT", f"/accounts/x/../{ACCOUNT}/workers{script_path('live-production', 'slug0001')}"),
    ("PUT", f"/accounts/{ACCOUNT}/workers/scripts/slug0001"),
    ("PUT", f"/accounts/{ACCOUNT}/workers/services/slug0001"),
    ("GET", f"/accounts/{ACCOUNT}/workers/services/slug0001"),
    ("POST", f"/accounts/{ACCOUNT}/workers/assets/upload/{'0' * 32}/x"),
    ("PUT", f"/accounts/{ACCOUNT}/workers/assets/upload"),
    ("GET", f"/accounts/{ACCOUNT}/queues"),
    ("GET", f"/accounts/{ACCOUNT}/storage/kv/namespaces"),
    ("OPTIONS", f"/accounts/{ACCOUNT}/workers{script_path('live-production', 'slug0001')}"),
    ("TRACE", f"/accounts/{ACCOUNT}/workers{script_path('live-production', 'slug0001')}"),
    ("BREW", f"/accounts/{ACCOUNT}/workers{script_path('live-production', 'slug0001')}"),
    ("POST", "/graphql"),
    ("GET", "/"),
    ("GET", ""),
]


@pytest.mark.parametrize(("method", "path"), ELSEWHERE)
def test_everything_else_is_refused_in_the_envelope(world: World, method: str, path: str) -> None:
    answer = world.client.open(path, method=method, headers=world.grant(), environ_overrides=UNREAD)
    assert refused_with(answer) in {(404, 7003), (405, 7003)}


def test_a_preview_has_no_way_to_production(world: World) -> None:
    preview = world.deploying(2, script="preview-slug0001", environment=Environment.PREVIEW, branch="feature")
    answer = world.put(headers=world.grant(preview))
    assert refused_with(answer) == (403, 9109)
    assert world.live() is None


def test_wrangler_goes_on_whether_the_script_is_there_or_not(world: World) -> None:
    name = world.deployment.script
    assert result(world.call("GET", world.script_path)) == {"script": {"id": name}}
    for what in ("secrets", "settings"):
        assert refused_with(world.call("GET", f"/scripts/{name}/{what}")) == (404, 10007)
    assert world.scripts.faults.calls == ["ensure_namespace"] * 3  # by the test alone
