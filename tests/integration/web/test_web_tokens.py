"""Tokens of the API and the sign-in of a terminal, over HTTP: who is given what, and what is refused."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, NoReturn

import pytest
from werkzeug.test import TestResponse

from app.domain.events import Selection, Tag
from app.domain.rights import Level, Scope
from app.errors import RemoteUnavailable, Unauthenticated
from app.pipeline.tokens import MAXIMUM_TOKENS
from app.web.outside import Gate
from tests.builders import a_repository
from tests.fakes.sign_in import FakeSignIn
from tests.integration.web.described import assert_described
from tests.integration.web.people import a_person, bearing, let
from tests.integration.web.world import AUTHORIZED, World, error_of

Headers = Mapping[str, str]
DAY = 86_400


@pytest.fixture
def github() -> FakeSignIn:
    return FakeSignIn(is_patient=True)


@pytest.fixture
def world(migrated_sqlite_url: str, github: FakeSignIn) -> Iterator[World]:
    world = World(migrated_sqlite_url, sign_in=github, operators=frozenset({"olga"}))
    yield world
    world.close()


@pytest.fixture
def ada(world: World) -> Headers:
    return bearing(world, a_person(world, "ada"))


@pytest.fixture
def olga(world: World) -> Headers:
    return bearing(world, a_person(world, "olga"))


def call(world: World, method: str, path: str, headers: Headers, **given: Any) -> TestResponse:
    return world.client.open(path, method=method, headers=dict(headers), **given)


def make(world: World, headers: Headers, **body: Any) -> dict[str, Any]:
    answer = call(world, "POST", "/api/tokens", headers, json={"name": "ci", **body})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.get_json()
    return made


def borne(made: Mapping[str, Any]) -> Headers:
    return {"Authorization": f"Bearer {made['token']}"}


def listed(world: World, headers: Headers, **query: Any) -> list[str]:
    answer = call(world, "GET", "/api/tokens", headers, query_string=query)
    assert answer.status_code == 200, answer.text
    return [it["name"] for it in answer.get_json()["items"]]


def me(world: World, headers: Headers) -> dict[str, Any]:
    answer = call(world, "GET", "/api/me", headers)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.get_json()
    return told


# -------------------- made, used, taken back


def test_a_token_is_shown_once_and_is_good(world: World, ada: Headers) -> None:
    made = make(world, ada)
    assert made["token"].startswith("blt_")
    assert made["token"].endswith(made["hint"])
    assert (made["scope"], made["usedAt"], made["appId"]) == ("apps:read", None, None)
    assert me(world, borne(made))["actor"] == "token:ci"
    again = call(world, "GET", "/api/tokens", ada)
    assert made["token"] not in again.text
    assert [it["usedAt"] for it in again.get_json()["items"] if it["id"] == made["id"]] != [None]


def test_only_its_digest_is_kept(world: World, ada: Headers) -> None:
    made = make(world, ada)
    with world.records.read() as tx:
        kept = tx.api_tokens.get(made["id"])
        [fact] = tx.events.page(Selection(tag=Tag.TOKEN_CREATED))
    assert made["token"] not in repr(kept)
    assert made["token"] not in repr(fact)
    assert (fact.subject, fact.payload["name"]) == (made["id"], "ci")


def test_a_token_ends_when_it_is_taken_back(world: World, ada: Headers) -> None:
    made = make(world, ada)
    gone = call(world, "DELETE", f"/api/tokens/{made['id']}", ada)
    assert gone.status_code == 200
    assert gone.get_json()["revokedAt"] is not None
    assert call(world, "GET", "/api/me", borne(made)).status_code == 401
    assert call(world, "DELETE", f"/api/tokens/{made['id']}", ada).status_code == 200
    with world.records.read() as tx:
        assert len(tx.events.page(Selection(tag=Tag.TOKEN_REVOKED))) == 1


def test_a_token_ends_when_its_time_is_over(world: World) -> None:
    made = make(world, AUTHORIZED, days=2)
    world.clock.advance(2 * DAY - 1)
    assert me(world, borne(made))["level"] == "read"
    world.clock.advance(1)
    assert call(world, "GET", "/api/me", borne(made)).status_code == 401
    assert listed(world, AUTHORIZED) == []


@pytest.mark.parametrize("scope", list(Scope))
def test_a_token_of_any_scope_takes_itself_back(world: World, ada: Headers, scope: Scope) -> None:
    made = make(world, ada, scope=scope)
    assert call(world, "DELETE", "/api/tokens/current", borne(made)).status_code == 200
    assert call(world, "DELETE", "/api/tokens/current", borne(made)).status_code == 401


def test_the_operators_own_token_is_not_taken_back_here(world: World) -> None:
    assert call(world, "DELETE", "/api/tokens/current", AUTHORIZED).status_code == 404


def test_a_token_for_one_app_is_good_for_that_one(world: World) -> None:
    shop, blog = world.app(1), world.app(2, repository=a_repository(2))
    ada = a_person(world, "ada")
    let(world, ada, shop, Level.ADMIN)
    let(world, ada, blog, Level.ADMIN)
    made = make(world, bearing(world, ada), app=shop.name)
    assert made["appId"] == shop.id
    assert call(world, "GET", f"/api/apps/{shop.id}", borne(made)).status_code == 200
    assert call(world, "GET", f"/api/apps/{blog.id}", borne(made)).status_code == 404


def test_a_token_is_for_no_app_that_its_owner_may_not_see(world: World, ada: Headers) -> None:
    theirs = world.app(1)
    hidden = call(world, "POST", "/api/tokens", ada, json={"name": "ci", "app": theirs.name})
    nothing = call(world, "POST", "/api/tokens", ada, json={"name": "ci", "app": "nothing"})
    assert (hidden.status_code, nothing.status_code) == (404, 404)
    assert hidden.text.replace(theirs.name, "nothing") == nothing.text


# -------------------- whose


def test_everybody_sees_their_own_and_operators_those_of_everybody(
    world: World, ada: Headers, olga: Headers
) -> None:
    make(world, ada, name="of-ada")
    make(world, olga, name="of-olga")
    make(world, olga, name="of-nobody", service=True)
    assert "of-ada" in listed(world, ada)
    assert {"of-olga", "of-nobody"} & set(listed(world, ada)) == set()
    assert set(listed(world, ada, everybody="true")) == set(listed(world, ada))
    assert "of-ada" not in listed(world, olga)
    assert {"of-ada", "of-olga", "of-nobody"} <= set(listed(world, olga, everybody="true"))
    assert {"of-ada", "of-olga", "of-nobody"} <= set(listed(world, AUTHORIZED))


def test_nobody_takes_back_what_is_somebody_elses_but_an_operator(
    world: World, ada: Headers, olga: Headers
) -> None:
    theirs = make(world, olga)
    hidden = call(world, "DELETE", f"/api/tokens/{theirs['id']}", ada)
    nothing = call(world, "DELETE", "/api/tokens/tok_nothing", ada)
    assert (hidden.status_code, nothing.status_code) == (404, 404)
    assert hidden.text.replace(theirs["id"], "tok_nothing") == nothing.text
    mine = make(world, ada)
    assert call(world, "DELETE", f"/api/tokens/{mine['id']}", olga).status_code == 200


def test_only_operators_make_tokens_of_services(world: World, ada: Headers, olga: Headers) -> None:
    refused = call(world, "POST", "/api/tokens", ada, json={"name": "ci", "service": True})
    assert error_of(refused)["code"] == "operator:only"
    assert make(world, olga, service=True)["personId"] is None
    assert make(world, AUTHORIZED)["personId"] is None


def test_a_token_makes_none_that_outlives_it(world: World) -> None:
    short = bearing(world, a_person(world, "grace"), days=2)
    (known,) = call(world, "GET", "/api/tokens", short).get_json()["items"]
    of_short = make(world, short, scope="admin", days=90)
    assert of_short["expiresAt"] == known["expiresAt"]
    assert make(world, borne(of_short), days=1)["expiresAt"] < known["expiresAt"]
    world.clock.advance(2 * DAY)
    assert call(world, "GET", "/api/me", borne(of_short)).status_code == 401


def test_a_services_token_makes_no_others(world: World) -> None:
    service = borne(make(world, AUTHORIZED, scope="admin"))
    assert call(world, "POST", "/api/tokens", service, json={"name": "ci"}).status_code == 403


@pytest.mark.parametrize("scope", [Scope.READ, Scope.DEPLOY])
def test_a_lesser_token_looks_after_no_account(world: World, ada: Headers, scope: Scope) -> None:
    lesser = borne(make(world, ada, scope=scope))
    assert call(world, "POST", "/api/tokens", lesser, json={"name": "ci"}).status_code == 403
    assert call(world, "GET", "/api/tokens", lesser).status_code == 403


def test_nobody_has_more_tokens_than_they_see_through(world: World) -> None:
    ada = a_person(world, "ada")
    for _ in range(MAXIMUM_TOKENS - 1):
        bearing(world, ada)
    headers = bearing(world, ada)
    refused = call(world, "POST", "/api/tokens", headers, json={"name": "ci"})
    assert (refused.status_code, error_of(refused)["code"]) == (409, "token:too-many")
    world.clock.advance(DAY)
    make(world, bearing(world, ada))


@pytest.mark.parametrize(
    "body",
    [
        {"name": ""},
        {"name": " "},
        {"name": "x" * 61},
        {"name": "a\nb"},
        {"name": "a\u202eb"},
        {"name": 7},
        {"scope": "everything"},
        {"days": 0},
        {"days": 367},
        {"days": "90"},
        {"days": True},
        {"service": "yes"},
        {"app": ""},
        {"person": "per_1"},
        {"expiresAt": "2030-01-01T00:00:00Z"},
    ],
)
def test_what_no_token_is_like_is_refused(world: World, body: dict[str, Any]) -> None:
    answer = call(world, "POST", "/api/tokens", AUTHORIZED, json={"name": "ci", **body})
    assert answer.status_code == 400, answer.text
    assert listed(world, AUTHORIZED) == []


# -------------------- who asks


def test_everybody_is_told_who_they_are(world: World, ada: Headers, olga: Headers) -> None:
    told = me(world, ada)
    assert (told["actor"], told["person"]["login"], told["isOperator"]) == ("token:ci", "ada", False)
    assert me(world, olga)["isOperator"]
    assert me(world, AUTHORIZED) == {
        "actor": "operator",
        "person": None,
        "isOperator": True,
        "level": "admin",
        "appId": None,
    }
    assert call(world, "GET", "/api/me", {}).status_code == 401


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


def test_wrong_tokens_are_counted_and_good_ones_taken_all_the_same(world: World, ada: Headers) -> None:
    wrong = {"Authorization": "Bearer blt_wrong"}
    statuses = [call(world, "GET", "/api/me", wrong).status_code for _ in range(121)]
    assert statuses == [401] * 120 + [429]
    assert me(world, ada)["actor"] == "token:ci"


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
