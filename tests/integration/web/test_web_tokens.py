"""Tokens of the API over HTTP: who is given what, how long it is good, and what is refused."""

from collections.abc import Iterator
from typing import Any

import pytest

from app.domain.events import Selection, Tag
from app.domain.rights import Level, Scope
from app.pipeline.tokens import MAXIMUM_TOKENS
from tests.builders import a_repository
from tests.fakes.sign_in import FakeSignIn
from tests.integration.web.bearers import Headers, borne, call, me
from tests.integration.web.people import a_person, bearing, let
from tests.integration.web.world import AUTHORIZED, World, error_of

DAY = 86_400


@pytest.fixture
def world(migrated_sqlite_url: str) -> Iterator[World]:
    world = World(migrated_sqlite_url, sign_in=FakeSignIn(is_patient=True), operators=frozenset({"olga"}))
    yield world
    world.close()


@pytest.fixture
def ada(world: World) -> Headers:
    return bearing(world, a_person(world, "ada"))


@pytest.fixture
def olga(world: World) -> Headers:
    return bearing(world, a_person(world, "olga"))


def make(world: World, headers: Headers, **body: Any) -> dict[str, Any]:
    answer = call(world, "POST", "/api/tokens", headers, json={"name": "ci", **body})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.get_json()
    return made


def listed(world: World, headers: Headers, **query: Any) -> list[str]:
    answer = call(world, "GET", "/api/tokens", headers, query_string=query)
    assert answer.status_code == 200, answer.text
    return [it["name"] for it in answer.get_json()["items"]]


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


def test_wrong_tokens_are_counted_and_good_ones_taken_all_the_same(world: World, ada: Headers) -> None:
    wrong = {"Authorization": "Bearer blt_wrong"}
    statuses = [call(world, "GET", "/api/me", wrong).status_code for _ in range(121)]
    assert statuses == [401] * 120 + [429]
    assert me(world, ada)["actor"] == "token:ci"
