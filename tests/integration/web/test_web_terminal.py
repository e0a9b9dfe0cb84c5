"""The sign-in of a terminal over HTTP: how it waits, fails and ends, and how often anybody may try."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NoReturn

import pytest
from werkzeug.test import TestResponse

from app.domain.events import Selection, Tag
from app.errors import RemoteUnavailable, Unauthenticated
from app.pipeline.tokens import MAXIMUM_TOKENS
from app.web.outside import Gate
from tests.fakes.sign_in import FakeSignIn
from tests.integration.web.bearers import Headers, borne, call, me
from tests.integration.web.described import assert_described
from tests.integration.web.people import a_person, bearing
from tests.integration.web.world import World, error_of


@pytest.fixture
def github() -> FakeSignIn:
    return FakeSignIn(is_patient=True)


@pytest.fixture
def world(migrated_sqlite_url: str, github: FakeSignIn) -> Iterator[World]:
    world = World(migrated_sqlite_url, sign_in=github)
    yield world
    world.close()


@pytest.fixture
def ada(world: World) -> Headers:
    return bearing(world, a_person(world, "ada"))


# -------------------- the sign-in of a terminal


def wait(world: World, code: str, **body: Any) -> TestResponse:
    given = {"deviceCode": code, "name": "laptop", **body}
    return world.client.post("/api/login/device/token", json=given)


def begin(world: World) -> dict[str, Any]:
    answer = world.client.post("/api/login/device", json={})
    assert answer.status_code == 200, answer.text
    begun: dict[str, Any] = answer.get_json()
    return begun


def test_a_terminal_waits_until_its_owner_said_yes(world: World, github: FakeSignIn) -> None:
    begun = begin(world)
    assert begun["verificationUri"] == "https://github.test/login/device"
    assert not begun["deviceCode"].startswith("device-")
    assert wait(world, begun["deviceCode"]).get_json() == {"status": "waiting"}
    github.decide(begun["userCode"])
    made = wait(world, begun["deviceCode"])
    assert made.status_code == 201
    told = me(world, borne(made.get_json()))
    assert (told["actor"], told["person"]["login"], told["level"]) == ("token:laptop", "ada", "admin")
    assert wait(world, begun["deviceCode"]).status_code == 401
    with world.records.read() as tx:
        [fact] = tx.events.page(Selection(tag=Tag.PERSON_SIGNED_IN))
    assert (fact.actor, fact.payload) == ("person:ada", {"by": "device"})


def test_githubs_own_token_is_told_to_nobody(world: World, github: FakeSignIn) -> None:
    begun = begin(world)
    github.decide(begun["userCode"])
    answer = wait(world, begun["deviceCode"])
    [token] = github.tokens
    assert token not in answer.text


def test_the_owner_says_no(world: World, github: FakeSignIn) -> None:
    begun = begin(world)
    github.decide(begun["userCode"], is_allowed=False)
    refused = wait(world, begun["deviceCode"])
    assert (refused.status_code, error_of(refused)["code"]) == (401, "sign-in:denied")


def test_githubs_token_is_taken_back_when_nothing_comes_of_a_sign_in(
    world: World, github: FakeSignIn
) -> None:
    begun = begin(world)
    github.decide(begun["userCode"])
    assert wait(world, begun["deviceCode"]).status_code == 201
    [kept] = github.tokens
    with world.records.read() as tx:
        person = tx.people.by_github_id(github.tokens[kept].id)
    for _ in range(MAXIMUM_TOKENS):
        bearing(world, person)
    refused = sign_in_again(world, github)
    assert (refused.status_code, error_of(refused)["code"]) == (409, "token:too-many")
    assert list(github.tokens) == [kept]
    with world.records.read() as tx:
        assert tx.people.by_github_id(github.tokens[kept].id) == person


def test_a_sign_in_fails_as_it_failed_when_githubs_token_cannot_be_taken_back(
    world: World, github: FakeSignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(token: str) -> NoReturn:
        raise RemoteUnavailable(f"GitHub did not answer about {len(token)} characters")

    def refuse(token: str) -> NoReturn:
        raise Unauthenticated(f"{len(token)} characters", code="sign-in:token-refused")

    monkeypatch.setattr(github, "account", refuse)
    monkeypatch.setattr(github, "revoke", fail)
    refused = sign_in_again(world, github)
    assert (refused.status_code, error_of(refused)["code"]) == (401, "sign-in:token-refused")


def sign_in_again(world: World, github: FakeSignIn) -> TestResponse:
    """Sign a terminal in whose owner says yes, and return what it is told."""
    begun = begin(world)
    github.decide(begun["userCode"])
    return wait(world, begun["deviceCode"])


def test_few_terminals_wait_for_github_at_once(migrated_sqlite_url: str, github: FakeSignIn) -> None:
    calls = Gate(1)
    world = World(migrated_sqlite_url, sign_in=github, calls=calls)
    begun = begin(world)
    github.decide(begun["userCode"])
    with calls.entered("testing"):
        assert wait(world, begun["deviceCode"]).status_code == 503
        assert world.client.post("/api/login/device", json={}).status_code == 503
    assert wait(world, begun["deviceCode"]).status_code == 201
    world.close()


def test_a_terminal_that_hurries_is_told_to_wait(world: World, github: FakeSignIn) -> None:
    github.is_patient = False
    begun = begin(world)
    wait(world, begun["deviceCode"])
    hurried = wait(world, begun["deviceCode"])
    assert (hurried.status_code, hurried.headers["Retry-After"]) == (429, "10")


@pytest.mark.parametrize("code", ["x", "device-1", "a.b.c", "x" * 1000])
def test_a_code_that_we_did_not_give_out_is_refused(world: World, code: str) -> None:
    begin(world)
    refused = wait(world, code)
    assert (refused.status_code, error_of(refused)["code"]) == (401, "sign-in:device-unknown")


def test_where_nobody_signs_in_no_terminal_does(world: World) -> None:
    world.web.extensions["branchline"] = replace(world.web.extensions["branchline"], sign_in=None)
    refused = world.client.post("/api/login/device", json={})
    assert (refused.status_code, error_of(refused)["code"]) == (404, "sign-in:not-set-up")


# -------------------- how often


def test_sign_ins_are_counted_by_address(world: World) -> None:
    answers = [world.client.post("/api/login/device", json={}) for _ in range(31)]
    assert [it.status_code for it in answers] == [200] * 30 + [429]
    assert error_of(answers[-1])["code"] == "request:too-many"
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 61
    elsewhere = {"REMOTE_ADDR": "192.0.2.7"}
    assert world.client.post("/api/login/device", json={}, environ_base=elsewhere).status_code == 200


def test_a_page_says_so_too(world: World) -> None:
    answers = [world.client.post("/login") for _ in range(61)]
    assert answers[-1].status_code == 429
    assert "text/html" in answers[-1].content_type
    assert "Retry-After" in answers[-1].headers


@pytest.mark.parametrize(("proxies", "expected"), [(0, 429), (1, 200)])
def test_behind_a_proxy_callers_are_told_apart_by_what_it_says(
    migrated_sqlite_url: str, proxies: int, expected: int
) -> None:
    world = World(migrated_sqlite_url, sign_in=FakeSignIn(), proxies=proxies)
    for number in range(30):
        headers = {"X-Forwarded-For": f"198.51.100.{number}, 192.0.2.1"}
        assert world.client.post("/api/login/device", json={}, headers=headers).status_code == 200
    headers = {"X-Forwarded-For": "192.0.2.2"}
    assert world.client.post("/api/login/device", json={}, headers=headers).status_code == expected
    world.close()


# -------------------- as described


def test_what_is_answered_is_what_is_described(world: World, ada: Headers, github: FakeSignIn) -> None:
    document = world.client.get("/api/openapi.json").get_json()
    made = call(world, "POST", "/api/tokens", ada, json={"name": "ci"})
    assert_described(document, "POST", "/api/tokens", made)
    assert_described(document, "GET", "/api/tokens", call(world, "GET", "/api/tokens", ada))
    assert_described(document, "GET", "/api/me", call(world, "GET", "/api/me", ada))
    begun = world.client.post("/api/login/device", json={})
    assert_described(document, "POST", "/api/login/device", begun)
    code = begun.get_json()["deviceCode"]
    assert_described(document, "POST", "/api/login/device/token", wait(world, code))
    github.decide(begun.get_json()["userCode"])
    assert_described(document, "POST", "/api/login/device/token", wait(world, code))
