"""A rollback holds: nothing goes live over it until somebody resumes."""

from dataclasses import replace
from datetime import timedelta

import pytest

from app.domain.apps import AppStatus
from app.domain.deployments import Deployment, Status
from app.domain.environments import Environment
from app.domain.events import Tag
from app.errors import Conflict, InvalidInput, NotFound
from tests.builders import a_pull
from tests.unit.pipeline.runs import a_pull_run, a_run
from tests.unit.pipeline.world import WITHOUT_GATEWAY, World

PREVIEW = "preview-pr7-slug0001"


@pytest.fixture
def world(world: World) -> World:
    """An app with three deployments, of which the third is live."""
    world.app()
    for number in (1, 2, 3):
        world.deploy(a_run(number))
    world.run_queue()
    return world


def known(world: World, number: int) -> Deployment:
    return next(it for it in world.deployments() if it.run.number == number and it.promoted_from is None)


def forget(world: World, deployment: Deployment) -> None:
    """Have a deployment's own address expire; its bytes are kept."""
    with world.records.begin() as tx:
        tx.deployments.save(replace(deployment, retired_at=world.clock()))
    world.scripts.delete(deployment.namespace, deployment.own_script or "")


# ----------------------------------------------------------------------------------------------- going back


def test_a_rollback_puts_the_earlier_bytes_back_with_one_upload(world: World) -> None:
    before = world.scripts.faults.calls.count("put")
    released = world.rollback()
    assert released.deployment == known(world, 2)
    world.run_queue()
    assert world.code() == a_run(2).commit
    assert world.scripts.faults.calls.count("put") == before + 1
    alias = world.alias()
    assert (alias.is_pinned, alias.actor, alias.updated_at) == (True, "ada", world.clock())
    event = next(it for it in world.events("app_0001") if it.tag is Tag.ENVIRONMENT_ROLLED_BACK)
    assert event.actor == "ada"
    assert event.payload == {
        "app": "app_0001",
        "environment": "production",
        "script": "slug0001",
        "from": known(world, 3).id,
        "to": known(world, 2).id,
    }


def test_each_rollback_goes_one_further_back(world: World) -> None:
    assert [world.rollback().deployment.run.number for _ in range(2)] == [2, 1]
    with pytest.raises(Conflict) as refused:
        world.rollback()
    assert refused.value.error_code == "environment:no-earlier-deployment"
    world.run_queue()
    assert world.code() == a_run(1).commit


def test_bytes_come_back_whose_own_address_has_expired(world: World) -> None:
    forget(world, known(world, 1))
    world.rollback(known(world, 1).id)
    world.run_queue()
    assert world.code() == a_run(1).commit
    assert world.code(known(world, 1).own_script or "") is None


def test_what_never_was_ready_is_not_gone_back_to(world: World) -> None:
    world.start(a_run(4))
    world.finish(a_run(4), "failure")
    world.deploy(a_run(5))
    assert world.rollback().deployment.run.number == 3


def test_pins_and_pushes_and_resuming(world: World) -> None:
    world.rollback()
    world.run_queue()
    for number in (4, 5):
        assert world.start(a_run(number)).goes_live is False
        world.upload(a_run(number))
        built = world.finish(a_run(number))
        assert built.status is Status.READY
        assert world.code(built.own_script or "") == a_run(number).commit
        world.run_queue()
        assert world.code() == a_run(2).commit
    released = world.resume()
    assert released.deployment.run.number == 5
    world.run_queue()
    assert world.code() == a_run(5).commit
    assert world.alias().is_pinned is False
    world.deploy(a_run(6))
    assert world.code() == a_run(6).commit


def test_what_is_live_may_be_pinned_where_it_is(world: World) -> None:
    before = world.scripts.faults.calls.count("put")
    world.rollback(known(world, 3).id)
    world.run_queue()
    assert world.alias().is_pinned
    assert world.scripts.faults.calls.count("put") == before


def test_the_same_rollback_is_written_down_once(world: World) -> None:
    to = known(world, 1).id
    first, again = world.rollback(to), world.rollback(to)
    assert (first.deployment, first.alias) == (again.deployment, again.alias)
    assert world.tags("app_0001").count(Tag.ENVIRONMENT_ROLLED_BACK) == 1


def test_nothing_has_to_be_live_to_go_back(world: World) -> None:
    with world.records.begin() as tx:
        tx.aliases.save(replace(world.alias(), deployment_id=None))
    assert world.rollback().deployment.run.number == 3


def test_a_rollback_leaves_other_environments_alone(world: World) -> None:
    world.deploy(a_run(4, branch="staging"))
    world.rollback()
    world.run_queue()
    assert world.code("staging-slug0001") == a_run(4).commit
    assert world.alias("staging-slug0001").is_pinned is False


# ------------------------------------------------------------------------------------------- what cannot be


