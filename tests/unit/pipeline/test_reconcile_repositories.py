"""What a pass finds of repositories: what is installed in them, where they went, and whether they are."""

import pytest

from app.domain.apps import AppStatus, Heal
from app.domain.drift import Kind
from app.errors import RemoteConflict
from tests.builders import an_app
from tests.unit.pipeline.reconciling import FILES, OLDER, WORKFLOW_FILE, Drifting, at_rest, deployed
from tests.unit.pipeline.world import TEMPLATE_FILES


@pytest.fixture
def world() -> Drifting:
    return Drifting()


@pytest.fixture
def deployed_world(world: Drifting) -> Drifting:
    return at_rest(world)


# -------------------- what is installed


def test_an_older_workflow_is_brought_up_to_date(deployed_world: Drifting) -> None:
    world = deployed_world
    world.host.push("acme/app-1", "main", OLDER, "As it was")
    world.look_at_all()
    found = {subject for kind, subject in world.drift() if kind is Kind.WORKFLOW_OUTDATED}
    assert found == set(FILES)
    world.heal_all()
    assert {path: world.repository().files("main")[path] for path in FILES} == FILES
    assert not [it for it in world.drift() if it[0] is Kind.WORKFLOW_OUTDATED]


def test_a_workflow_that_somebody_edited_stays_unless_all_is_healed(deployed_world: Drifting) -> None:
    world = deployed_world
    world.host.push("acme/app-1", "main", {WORKFLOW_FILE: b"name: Mine\n"}, "Mine")
    world.heal_all()
    assert (Kind.WORKFLOW_EDITED, WORKFLOW_FILE) in world.drift()
    assert world.repository().files("main")[WORKFLOW_FILE] == b"name: Mine\n"
    world.look_at_app(heal=Heal.ALL)
    assert world.repository().files("main")[WORKFLOW_FILE] == FILES[WORKFLOW_FILE]


def test_a_workflow_that_is_gone_is_told_and_comes_back_where_all_is_healed(world: Drifting) -> None:
    world.app(heal=Heal.ALL)
    world.host.push("acme/app-1", "main", TEMPLATE_FILES, "Without")
    world.look_at_all()
    assert (Kind.WORKFLOW_MISSING, WORKFLOW_FILE) in world.drift()
    world.heal_all()
    assert world.repository().files("main")[WORKFLOW_FILE] == FILES[WORKFLOW_FILE]


def test_a_branch_that_moves_while_files_are_renewed_is_left_to_the_next_pass(
    deployed_world: Drifting,
) -> None:
    world = deployed_world
    world.host.push("acme/app-1", "main", OLDER, "As it was")
    world.host.fail_next(RemoteConflict("committing: the branch moved"), call="commit", times=3)
    world.look_at_app()
    assert "moved" in world.open_drift()[0].facts["error"]
    world.heal_all()
    assert {path: world.repository().files("main")[path] for path in FILES} == FILES


@pytest.mark.parametrize("harm", ["gone", "off", "deaf"])
def test_a_webhook_is_set_up_again_and_what_it_missed_is_asked_for(
    deployed_world: Drifting, harm: str
) -> None:
    world = deployed_world
    webhooks = world.repository().webhooks
    url, webhook = next(iter(webhooks.items()))
    if harm == "gone":
        webhooks.clear()
    elif harm == "off":
        webhook.is_active = False
    else:
        webhook.events = tuple(it for it in webhook.events if it != "issue_comment")
    world.look_at_all()
    kind = Kind.WEBHOOK_MISSING if harm == "gone" else Kind.WEBHOOK_CHANGED
    assert world.drift() == [(kind, url)]
    world.heal_all()
    mended = world.repository().webhooks[url]
    assert (mended.is_active, "issue_comment" in mended.events, world.drift()) == (True, True, [])
    assert world.redelivered == ["app_0001"]


def test_no_webhook_is_missed_where_one_hears_of_everything() -> None:
    world = Drifting(webhook_secret=None)
    world.settled_app()
    deployed(world)
    world.heal_all()
    assert (world.drift(), world.repository().webhooks) == ([], {})


def test_actions_that_are_off_are_switched_on_by_who_heals_all(deployed_world: Drifting) -> None:
    world = deployed_world
    world.repository().are_actions_enabled = False
    world.heal_all()
    assert world.drift() == [(Kind.ACTIONS_OFF, "acme/app-1")]
    world.look_at_app(heal=Heal.ALL)
    assert world.repository().are_actions_enabled


# -------------------- repositories


def test_a_repository_that_is_gone_detaches_its_app_and_one_that_is_back_attaches_it(
    deployed_world: Drifting,
) -> None:
    world = deployed_world
    gone = world.host.repositories.pop("acme/app-1")
    world.look_at_all()
    assert world.drift() == [(Kind.REPOSITORY_GONE, "acme/app-1")]
    world.heal_all()
    assert (world.current().status, world.drift()) == (AppStatus.DETACHED, [])
    world.host.repositories["acme/app-1"] = gone
    world.heal_all()
    assert (world.current().status, world.drift()) == (AppStatus.READY, [])


def test_a_repository_that_was_renamed_is_followed(deployed_world: Drifting) -> None:
    world = deployed_world
    world.host.rename("acme/app-1", "acme/shop")
    world.heal_all()
    assert (world.current().repository_name, world.drift()) == ("acme/shop", [])


def test_a_repository_that_went_to_somebody_else_detaches_its_app(deployed_world: Drifting) -> None:
    world = deployed_world
    world.host.rename("acme/app-1", "else/app-1")
    world.heal_all()
    assert (world.current().status, world.drift()) == (AppStatus.DETACHED, [])


def test_an_archived_repository_is_told_and_left_alone(deployed_world: Drifting) -> None:
    world = deployed_world
    world.repository().is_archived = True
    world.look_at_app(heal=Heal.ALL)
    assert world.drift() == [(Kind.REPOSITORY_ARCHIVED, "acme/app-1")]


def test_a_repository_that_failed_provisioning_left_is_told(world: Drifting) -> None:
    with world.records.begin() as tx:
        tx.apps.add(an_app(2, status=AppStatus.FAILED))
    world.later()
    world.host.add_repository("acme/app-2", TEMPLATE_FILES)
    world.heal_all()
    assert world.drift("app_0002") == [(Kind.REPOSITORY_LEFT_OVER, "acme/app-2")]
