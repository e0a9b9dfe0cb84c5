"""What tokens, settings and memberships let their holders do over HTTP, and what is listed for whom."""

from dataclasses import replace

import pytest

from app.domain.environments import Environment
from app.domain.rights import Level, Scope
from tests.builders import a_repository, at
from tests.integration.web.people import a_person, bearing, let
from tests.integration.web.rights import THEIRS, make_theirs
from tests.integration.web.world import World, error_of


@pytest.fixture
def world(world: World) -> World:
    world.app(1)
    return world


# -------------------- tokens and operators


def test_a_token_is_good_until_it_ends(world: World) -> None:
    headers = dict(bearing(world, days=1))
    assert world.client.get("/api/apps", headers=headers).status_code == 200
    world.clock.now = at(86_400)
    assert world.client.get("/api/apps", headers=headers).status_code == 401


@pytest.mark.parametrize("token", ["blt_", "blt_nothing", "nothing", "", "é"])
def test_what_is_no_token_opens_nothing(world: World, token: str) -> None:
    answer = world.client.get("/api/apps", headers={"Authorization": f"Bearer {token}"})
    assert (answer.status_code, error_of(answer)["code"]) == (401, "request:unauthenticated")


def test_it_is_noted_when_a_token_was_used(world: World) -> None:
    headers = dict(bearing(world))
    world.client.get("/api/apps", headers=headers)
    with world.records.read() as tx:
        (token,) = tx.api_tokens.list(None)
    assert token.used_at == world.clock()


def test_a_services_token_does_what_its_scope_says_to_every_app(world: World) -> None:
    make_theirs(world)
    reading, deploying = dict(bearing(world, scope=Scope.READ)), dict(bearing(world, scope=Scope.DEPLOY))
    path = "/api/apps/app-2/environments/staging/variables/COLOUR"
    assert len(world.client.get("/api/apps", headers=reading).get_json()["items"]) == 2
    assert world.client.put(path, json={"value": "blue"}, headers=reading).status_code == 403
    assert world.client.put(path, json={"value": "blue"}, headers=deploying).status_code == 201


def test_operators_are_people_whom_a_setting_names(migrated_sqlite_url: str) -> None:
    world = World(migrated_sqlite_url, operators=frozenset({"ada"}))
    make_theirs(world)
    ada = a_person(world, "Ada")
    for scope, status in ((Scope.ADMIN, 200), (Scope.DEPLOY, 403)):
        headers = dict(bearing(world, ada, scope))
        assert world.client.get("/api/deliveries", headers=headers).status_code == status
        assert world.client.get("/api/apps/app-2", headers=headers).status_code == 200
        names = [it["name"] for it in world.client.get("/api/apps", headers=headers).get_json()["items"]]
        assert names == ["app-2"]
    world.close()


def test_an_operator_named_by_number_is_whoever_has_that_account(migrated_sqlite_url: str) -> None:
    world = World(migrated_sqlite_url, operators=frozenset({"id:1000"}))
    ada, grace = a_person(world, "ada"), a_person(world, "grace")
    with world.records.begin() as tx:
        tx.people.save(replace(ada, login="ada-lovelace"))
        tx.people.save(replace(grace, login="ada"))
    for person, status in ((ada, 200), (grace, 403)):
        headers = dict(bearing(world, person))
        assert world.client.get("/api/deliveries", headers=headers).status_code == status
    world.close()


# -------------------- who did it


def test_facts_name_who_acts_whatever_they_say(world: World) -> None:
    make_theirs(world)
    ada = a_person(world, "ada")
    let(world, ada, THEIRS, Level.ADMIN)
    for headers in (bearing(world, ada), bearing(world)):
        answer = world.client.patch(
            "/api/apps/app-2", json={"heal": "off", "by": "grace"}, headers=dict(headers)
        )
        assert answer.status_code == 200
        with world.records.read() as tx:
            assert tx.events.about(THEIRS.id, limit=1)[0].actor == "token:ci"


