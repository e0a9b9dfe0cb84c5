"""What may go wrong with an app's files over HTTP; and that all of it is answered as it is described."""

import base64
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from werkzeug.test import TestResponse

from app.domain.apps import AppStatus
from app.domain.git import blob_name
from app.errors import RateLimited, RemoteForbidden, RemoteUnavailable
from app.web.outside import Gate
from tests.fakes.code_host_files import code_host
from tests.integration.web.described import assert_described
from tests.integration.web.files import EXPORT, FILES, ICON, RAW, README, commit, put_raw, send, with_files
from tests.integration.web.world import AUTHORIZED, World, error_of


@pytest.fixture
def world(world: World) -> World:
    return with_files(world)


# -------------------- what may go wrong


CALLS: Final[list[tuple[str, Callable[[World], TestResponse]]]] = [
    ("list", lambda world: send(world, "GET", FILES)),
    ("read", lambda world: send(world, "GET", f"{FILES}/README.md")),
    ("write", lambda world: put_raw(world, "README.md", b"new")),
    ("delete", lambda world: world.call("DELETE", f"{FILES}/README.md")),
    ("commit", commit),
    ("export", lambda world: send(world, "GET", EXPORT)),
]
every_call = pytest.mark.parametrize("call", [it[1] for it in CALLS], ids=[it[0] for it in CALLS])


@every_call
@pytest.mark.parametrize("status", [AppStatus.PROVISIONING, AppStatus.DETACHED, AppStatus.DELETING])
def test_an_app_in_motion_is_not_reached(
    migrated_sqlite_url: str, call: Callable[[World], TestResponse], status: AppStatus
) -> None:
    world = World(migrated_sqlite_url)
    world.app(1, status=status)
    answer = call(world)
    assert (answer.status_code, error_of(answer)["code"]) == (409, f"app:{status}")
    world.close()


@every_call
def test_an_app_that_is_not_there_is_not_found(
    migrated_sqlite_url: str, call: Callable[[World], TestResponse]
) -> None:
    world = World(migrated_sqlite_url)
    answer = call(world)
    assert (answer.status_code, error_of(answer)["code"]) == (404, "app:not-found")
    world.close()


@every_call
@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (RemoteUnavailable("away"), 503, "remote:unavailable"),
        (RemoteForbidden("no", code="repository:archived"), 502, "repository:archived"),
    ],
)
def test_trouble_of_the_code_host_reaches_the_caller(
    world: World,
    call: Callable[[World], TestResponse],
    error: RemoteUnavailable | RemoteForbidden,
    status: int,
    code: str,
) -> None:
    world.host.fail_next(error)
    answer = call(world)
    assert (answer.status_code, error_of(answer)["code"]) == (status, code)


@every_call
def test_a_rate_limit_says_when_to_come_again(world: World, call: Callable[[World], TestResponse]) -> None:
    world.host.fail_next(RateLimited("slow down", retry_at=datetime.now(UTC) + timedelta(seconds=30)))
    answer = call(world)
    assert answer.status_code == 503
    assert 25 <= int(answer.headers["Retry-After"]) <= 30


@every_call
def test_when_all_places_are_taken_nobody_waits(
    migrated_sqlite_url: str, call: Callable[[World], TestResponse]
) -> None:
    calls, downloads = Gate(1), Gate(1)
    world = World(migrated_sqlite_url, calls=calls, downloads=downloads)
    world.app(1)
    world.host.add_repository("acme/app-1", {"README.md": README})
    with ExitStack() as taken:
        taken.enter_context(calls.entered("testing"))
        taken.enter_context(downloads.entered("testing"))
        answer = call(world)
        assert (answer.status_code, error_of(answer)["code"]) == (503, "request:overloaded")
        assert answer.headers["Retry-After"] == "1"
        assert world.host.faults.calls == []
    assert call(world).status_code < 300
    world.close()


