"""What GitHub takes its time for: forks that are filled late, Actions that stay silent, what disappears."""

import pytest

from app.domain.apps import AppStatus
from app.errors import RemoteConflict, RemoteRefused
from tests.fakes.jobs import Crashed, FakeSteps
from tests.unit.pipeline.provisioning import README, STEPS, assert_provisioned, history
from tests.unit.pipeline.world import World


def test_a_fork_that_is_filled_late_is_waited_for(world: World) -> None:
    world.host.looks_until_fork_is_filled = 4
    _, job = world.order(files=[README])
    steps = FakeSteps()
    world.run(job, steps)
    assert steps.slept == [0.25, 0.375, 0.5625, 0.84375]
    assert_provisioned(world)


def test_a_fork_that_is_never_filled_is_given_up(world: World) -> None:
    world.host.looks_until_fork_is_filled = 10_000
    _, job = world.order()
    steps = FakeSteps()
    with pytest.raises(RemoteRefused, match="acme/hello: still empty after 300 seconds") as refused:
        world.run(job, steps)
    assert refused.value.error_code == "repository:empty"
    assert 300 <= sum(steps.slept) <= 310
    assert max(steps.slept) <= 10


def test_silent_actions_are_switched_on(world: World) -> None:
    world.host.forks_are_silent = True
    _, job = world.order(files=[README])
    steps = FakeSteps()
    world.run(job, steps)
    assert steps.step_names[-4:] == ["enable workflow", "start workflow", "see a run", "finish"]
    assert [run.event for run in world.repository("acme/hello").runs] == ["workflow_dispatch"]
    assert world.current("hello").status is AppStatus.READY


def test_actions_that_stay_silent_are_said_clearly(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(world.host, "start_run", lambda *_: None)
    _, job = world.order()
    with pytest.raises(RemoteRefused, match="open the repository's Actions page") as refused:
        world.run(job)
    assert refused.value.error_code == "repository:actions-silent"
    assert refused.value.details["repository"] == "acme/hello"
    assert world.current("hello").status is AppStatus.PROVISIONING


@pytest.mark.parametrize("call", ["enable_workflow", "dispatch"])
def test_actions_that_refuse_to_speak_are_said_clearly(world: World, call: str) -> None:
    world.host.forks_are_silent = True
    world.host.fail_next(RemoteConflict("starting the workflow: 422"), call=call)
    _, job = world.order()
    with pytest.raises(RemoteRefused, match="open the repository's Actions page") as refused:
        world.run(job)
    assert refused.value.error_code == "repository:actions-silent"
    assert "422" in refused.value.message


def test_a_commit_by_somebody_else_is_not_overwritten(world: World) -> None:
    _, job = world.order()
    world.host.fail_next(RemoteConflict("committing to acme/hello: main moved"), call="commit")
    with pytest.raises(RemoteConflict, match="main moved"):
        world.run(job)
    assert history(world) == ["Start"]


def test_a_repository_that_disappears_is_said(world: World) -> None:
    _, job = world.order()
    steps = FakeSteps(crash_before=STEPS.index("keep repository") + 1)
    with pytest.raises(Crashed):
        world.run(job, steps)
    del world.host.repositories["acme/hello"]
    steps.restart()
    with pytest.raises(RemoteRefused, match="disappeared"):
        world.run(job, steps)