def test_the_operators_token_may_say_for_whom(world: World) -> None:
    for by, actor in (({"by": "grace"}, "grace"), ({}, "operator")):
        world.call("PATCH", "/api/apps/app-1", json={"heal": "off", **by})
        with world.records.read() as tx:
            assert tx.events.about("app_0001", limit=1)[0].actor == actor


# -------------------- something new


def test_members_of_the_organisation_ask_for_apps_and_see_them_at_once(world: World) -> None:
    ada, grace = (a_person(world, login, is_member=True) for login in ("ada", "grace"))
    answer = world.client.post("/api/apps", json={"name": "shop"}, headers=dict(bearing(world, ada)))
    assert answer.status_code == 202, answer.text
    with world.records.read() as tx:
        job = tx.jobs.get(answer.get_json()["jobId"])
    assert job.arguments["creator"] == "ada"
    for person, status, names in ((ada, 200, ["shop"]), (grace, 404, [])):
        headers = dict(bearing(world, person))
        assert world.client.get("/api/apps/shop", headers=headers).status_code == status
        assert world.client.get(f"/api/jobs/{job.id}", headers=headers).status_code == status
        listed = world.client.get("/api/apps", headers=headers).get_json()["items"]
        assert [it["name"] for it in listed] == names


def test_others_do_not_ask_for_apps(world: World) -> None:
    ada, grace = a_person(world, "ada"), a_person(world, "grace", is_member=True)
    mine = world.app(3, repository=a_repository(3))
    for headers, code in (
        (bearing(world, ada), "person:not-a-member"),
        (bearing(world, grace, Scope.DEPLOY), "token:too-narrow"),
        (bearing(world, grace, app=mine), "token:too-narrow"),
        (bearing(world, scope=Scope.DEPLOY), "token:too-narrow"),
        (bearing(world, app=mine), "token:too-narrow"),
    ):
        answer = world.client.post("/api/apps", json={"name": "shop"}, headers=dict(headers))
        assert (answer.status_code, error_of(answer)["code"]) == (403, code)
    answer = world.client.post("/api/apps", json={"name": "shop"}, headers=dict(bearing(world)))
    assert answer.status_code == 202


# -------------------- lists


def test_lists_hold_what_one_may_see(world: World) -> None:
    job_id = make_theirs(world)
    ada, grace = (a_person(world, login) for login in ("ada", "grace"))
    let(world, ada, THEIRS, Level.READ)
    for person, found in ((ada, True), (grace, False)):
        headers = dict(bearing(world, person))
        lists = {
            path: world.client.get(path, headers=headers).get_json()["items"]
            for path in ("/api/apps", "/api/events", "/api/jobs", "/api/drift", "/api/workers")
        }
        assert [it["name"] for it in lists["/api/apps"]] == (["app-2"] if found else [])
        assert [it["id"] for it in lists["/api/jobs"]] == ([job_id] if found else [])
        assert {it["appId"] for it in lists["/api/events"]} == ({THEIRS.id} if found else set())
        assert lists["/api/workers"] == lists["/api/drift"] == []


def test_a_token_for_one_app_lists_that_app(world: World) -> None:
    make_theirs(world)
    headers = dict(bearing(world, app=THEIRS))
    names = [it["name"] for it in world.client.get("/api/apps", headers=headers).get_json()["items"]]
    assert names == ["app-2"]
    assert {it["appId"] for it in world.client.get("/api/events", headers=headers).get_json()["items"]} == {
        THEIRS.id
    }
    assert world.client.get("/api/workers", headers=headers).get_json()["items"] == []


def test_apps_are_found_by_a_part_of_their_name_and_by_status(world: World) -> None:
    world.app(12, name="shop-100%_off", repository=a_repository(12))
    for query, count in (("shop", 1), ("0%_o", 1), ("%", 1), ("app", 1), ("APP-1", 1), ("nothing", 0)):
        assert len(world.get("/api/apps", q=query)["items"]) == count, query
    assert len(world.get("/api/apps", status="ready")["items"]) == 2
    assert world.get("/api/apps", status="failed")["items"] == []
    assert world.get("/api/apps", q=Environment.PRODUCTION)["items"] == []