@every_call
def test_a_token_is_needed_before_anything_is_looked_at(
    world: World, call: Callable[[World], TestResponse], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(AUTHORIZED, "Authorization", "Bearer wrong")
    answer = call(world)
    assert (answer.status_code, error_of(answer)["code"]) == (401, "request:unauthenticated")
    assert world.host.faults.calls == []


def test_the_code_host_is_made_when_it_is_needed(migrated_sqlite_url: str) -> None:
    made = list[str]()
    world: World

    def make() -> Any:
        made.append("code host")
        return code_host(world.host)

    world = World(migrated_sqlite_url, code_host=make)
    world.app(1)
    world.host.add_repository("acme/app-1", {"README.md": README})
    assert (world.get("/api/apps/app-1")["name"], made) == ("app-1", [])
    assert (world.get(FILES)["truncated"], made) == (False, ["code host"])
    world.close()


# -------------------- what is described


IF_OLD: Final = {"If-Match": f'"{"0" * 40}"'}
ONE: Final = "/api/apps/{app}/files/{path}"
DESCRIBED: Final = [
    ("GET", "/api/apps/{app}/files", "", 200, {}),
    ("GET", "/api/apps/{app}/files", "", 404, {"query_string": {"ref": "nothing"}}),
    ("GET", ONE, "README.md", 200, {}),
    ("GET", ONE, "README.md", 200, {"headers": {"Accept": RAW}}),
    ("GET", ONE, "README.md", 304, {"headers": {"If-None-Match": f'"{blob_name(README)}"'}}),
    ("GET", ONE, "nothing", 404, {}),
    ("GET", ONE, "src", 409, {}),
    ("PUT", ONE, "new.txt", 201, {"json": {"content": "new"}}),
    ("PUT", ONE, "README.md", 200, {"json": {"content": "new"}}),
    ("PUT", ONE, ".git/config", 400, {"json": {"content": "new"}}),
    ("PUT", ONE, "README.md", 400, {"json": {"colour": "blue"}}),
    ("PUT", ONE, "x", 412, {"json": {"content": ""}, "headers": IF_OLD}),
    ("PUT", ONE, "x", 413, {"data": b"x" * 2_000_000, "headers": {"Content-Type": RAW}}),
    ("DELETE", ONE, "README.md", 200, {}),
    ("DELETE", ONE, "nothing", 404, {}),
    ("DELETE", ONE, "README.md", 412, {"headers": IF_OLD}),
    ("POST", "/api/apps/{app}/commits", "", 400, {"json": {"message": "", "files": []}}),
    ("GET", "/api/apps/{app}/export", "", 400, {"query_string": {"format": "rar"}}),
    ("GET", "/api/apps/{app}/export", "", 404, {"query_string": {"ref": "nothing"}}),
]


@pytest.mark.parametrize(
    ("method", "path", "at", "status", "given"),
    DESCRIBED,
    ids=[f"{it[0]} {it[1]} {it[3]}" for it in DESCRIBED],
)
def test_what_is_answered_is_what_is_described(  # noqa: PLR0917
    world: World, method: str, path: str, at: str, status: int, given: dict[str, Any]
) -> None:
    document = world.client.get("/api/openapi.json").get_json()
    answer = send(world, method, path.format(app="app-1", path=at), **given)
    assert answer.status_code == status
    described = document["paths"][path][method.lower()]["responses"][str(status)]
    if answer.mimetype == RAW:
        assert described["content"][RAW]["schema"]["format"] == "binary"
    elif status != 304:
        assert_described(document, method, path, answer)


@pytest.mark.parametrize("status", [200, 201, 202, 404, 409])
def test_commits_are_answered_as_described(world: World, status: int) -> None:
    document = world.client.get("/api/openapi.json").get_json()
    icon = {"content": base64.b64encode(ICON).decode(), "encoding": "base64"}
    bodies: dict[int, dict[str, Any]] = {
        200: {"files": [{"path": "README.md", "content": README.decode()}]},
        201: {"branch": "blue", "createBranch": True, "pullRequest": {"title": "Blue"}},
        202: {"files": [{"path": f"{n}.png", **icon} for n in range(5)]},
        404: {"branch": "nothing"},
        409: {"parent": "0" * 40},
    }
    answer = commit(world, **bodies[status])
    assert answer.status_code == status
    assert_described(document, "POST", "/api/apps/{app}/commits", answer)