@pytest.mark.parametrize("number", [4, 5, 6], ids=["a preview", "staging", "another app's"])
def test_a_deployment_of_somewhere_else_is_unknown(world: World, number: int) -> None:
    world.pull(a_pull(7))
    world.deploy(a_pull_run(4))
    world.deploy(a_run(5, branch="staging"))
    world.deployment(replace(known(world, 1), id="dpl_other", app_id="app_0002", own_script="other"))
    to = "dpl_other" if number == 6 else known(world, number).id
    with pytest.raises(NotFound) as refused:
        world.rollback(to)
    assert refused.value.error_code == "deployment:not-found"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"bundle": None}, "deployment:no-bundle"),
        ({"status": Status.ERROR}, "deployment:not-ready"),
        ({"status": Status.REMOVED}, "deployment:not-ready"),
        ({"status": Status.BUILDING, "bundle": None}, "deployment:not-ready"),
    ],
)
def test_what_cannot_be_shown_is_not_gone_back_to(
    world: World, changes: dict[str, object], code: str
) -> None:
    with world.records.begin() as tx:
        tx.deployments.save(replace(known(world, 1), **changes))  # type: ignore[arg-type]
    with pytest.raises(Conflict) as refused:
        world.rollback(known(world, 1).id)
    assert refused.value.error_code == code
    assert world.rollback().deployment.run.number == 2


def test_without_a_gateway_there_is_nothing_to_go_back_to() -> None:
    world = World(WITHOUT_GATEWAY)
    world.app()
    for number in (1, 2):
        world.start(a_run(number))
        world.finish(a_run(number))
    with pytest.raises(Conflict) as refused:
        world.rollback()
    assert refused.value.error_code == "environment:no-earlier-deployment"
    with pytest.raises(Conflict) as refused:
        world.rollback(world.deployments()[1].id)
    assert refused.value.error_code == "deployment:no-bundle"


def test_an_app_that_is_being_deleted_goes_nowhere(world: World) -> None:
    with world.records.begin() as tx:
        tx.apps.save(replace(world.current(), status=AppStatus.DELETING))
    for decide in (world.rollback, world.resume):
        with pytest.raises(Conflict) as refused:
            decide()
        assert refused.value.error_code == "app:deleting"


def test_an_app_whose_repository_is_gone_may_go_back(world: World) -> None:
    with world.records.begin() as tx:
        tx.apps.save(replace(world.current(), status=AppStatus.DETACHED))
    world.rollback()
    world.run_queue()
    assert world.code() == a_run(2).commit


# ------------------------------------------------------------------------------------------------- previews


def test_a_preview_goes_back_to_what_is_said(world: World) -> None:
    world.pull(a_pull(7))
    first = world.deploy(a_pull_run(4))
    world.deploy(a_pull_run(5))
    with pytest.raises(InvalidInput):
        world.rollback(environment=Environment.PREVIEW)
    world.clock.advance(3600)
    world.rollback(first.id, Environment.PREVIEW)
    world.run_queue()
    assert world.code(PREVIEW) == first.commit
    assert world.alias(PREVIEW).expires_at == world.clock() + timedelta(days=7)
    assert world.code() == a_run(3).commit
    world.resume(Environment.PREVIEW, 7)
    world.run_queue()
    assert world.code(PREVIEW) == a_pull_run(5).commit


def test_a_preview_that_expired_comes_back(world: World) -> None:
    world.pull(a_pull(7))
    first = world.deploy(a_pull_run(4))
    world.run_queue()
    with world.records.begin() as tx:
        tx.aliases.save(replace(world.alias(PREVIEW), expired_at=world.clock()))
    world.scripts.delete("live-preview", PREVIEW)
    world.rollback(first.id, Environment.PREVIEW)
    world.run_queue()
    assert world.code(PREVIEW) == first.commit
    assert world.alias(PREVIEW).expired_at is None


# ------------------------------------------------------------------------------------------------- resuming


def test_resuming_where_the_newest_is_live_puts_nothing_up(world: World) -> None:
    world.rollback(known(world, 3).id)
    world.run_queue()
    before = world.scripts.faults.calls.count("put")
    world.resume()
    world.run_queue()
    assert world.alias().is_pinned is False
    assert world.scripts.faults.calls.count("put") == before


def test_what_is_not_pinned_stays_as_it_is(world: World) -> None:
    assert world.resume().deployment.run.number == 3
    assert Tag.ENVIRONMENT_RESUMED not in world.tags("app_0001")


@pytest.mark.parametrize("environment", [Environment.STAGING, Environment.PREVIEW])
def test_nothing_is_resumed_where_nothing_is_deployed(world: World, environment: Environment) -> None:
    with pytest.raises(Conflict) as refused:
        world.resume(environment)
    assert refused.value.error_code == "environment:nothing-deployed"


def test_what_was_built_meanwhile_and_removed_is_not_resumed_to(world: World) -> None:
    world.rollback()
    world.deploy(a_run(4))
    with world.records.begin() as tx:
        tx.deployments.save(replace(known(world, 4), status=Status.REMOVED))
    assert world.resume().deployment.run.number == 3


def test_a_run_that_is_older_than_what_is_resumed_to_does_not_go_live(world: World) -> None:
    world.rollback()
    world.start(a_run(4))
    world.clock.advance(600)
    world.deploy(a_run(5))
    world.resume()
    world.upload(a_run(4))
    world.finish(a_run(4))
    world.run_queue()
    assert world.code() == a_run(5).commit
