"""What a pass finds of scripts: those that are gone, are somebody else's, or that nothing needs."""

from dataclasses import replace

import pytest

from app.domain.apps import Heal
from app.domain.drift import Kind
from app.domain.jobs import JobType
from tests.unit.pipeline.reconciling import PREVIEW, PRODUCTION, Drifting, at_rest, deployed, push


@pytest.fixture
def world() -> Drifting:
    return Drifting()


@pytest.fixture
def deployed_world(world: Drifting) -> Drifting:
    return at_rest(world)


def test_a_script_that_is_gone_is_put_up_again(deployed_world: Drifting) -> None:
    world, live = deployed_world, deployed_world.code()
    for script in list(world.scripts.namespaces[PRODUCTION]):
        world.scripts.delete(PRODUCTION, script)
    world.look_at_all()
    assert {kind for kind, _ in world.drift()} == {Kind.SCRIPT_GONE}
    assert len(world.drift()) == 2, "the environment's and the deployment's own"
    world.heal_all()
    own = world.deployments()[0].own_script
    assert (world.drift(), world.code(), world.code(own or "")) == ([], live, live)
    assert world.deployments()[0].expires_at is None


def test_a_script_whose_bytes_are_somebody_elses_is_told(deployed_world: Drifting) -> None:
    world = deployed_world
    world.scripts.upload(PRODUCTION, "slug0001", world.scripts.namespaces[PRODUCTION]["slug0001"])
    world.heal_all()
    assert world.drift() == [(Kind.SCRIPT_CHANGED, f"{PRODUCTION}/slug0001")]


def test_a_script_whose_bytes_are_somebody_elses_is_put_right_by_who_heals_all(
    deployed_world: Drifting,
) -> None:
    world = deployed_world
    etags = dict(world.scripts.etags)
    for script, tags in list(world.scripts.namespaces[PRODUCTION].items()):
        world.scripts.upload(PRODUCTION, script, tags)
    world.look_at_app(heal=Heal.ALL)
    world.run_queue()
    world.heal_all()
    assert world.drift() == []
    assert all(world.scripts.etags[place] != etag for place, etag in etags.items())


def test_a_script_that_we_put_up_and_that_shows_another_deployment_than_is_recorded_is_told(
    deployed_world: Drifting,
) -> None:
    """As a process leaves it that put up what it was too late for, and could not say so."""
    world = deployed_world
    with world.records.begin() as tx:
        (standing,) = (it for it in tx.standing.of("app_0001", PRODUCTION) if it.script == "slug0001")
        tx.standing.put(replace(standing, subject="dpl_late"))
    world.look_at_all()
    assert world.drift() == [(Kind.SCRIPT_CHANGED, f"{PRODUCTION}/slug0001")]
    world.look_at_app(heal=Heal.ALL)
    world.run_queue()
    world.heal_all()
    assert world.drift() == []


def test_a_script_that_nothing_needs_is_told_and_deleted_by_who_heals_all(deployed_world: Drifting) -> None:
    world = deployed_world
    world.scripts.upload(PREVIEW, "preview-old-slug0001", ["app-slug0001"])
    world.scripts.upload(PREVIEW, "nobody's", ["theirs"])
    world.heal_all()
    assert world.drift() == [(Kind.SCRIPT_ORPHAN, f"{PREVIEW}/preview-old-slug0001")]
    world.look_at_app(heal=Heal.ALL)
    assert list(world.scripts.namespaces[PREVIEW]) == ["nobody's"]


def test_a_script_that_is_being_restored_is_no_orphan(deployed_world: Drifting) -> None:
    world = deployed_world
    world.scripts.upload(PREVIEW, "preview-old-slug0001", ["app-slug0001"])
    with world.records.begin() as tx:  # it records what it put up when that is done
        tx.jobs.enqueue(JobType.RESTORE, "app_0001", {"deployment": "dpl_1", "actor": "ada"})
    world.look_at_app(heal=Heal.ALL)
    assert "preview-old-slug0001" in world.scripts.namespaces[PREVIEW]


def test_scripts_of_apps_that_are_gone_are_nobodys() -> None:
    world = Drifting()
    world.settled_app()
    world.scripts.upload(PRODUCTION, "k7x2m9qd", ["app-k7x2m9qd"])
    world.heal_all()
    assert world.orphans() == [(Kind.SCRIPT_ORPHAN, f"{PRODUCTION}/k7x2m9qd")]
    world.platform = replace(world.platform, heal=Heal.ALL)
    world.heal_all()
    assert (world.orphans(), world.scripts.namespaces[PRODUCTION]) == ([], {})


@pytest.mark.parametrize(
    ("script", "tag"),
    [
        ("shop", "app-shop"),
        ("our-frontend", "app-frontend"),
        ("shop", "app-k7x2m9qd"),
        ("preview-shop", "app-"),
    ],
)
def test_scripts_of_others_that_have_a_tag_like_ours_are_left_alone(script: str, tag: str) -> None:
    world = Drifting()
    world.settled_app(heal=Heal.ALL)
    world.platform = replace(world.platform, heal=Heal.ALL)
    world.scripts.upload(PRODUCTION, script, [tag])
    world.heal_all()
    assert (world.orphans(), list(world.scripts.namespaces[PRODUCTION])) == ([], [script])


def test_when_more_scripts_are_nobodys_than_are_known_it_is_us_who_do_not_know() -> None:
    world = Drifting()
    world.settled_app()
    deployed(world)
    world.run_queue()
    world.platform = replace(world.platform, heal=Heal.ALL)
    slugs = [f"k7x2m9q{letter}" for letter in "bcdfg"]
    for slug in slugs:
        world.scripts.upload(PREVIEW, f"preview-{slug}", [f"app-{slug}"])
    world.heal_all()
    assert len(world.orphans()) == len(slugs)
    assert set(world.scripts.namespaces[PREVIEW]) == {f"preview-{slug}" for slug in slugs}


def test_a_script_that_is_about_to_go_up_is_no_orphan(world: Drifting) -> None:
    world.settled_app(heal=Heal.ALL)
    report = push(world)
    world.start(report)
    own = world.deployments()[0].own_script or ""
    world.scripts.upload(PRODUCTION, own, ["app-slug0001"])
    world.heal_all()
    assert own in world.scripts.namespaces[PRODUCTION]


def test_scripts_from_before_anybody_wrote_them_down_are_missed_later(deployed_world: Drifting) -> None:
    world = deployed_world
    with world.records.begin() as tx:
        tx.standing.remove(PRODUCTION, [it.script for it in tx.standing.of("app_0001", PRODUCTION)])
    world.look_at_all()
    world.scripts.delete(PRODUCTION, "slug0001")
    world.look_at_all()
    assert world.drift() == [(Kind.SCRIPT_GONE, f"{PRODUCTION}/slug0001")]


def test_an_alias_that_nobody_puts_up_is_released(deployed_world: Drifting) -> None:
    world = deployed_world
    with world.records.begin() as tx:
        alias = tx.aliases.get("slug0001")
        assert alias is not None
        tx.aliases.save(replace(alias, is_settled=False))
    world.look_at_all()
    assert world.drift() == [(Kind.ALIAS_UNSETTLED, "slug0001")]
    world.heal_all()
    assert (world.drift(), world.alias().is_in_line) == ([], True)
