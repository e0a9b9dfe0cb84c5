"""Two people and two apps: what GitHub lets each of them do is what they may do here, and no longer."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.bootstrap.code_host import code_host_over
from app.domain.apps import App
from app.domain.callers import Person
from app.domain.rights import Level
from app.github.client import GitHub
from app.pipeline.permit import FRESH, LISTED
from app.pipeline.sign_in import keep_person
from app.settings import Secret
from tests.accounts import github_settings
from tests.builders import an_app
from tests.contract.code_host.hosts import OUTSIDER, STRANGER, SandboxHost, new_name
from tests.integration.web.people import bearing
from tests.integration.web.world import World


@pytest.fixture
def world(sandbox: SandboxHost, migrated_sqlite_url: str) -> Iterator[World]:
    """Return a control plane that asks the sandbox's GitHub."""
    settings = github_settings(sandbox.api_url, token=Secret(sandbox.token_of(sandbox.login)))
    host = code_host_over(GitHub(settings, lambda: datetime.now(UTC)))
    world = World(migrated_sqlite_url, code_host=lambda: host)
    yield world
    world.close()


def an_app_of(world: World, sandbox: SandboxHost, number: int) -> App:
    """Keep an app whose repository nobody may read but its owner: it belongs to no organisation."""
    name = new_name("lone")
    sandbox.create_own(name)
    repository = sandbox.repositories.find(f"{sandbox.login}/{name}")
    assert repository is not None
    app = replace(an_app(number), repository=repository)
    with world.records.begin() as tx:
        tx.apps.add(app)
    return app


def enter(world: World, sandbox: SandboxHost, login: str) -> Person:
    vault = world.web.extensions["branchline"].vault
    with world.records.begin() as tx:
        return keep_person(tx, sandbox.account(login), sandbox.token_of(login), vault, world.clock())


def seen(world: World, person: Person, *apps: App) -> list[int]:
    """Return the statuses that a person is answered with about apps."""
    headers = dict(bearing(world, person))
    return [world.client.get(f"/api/apps/{app.id}", headers=headers).status_code for app in apps]


def listed(world: World, person: Person) -> list[Any]:
    answer = world.client.get("/api/apps", headers=dict(bearing(world, person)))
    return [it["id"] for it in answer.get_json()["items"]]


def test_whoever_is_dismissed_loses_the_right_within_a_minute(world: World, sandbox: SandboxHost) -> None:
    hers, his = (an_app_of(world, sandbox, number) for number in (1, 2))
    ada, mallory = (enter(world, sandbox, login) for login in (STRANGER, OUTSIDER))
    sandbox.let(hers.repository_name, STRANGER, Level.WRITE)
    sandbox.let(his.repository_name, OUTSIDER, Level.ADMIN)
    assert (seen(world, ada, hers, his), seen(world, mallory, hers, his)) == ([200, 404], [404, 200])
    assert (listed(world, ada), listed(world, mallory)) == ([hers.id], [his.id])

    sandbox.let(his.repository_name, OUTSIDER, Level.NONE)
    world.clock.now += FRESH - timedelta(seconds=1)
    assert seen(world, mallory, his) == [200]
    world.clock.now += timedelta(seconds=1)
    assert seen(world, mallory, his) == [404]
    assert listed(world, mallory) == []
    assert seen(world, ada, hers) == [200]


def test_whoever_is_invited_sees_the_app_in_lists_within_five_minutes(
    world: World, sandbox: SandboxHost
) -> None:
    app, mallory = an_app_of(world, sandbox, 1), enter(world, sandbox, OUTSIDER)
    assert listed(world, mallory) == []
    sandbox.let(app.repository_name, OUTSIDER, Level.READ)
    world.clock.now += LISTED
    assert listed(world, mallory) == [app.id]


def test_whoever_takes_over_a_repositorys_name_gets_nothing_of_its_app(
    world: World, sandbox: SandboxHost
) -> None:
    app, eve = an_app_of(world, sandbox, 1), enter(world, sandbox, STRANGER)
    sandbox.repositories.delete(app.repository_name)
    sandbox.create_own(app.repository_name.partition("/")[2])
    sandbox.let(app.repository_name, STRANGER, Level.ADMIN)
    headers = dict(bearing(world, eve))
    secret = "/environments/production/secrets/KEY"
    for method, path in (("GET", ""), ("PUT", secret), ("DELETE", "")):
        place, body = f"/api/apps/{app.id}{path}", {"value": "x"} if method == "PUT" else None
        answer = world.client.open(place, method=method, json=body, headers=headers)
        assert answer.status_code == 404, method
    assert listed(world, eve) == []
