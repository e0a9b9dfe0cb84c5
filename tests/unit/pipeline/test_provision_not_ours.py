"""An app's repository is never somebody else's: nothing is written into what we did not make."""

from dataclasses import replace
from datetime import timedelta

import pytest

from app.domain.apps import AppStatus
from app.domain.events import Tag
from app.errors import RemoteConflict, RemoteRefused
from tests.fakes.clock import FakeClock
from tests.fakes.code_host import FakeCodeHost
from tests.fakes.jobs import Crashed, FakeSteps
from tests.unit.pipeline.provisioning import MAXIMUM_WRITES, README, STEPS, assert_provisioned, history
from tests.unit.pipeline.world import TEMPLATE, TEMPLATE_FILES, World


def test_an_existing_repository_is_never_written_to(world: World) -> None:
    world.host.add_repository("acme/hello", {"precious.txt": b"mine"})
    before = dict(world.repository("acme/hello").branches)
    _, job = world.order()
    with pytest.raises(RemoteConflict) as refused:
        world.run(job)
    assert refused.value.error_code == "repository:name-taken"
    assert world.host.writes.total() == 0
    assert world.repository("acme/hello").branches == before


def test_a_repository_that_appears_meanwhile_is_never_written_to(world: World) -> None:
    _, job = world.order()
    steps = FakeSteps(crash_before=2)
    with pytest.raises(Crashed):
        world.run(job, steps)
    # Somebody renames an old repository to the name that was free a moment ago.
    theirs = world.host.add_repository("acme/hello", {"precious.txt": b"mine"})
    theirs.description = replace(theirs.description, created_at=world.clock() - timedelta(days=400))
    steps.restart()
    with pytest.raises(RemoteConflict):
        world.run(job, steps)
    assert theirs.files("main") == {"precious.txt": b"mine"}
    assert theirs.webhooks == {}
    assert theirs.secrets == {}


@pytest.mark.parametrize("is_private", [False, True], ids=["forked", "generated"])
def test_a_repository_that_takes_the_place_of_ours_is_never_written_to(
    world: World, *, is_private: bool
) -> None:
    _, job = world.order(is_private=is_private)
    steps = FakeSteps(crash_before=STEPS.index("keep repository") + 1)
    with pytest.raises(Crashed):
        world.run(job, steps)
    # Ours is renamed away and an old repository gets its name while nobody looks.
    del world.host.repositories["acme/hello"]
    theirs = world.host.add_repository("acme/hello", {"precious.txt": b"mine"})
    theirs.description = replace(theirs.description, created_at=world.clock() - timedelta(days=400))
    steps.restart()
    with pytest.raises(RemoteRefused) as refused:
        world.run(job, steps)
    assert refused.value.error_code == "repository:lost"
    assert theirs.files("main") == {"precious.txt": b"mine"}
    assert (theirs.webhooks, theirs.secrets, theirs.variables) == ({}, {}, {})
    assert world.current("hello").repository is None


@pytest.mark.parametrize("minutes", [-5, 5])
def test_a_clock_that_runs_are_still_believed_by_makes_apps(world: World, minutes: int) -> None:
    world.host = FakeCodeHost(FakeClock(world.clock() + timedelta(minutes=minutes)))
    world.host.add_repository(TEMPLATE, TEMPLATE_FILES, is_template=True)
    _, job = world.order(files=[README])
    world.run(job)
    assert_provisioned(world)


def test_a_fork_that_existed_already_is_left_alone(world: World) -> None:
    _, first = world.order("first")
    world.run(first)
    writes = world.host.writes["acme/first"]
    commits = dict(world.repository("acme/first").commits)
    # GitHub answers a second fork of the same template with the first one.
    world.host.allows_second_fork = False
    _, second = world.order("second")
    steps = FakeSteps()
    world.run(second, steps)
    assert "create from template" in steps.step_names
    assert "switch Actions on" not in steps.step_names
    made = world.repository("acme/second")
    assert made.description.is_fork is False
    assert history(world, "acme/second") == ["Set up second", "Initial commit"]
    assert world.repository("acme/first").commits == commits
    assert world.host.writes["acme/first"] == writes
    assert Tag.APP_REPOSITORY_GENERATED in world.tags()


def test_a_template_that_cannot_be_forked_is_generated_from(world: World) -> None:
    world.host.fail_next(RemoteConflict("forking: the parent is in the same organisation"), call="fork")
    _, job = world.order()
    world.run(job)
    assert world.repository("acme/hello").description.is_fork is False
    assert world.current("hello").status is AppStatus.READY


def test_a_private_app_is_no_fork(world: World) -> None:
    _, job = world.order(is_private=True)
    steps = FakeSteps()
    world.run(job, steps)
    description = world.repository("acme/hello").description
    assert (description.is_private, description.is_fork) == (True, False)
    assert "fork template" not in steps.step_names
    assert "fork" not in world.host.faults.calls
    assert world.host.writes.total() <= MAXIMUM_WRITES


@pytest.mark.parametrize("number", range(1, 4))
def test_a_private_app_survives_a_crash(world: World, number: int) -> None:
    _, job = world.order(is_private=True)
    steps = FakeSteps(crash_after=number)
    with pytest.raises(Crashed):
        world.run(job, steps)
    steps.restart()
    world.run(job, steps)
    assert world.host.writes["acme/hello"] <= MAXIMUM_WRITES
    assert history(world) == ["Set up hello", "Initial commit"]
