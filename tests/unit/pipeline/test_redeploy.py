"""A deployment's run runs again, once for each time that it was asked for."""

from dataclasses import replace

import pytest

from app.domain.apps import AppStatus
from app.domain.deployments import Deployment
from app.domain.events import Tag
from app.errors import Conflict, RemoteConflict, RemoteForbidden
from app.ports import WorkflowRun
from tests.builders import a_pull
from tests.fakes.jobs import Crashed, FakeSteps
from tests.unit.pipeline.runs import a_pull_run, a_run
from tests.unit.pipeline.world import World


@pytest.fixture
def world(world: World) -> World:
    """An app with one deployment, whose run is over."""
    world.app()
    world.deploy(a_run(1))
    finished(world, 1)
    return world


def finished(world: World, number: int) -> None:
    """Have GitHub know run `number`, which is over."""
    report, repository = a_run(number), world.repository()
    repository.branches["main"] = report.commit
    world.host.start_run(repository, "main", "push")
    started = repository.runs[-1]
    run = replace(started.run, id=report.run_id, number=number, url=report.run_url, status="completed")
    repository.runs[-1] = replace(started, run=run)


def the_run(world: World) -> WorkflowRun:
    return world.repository().runs[-1].run


def deployed(world: World) -> Deployment:
    return world.deployments()[0]


def test_a_run_runs_again(world: World) -> None:
    answer = world.run(world.redeploy(deployed(world).id))
    assert answer == {"deployment": deployed(world).id, "run": a_run(1).run_url, "attempt": 2}
    assert (the_run(world).attempt, the_run(world).status) == (2, "queued")
    event = world.events(deployed(world).id)[-1]
    assert (event.tag, event.actor) == (Tag.DEPLOYMENT_REDEPLOY_REQUESTED, "ada")


def test_what_it_makes_goes_live_over_what_it_repeats(world: World) -> None:
    world.run(world.redeploy(deployed(world).id))
    again = a_run(1, run_attempt=2)
    world.start(again)
    world.upload(again, "built again")
    world.finish(again)
    assert world.code() == "built again"


@pytest.mark.parametrize("moment", ["crash_before", "crash_after"])
def test_a_crash_repeats_it_once(world: World, moment: str) -> None:
    job, steps = world.redeploy(deployed(world).id), FakeSteps()
    setattr(steps, moment, 1)
    with pytest.raises(Crashed):
        world.run(job, steps)
    steps.restart()
    assert world.run(job, steps)["attempt"] == 2
    assert the_run(world).attempt == 2
    assert world.host.faults.calls.count("rerun") == 1


def test_what_somebody_repeated_by_hand_meanwhile_is_not_repeated_again(world: World) -> None:
    job = world.redeploy(deployed(world).id)
    world.host.set_run("acme/app-1", a_run(1).run_id, "in_progress", attempt=2)
    assert world.run(job)["attempt"] == 2
    assert "rerun" not in world.host.faults.calls


def test_the_newest_attempt_is_the_one_that_is_repeated(world: World) -> None:
    first = deployed(world)
    world.host.set_run("acme/app-1", a_run(1).run_id, "completed", attempt=2)
    world.deploy(a_run(1, run_attempt=2))
    assert world.run(world.redeploy(first.id))["attempt"] == 3


def test_a_run_that_github_keeps_no_more_says_what_to_do(world: World) -> None:
    job = world.redeploy(deployed(world).id)
    world.repository().runs.clear()
    with pytest.raises(RemoteConflict, match="push a commit instead") as refused:
        world.run(job)
    assert refused.value.error_code == "run:not-repeatable"


def test_a_run_that_github_does_not_repeat_says_why(world: World) -> None:
    reason = "repeating run 1001: Unable to retry this workflow run because it was created over a month ago"
    world.host.fail_next(RemoteConflict(reason, code="run:not-repeatable"), call="rerun")
    with pytest.raises(RemoteConflict, match="over a month ago; GitHub repeats a run for 30 days"):
        world.run(world.redeploy(deployed(world).id))


def test_a_missing_permission_is_not_called_something_else(world: World) -> None:
    world.host.fail_next(RemoteForbidden("repeating run 1001: Resource not accessible"), call="rerun")
    with pytest.raises(RemoteForbidden):
        world.run(world.redeploy(deployed(world).id))


@pytest.mark.parametrize("word", ["start", "upload"])
def test_a_run_that_goes_on_is_not_repeated(world: World, word: str) -> None:
    world.start(a_run(2))
    if word == "upload":
        world.upload(a_run(2))
    with pytest.raises(Conflict) as refused:
        world.redeploy(deployed(world).id)
    assert refused.value.error_code == "deployment:running"


def test_a_promotion_has_no_run_to_repeat(world: World) -> None:
    world.pull(a_pull(7))
    source = world.deploy(a_pull_run(2))
    made = world.promote(source.id).deployment
    with pytest.raises(Conflict, match=f"redeploy {source.id} and promote that") as refused:
        world.redeploy(made.id)
    assert refused.value.error_code == "deployment:without-run"
    assert refused.value.details == {"promotedFrom": source.id}


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_app_without_its_repository_repeats_nothing(world: World, when: str) -> None:
    def lose() -> None:
        with world.records.begin() as tx:
            tx.apps.save(replace(world.current(), status=AppStatus.DETACHED, error="it is gone"))

    if when == "before":
        lose()
        with pytest.raises(Conflict, match="it is gone") as refused:
            world.redeploy(deployed(world).id)
        assert refused.value.error_code == "app:detached"
    else:
        job = world.redeploy(deployed(world).id)
        lose()
        assert world.run(job) == {"skipped": "the app has no repository any more"}
