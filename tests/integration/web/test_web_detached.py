"""Apps whose repository is out of reach: their owners see them and may delete them, others get nothing."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from app.domain.apps import App, AppStatus
from app.domain.callers import Person
from app.domain.rights import Level
from app.pipeline.permit import FRESH, LISTED, OUTLIVED
from tests.builders import a_repository
from tests.fakes.code_host import FakeRepository
from tests.integration.web.people import a_person, bearing, let
from tests.integration.web.world import World


@pytest.fixture
def world(migrated_sqlite_url: str) -> Iterator[World]:
    world = World(migrated_sqlite_url)
    yield world
    world.close()


def status(world: World, person: Person, method: str = "GET", path: str = "") -> int:
    body = {"value": "x"} if method == "PUT" else None
    headers = dict(bearing(world, person))
    return world.client.open(f"/api/apps/app-1{path}", method=method, json=body, headers=headers).status_code


def listed(world: World, person: Person) -> list[str]:
    answer = world.client.get("/api/apps", headers=dict(bearing(world, person)))
    return [it["id"] for it in answer.get_json()["items"]]


def gone(world: World, app: App) -> None:
    """Have its repository deleted, and hear of that; what was seen before is fresh no more."""
    del world.host.repositories[app.repository_name]
    with world.records.begin() as tx:
        tx.apps.save(replace(app, status=AppStatus.DETACHED))
    world.clock.now += FRESH


@pytest.fixture
def app(world: World) -> App:
    return world.app(1)


@pytest.fixture
def ada(world: World, app: App) -> Person:
    """Return somebody who administers the app, and was just seen to."""
    ada = a_person(world, "ada", is_member=True)
    let(world, ada, app, Level.ADMIN)
    assert status(world, ada) == 200
    return ada


def test_its_admin_goes_on_to_see_it_and_may_delete_it(world: World, app: App, ada: Person) -> None:
    gone(world, app)
    assert (status(world, ada), listed(world, ada)) == (200, [app.id])
    page = world.client.get("/apps/app-1", headers=dict(bearing(world, ada)))
    assert "What is live stays live" in page.text
    world.clock.now += LISTED
    assert (status(world, ada), listed(world, ada)) == (200, [app.id])
    assert status(world, ada, "DELETE") == 202
    assert status(world, ada) == 200


def test_a_member_who_was_dismissed_may_do_nothing(world: World, app: App, ada: Person) -> None:
    gone(world, app)
    assert status(world, ada) == 200
    world.host.members.clear()
    world.clock.now += FRESH
    assert (status(world, ada), status(world, ada, "DELETE"), listed(world, ada)) == (404, 404, [])


def test_after_a_week_it_is_for_operators(world: World, app: App, ada: Person) -> None:
    gone(world, app)
    world.clock.now += OUTLIVED - FRESH - timedelta(seconds=1)
    assert (status(world, ada), listed(world, ada)) == (200, [app.id])
    world.clock.now += LISTED
    assert (status(world, ada), listed(world, ada)) == (404, [])
    assert world.get("/api/apps/app-1")["status"] == "detached"


@pytest.mark.parametrize("is_heard_of", [True, False])
def test_whoever_makes_another_repository_of_its_name_gets_nothing(
    world: World, app: App, ada: Person, *, is_heard_of: bool
) -> None:
    eve = a_person(world, "eve", is_member=True)
    gone(world, app)
    if not is_heard_of:
        with world.records.begin() as tx:
            tx.apps.save(app)
    other = replace(a_repository(1), id=4711)
    world.host.repositories[app.repository_name] = FakeRepository(other, levels={"eve": Level.ADMIN})
    secret = status(world, eve, "PUT", "/environments/production/secrets/KEY")
    assert (status(world, eve), secret, status(world, eve, "DELETE")) == (404, 404, 404)
    assert listed(world, eve) == []
    assert status(world, ada) == (200 if is_heard_of else 404)
