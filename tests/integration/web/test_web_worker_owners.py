"""What whoever made a worker may do to it, also when they are no member any more, and what they see of it."""

from typing import Any

import pytest
from werkzeug.test import TestResponse

from app.domain.rights import Level, Scope
from app.errors import RemoteUnavailable
from app.pipeline.permit import FRESH, KEPT
from tests.builders import a_repository
from tests.integration.web.people import a_person, bearing, let
from tests.integration.web.world import World, error_of

CODE = "export function hello() {}"
# What changes a worker of this name, or calls it, and what a member is answered with.
ACTS: list[tuple[str, str, dict[str, Any], int]] = [
    ("PUT", "", {"code": CODE}, 200),
    ("PATCH", "", {"keep": True}, 200),
    ("POST", "/restore", {}, 200),
    ("POST", "/functions/hello", {}, 200),
    ("POST", "/invoke/hello", {}, 200),
    ("POST", "/functions/hello/jobs", {}, 202),
    ("DELETE", "", {}, 202),
]


class Owner:
    """Somebody with a worker called `shop`, and a token for all that they may do."""

    def __init__(self, world: World, login: str = "ada", **operators: Any) -> None:
        self.world = world
        self.person = a_person(world, login, is_member=True)
        self.headers = dict(bearing(world, self.person, **operators))
        assert self.ask("POST", "/api/workers", {"name": "shop", "code": CODE}).status_code == 201

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> TestResponse:
        return self.world.client.open(path, method=method, json=body, headers=self.headers)

    def leave(self) -> None:
        """Have them leave the organisation, a minute ago."""
        self.world.host.members.discard(self.person.login)
        self.world.clock.now += FRESH


@pytest.fixture
def ada(world: World) -> Owner:
    return Owner(world)


@pytest.mark.parametrize(("method", "path", "body", "status"), ACTS)
def test_whoever_left_the_organisation_looks_at_their_workers_and_does_nothing_to_them(
    ada: Owner, method: str, path: str, body: dict[str, Any], status: int
) -> None:
    ada.leave()
    before = ada.world.dump()
    answer = ada.ask(method, f"/api/workers/shop{path}", body)
    assert (answer.status_code, error_of(answer)["code"]) == (403, "person:not-a-member")
    assert "acme" in error_of(answer)["message"]
    assert ada.world.dump() == before
    assert ada.ask("GET", "/api/workers/shop").status_code == 200
    assert ada.ask("GET", "/api/workers/shop/functions").status_code == 200
    ada.world.host.members.add("ada")
    ada.world.clock.now += FRESH
    assert ada.ask(method, f"/api/workers/shop{path}", body).status_code == status


def test_a_narrow_token_is_refused_for_being_narrow(ada: Owner) -> None:
    ada.leave()
    headers = dict(bearing(ada.world, ada.person, Scope.READ))
    answer = ada.world.client.patch("/api/workers/shop", json={"keep": True}, headers=headers)
    assert (answer.status_code, error_of(answer)["code"]) == (403, "token:too-narrow")


def test_services_and_operators_change_workers_of_those_who_left(ada: Owner) -> None:
    ada.leave()
    for headers in (dict(bearing(ada.world)), {}):
        given = {"headers": headers} if headers else {}
        assert ada.world.call("PATCH", "/api/workers/shop", json={"keep": True}, **given).status_code == 200


def test_operators_are_of_no_organisation(migrated_sqlite_url: str) -> None:
    world = World(migrated_sqlite_url, operators=frozenset({"ada"}))
    ada = Owner(world)
    ada.leave()
    for scope in (Scope.ADMIN, Scope.DEPLOY):
        headers = dict(bearing(world, ada.person, scope))
        assert (
            world.client.patch("/api/workers/shop", json={"keep": True}, headers=headers).status_code == 200
        )
    world.close()


def test_a_membership_that_was_seen_counts_for_ten_minutes_while_the_host_is_away(ada: Owner) -> None:
    ada.world.host.fail_next(RemoteUnavailable("away"), call="is_member", times=100)
    ada.world.clock.now += FRESH
    assert ada.ask("PATCH", "/api/workers/shop", {"keep": True}).status_code == 200
    ada.world.clock.now += KEPT
    assert ada.ask("PATCH", "/api/workers/shop", {"keep": True}).status_code == 503
    assert ada.ask("GET", "/api/workers/shop").status_code == 200


# -------------------- what becomes of what was deleted


def test_whoever_deletes_their_worker_sees_how_that_goes_for_as_long_as_it_takes(ada: Owner) -> None:
    deleted = ada.ask("DELETE", "/api/workers/shop").get_json()
    place = deleted["pollUrl"].removeprefix("https://branchline.test")
    grace = dict(bearing(ada.world, a_person(ada.world, "grace", is_member=True)))
    for _ in range(2):
        assert ada.ask("GET", place).get_json()["status"] == "queued"
        assert ada.world.client.get(place, headers=grace).status_code == 404
        ada.world.clock.now += 2 * KEPT
    assert [it["id"] for it in ada.ask("GET", "/api/jobs").get_json()["items"]] == [deleted["jobId"]]
    told = ada.ask("GET", f"/api/events?app={deleted['id']}&tag=worker:deleted").get_json()["items"]
    assert [it["subject"] for it in told] == [deleted["id"]]
    ada.leave()
    assert ada.ask("GET", place).status_code == 200
    answer = ada.ask("POST", f"{place}/cancel", {})
    assert (answer.status_code, error_of(answer)["code"]) == (403, "person:not-a-member")


def test_whoever_has_an_app_deleted_sees_how_that_goes_when_nobody_knows_the_app(world: World) -> None:
    ada, grace = (a_person(world, login) for login in ("ada", "grace"))
    app, other = world.app(1), world.app(2, repository=a_repository(2))
    for person in (ada, grace):
        let(world, person, app, Level.ADMIN)
        let(world, person, other, Level.READ)
    headers = dict(bearing(world, ada))
    deleted = world.client.delete("/api/apps/app-1", headers=headers).get_json()
    place = deleted["pollUrl"].removeprefix("https://branchline.test")
    assert world.client.get(place, headers=dict(bearing(world, grace))).status_code == 404
    world.host.repositories.pop(app.repository_name)
    with world.records.begin() as tx:
        tx.apps.remove(app.id)
    world.clock.now += 2 * KEPT
    assert len(world.client.get("/api/apps", headers=headers).get_json()["items"]) == 1
    assert world.client.get(place, headers=headers).get_json()["id"] == deleted["jobId"]
    assert world.client.post(f"{place}/cancel", json={}, headers=headers).status_code == 403
    for narrow in (bearing(world, grace), bearing(world, ada, app=other)):
        assert world.client.get(place, headers=dict(narrow)).status_code == 404
