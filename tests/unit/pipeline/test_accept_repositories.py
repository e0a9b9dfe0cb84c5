"""What a delivery tells of a repository: its names, its owner, and whether we may still reach it."""

from dataclasses import replace

import pytest

from app.domain.apps import AppStatus
from app.domain.deliveries import DeliveryStatus
from app.domain.deployments import Status
from app.domain.events import Tag
from app.domain.redelivery import Missed
from app.domain.reports import (
    InstallationChanged,
    InstallationRepositoriesChanged,
    Report,
    RepositoryDeleted,
    RepositoryName,
    RepositoryTransferred,
)
from tests.builders import a_deployment
from tests.unit.pipeline.heard import AWAY, OTHER, accept, jobs, pushed, renamed
from tests.unit.pipeline.world import OURS, REPOSITORY_ID, World


def installation(action: str, *repositories: RepositoryName) -> InstallationChanged:
    return InstallationChanged(
        action=action, installation_id=1, account="acme", repositories=repositories or (OURS,)
    )


def moved(
    added: tuple[RepositoryName, ...] = (), removed: tuple[RepositoryName, ...] = ()
) -> InstallationRepositoriesChanged:
    return InstallationRepositoriesChanged(installation_id=1, account="acme", added=added, removed=removed)


@pytest.fixture
def world(world: World) -> World:
    world.app()
    return world


def test_a_renamed_repository_is_followed(world: World) -> None:
    accept(world, renamed())
    repository = world.current().repository
    assert repository is not None
    assert repository.id == REPOSITORY_ID
    assert repository.full_name == "acme/shop"
    assert repository.html_url == "https://github.test/acme/shop"
    assert repository.clone_url == "https://github.test/acme/shop.git"
    (event,) = world.events("app_0001")
    assert (event.tag, event.payload) == (
        Tag.APP_REPOSITORY_RENAMED,
        {"from": "acme/app-1", "to": "acme/shop"},
    )


def test_a_report_that_was_missed_and_comes_late_undoes_nothing_newer(world: World) -> None:
    name = RepositoryName(REPOSITORY_ID, "acme/store")
    missed = Missed("late", None, "repository", world.clock(), 1, 500, world.clock())
    with world.records.begin() as tx:
        tx.missed.save(missed)
    told: list[tuple[str, Report]] = [
        ("new", renamed(repository=name)),
        ("back", moved(added=(OURS,))),
        ("late", renamed()),
        ("late", moved(removed=(OURS,))),
    ]
    for number, (guid, report) in enumerate(told):
        world.clock.advance(60)
        accept(world, report, guid=guid, id=number, received_at=world.clock())
    app = world.current()
    assert (app.repository_name, app.status) == ("acme/store", AppStatus.READY)


def test_a_name_that_it_has_already_is_no_news(world: World) -> None:
    accept(world, renamed())
    assert accept(world, renamed()) is DeliveryStatus.PROCESSED
    assert world.tags("app_0001") == [Tag.APP_REPOSITORY_RENAMED]


LOST = {
    "transferred": AWAY,
    "deleted": RepositoryDeleted(repository=OURS),
    "uninstalled": installation("deleted"),
    "suspended": installation("suspend"),
    "removed": moved(removed=(OTHER, OURS)),
}


@pytest.mark.parametrize("report", LOST.values(), ids=LOST.keys())
def test_an_app_out_of_reach_is_detached_and_nothing_is_deleted(world: World, report: Report) -> None:
    deployment = world.deployment(a_deployment(1, status=Status.READY))
    assert accept(world, report) is DeliveryStatus.PROCESSED
    app = world.current()
    assert app.status is AppStatus.DETACHED
    assert app.error is not None
    assert app.error.startswith("its repository is out of reach: ")
    assert app.is_reachable is False
    assert world.deployments() == [deployment]
    assert jobs(world) == []
    accept(world, report)
    assert world.tags() == [Tag.APP_REPOSITORY_LOST]


@pytest.mark.parametrize(
    "report",
    [installation("created"), installation("unsuspend"), moved(added=(OURS,))],
    ids=["installed", "unsuspended", "added"],
)
def test_an_app_that_is_found_again_is_ready(world: World, report: Report) -> None:
    accept(world, installation("suspend"))
    assert accept(world, report) is DeliveryStatus.PROCESSED
    assert (world.current().status, world.current().error) == (AppStatus.READY, None)
    assert world.tags() == [Tag.APP_REPOSITORY_LOST, Tag.APP_REPOSITORY_FOUND]


def test_an_app_that_is_transferred_back_is_ready(world: World) -> None:
    accept(world, AWAY)
    assert world.current().error == "its repository is out of reach: transferred to eve/app-1"
    back = RepositoryTransferred(repository=replace(OURS, full_name="Acme/app-1"), owner_id=43)
    accept(world, back)
    app = world.current()
    assert app.status is AppStatus.READY
    assert app.repository is not None
    assert (app.repository.full_name, app.repository.owner_id) == ("Acme/app-1", 43)


def test_an_owner_to_whom_a_repository_went_is_not_taken_for_ours(world: World) -> None:
    before = world.current().repository
    accept(world, AWAY)
    assert world.current().repository == before


def test_accepted_permissions_change_nothing(world: World) -> None:
    before = world.current()
    assert accept(world, installation("new_permissions_accepted")) is DeliveryStatus.PROCESSED
    assert world.current() == before


@pytest.mark.parametrize("status", [AppStatus.PROVISIONING, AppStatus.DELETING, AppStatus.FAILED])
def test_an_app_that_is_busy_with_itself_is_not_detached(world: World, status: AppStatus) -> None:
    with world.records.begin() as tx:
        tx.apps.save(replace(tx.apps.get("app_0001"), status=status))
    accept(world, installation("suspend"))
    assert world.current().status is status


@pytest.mark.parametrize(
    ("known", "full_name", "told", "kept"),
    [
        (None, "acme/app-1", 42, 42),
        (None, "Acme/app-renamed", 42, 42),
        (None, "acme/app-1", None, None),
        (None, "mallory/app-1", 66, None),
        (42, "acme/app-1", 66, 42),
    ],
)
def test_an_owner_that_was_not_kept_yet_is_learned_from_the_host(
    world: World, known: int | None, full_name: str, told: int | None, kept: int | None
) -> None:
    app = world.current()
    assert app.repository is not None
    with world.records.begin() as tx:
        tx.apps.save(replace(app, repository=replace(app.repository, owner_id=known)))
    accept(world, pushed(repository=RepositoryName(REPOSITORY_ID, full_name, told)))
    repository = world.current().repository
    assert repository is not None
    assert repository.owner_id == kept
