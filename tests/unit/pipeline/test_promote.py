"""A promotion makes the very bytes of one environment live in another, as a deployment of its own."""

from dataclasses import replace

import pytest

from app.domain.apps import AppStatus
from app.domain.deployments import Deployment, Status
from app.domain.environments import Environment
from app.domain.events import Tag
from app.domain.jobs import JobStatus, JobType
from app.errors import Conflict, NotFound, ScriptRefused
from app.pipeline.variables import Editor, set_secrets, set_variables
from tests.builders import a_pull
from tests.fakes.jobs import Crashed, FakeSteps
from tests.unit.pipeline.runs import a_pull_run, a_run
from tests.unit.pipeline.world import World

PRODUCTION, STAGING, PREVIEW = Environment.PRODUCTION, Environment.STAGING, Environment.PREVIEW


@pytest.fixture
def world(world: World) -> World:
    """An app with production at run 1, and a preview of run 2."""
    world.app()
    world.pull(a_pull(7))
    world.deploy(a_run(1))
    world.deploy(a_pull_run(2))
    world.run_queue()
    return world


def known(world: World, number: int) -> Deployment:
    return next(it for it in world.deployments() if it.run.number == number and it.promoted_from is None)


def promotions(world: World) -> list[Deployment]:
    return [it for it in world.deployments() if it.promoted_from is not None]


def value(world: World, name: str, script: str = "slug0001", namespace: str = "live-production") -> str:
    bindings = {it["name"]: it["text"] for it in world.scripts.uploads[namespace, script].bindings}
    return str(bindings[name])


# --------------------------------------------------------------------------------------------- as it should


def test_a_preview_is_made_production(world: World) -> None:
    source = known(world, 2)
    released = world.promote(source.id)
    assert released.job.type is JobType.PROMOTE
    assert released.deployment.status is Status.DEPLOYING
    world.run_queue()
    (made,) = promotions(world)
    assert (made.status, made.finished_at) == (Status.READY, world.clock())
    assert (made.bundle, made.commit, made.run, made.branch) == (
        source.bundle,
        source.commit,
        source.run,
        source.branch,
    )
    assert (made.promoted_from, made.actor, made.pull_request) == (source.id, "ada", None)
    assert (made.script, made.namespace) == ("slug0001", "live-production")
    assert world.code() == world.code(made.own_script or "") == source.commit
    assert world.scripts.namespaces["live-production"]["slug0001"] == [
        "app-slug0001",
        "env-production",
        f"commit-{source.commit}",
        f"deployment-{made.id}",
    ]
    assert world.tags(made.id) == [
        Tag.DEPLOYMENT_DEPLOYING,
        Tag.DEPLOYMENT_PROMOTED,
        Tag.DEPLOYMENT_UPLOADED,
        Tag.DEPLOYMENT_READY,
    ]
    assert world.code("preview-pr7-slug0001") == source.commit


def test_it_gets_the_variables_and_secrets_of_where_it_goes(world: World) -> None:
    for environment in (PREVIEW, PRODUCTION):
        editor = Editor("ada", world.clock(), world.vault, world.platform)
        with world.records.begin() as tx:
            set_variables(tx, "app-1", environment, {"GREETING": f"of {environment}"}, editor)
            set_secrets(tx, "app-1", environment, {"KEY": f"key of {environment}"}, editor)
    world.promote(known(world, 2).id)
    world.run_queue()
    assert value(world, "GREETING") == "of production"
    assert value(world, "KEY") == "key of production"
    assert value(world, "BRANCHLINE_ENVIRONMENT") == "production"
    assert value(world, "GREETING", "preview-pr7-slug0001", "live-preview") == "of preview"


def test_bytes_go_up_through_staging(world: World) -> None:
    staged = world.promote(known(world, 2).id, STAGING).deployment
    world.run_queue()
    made = world.promote(staged.id, PRODUCTION).deployment
    world.run_queue()
    assert made.promoted_from == staged.id
    assert world.code() == world.code("staging-slug0001") == a_pull_run(2).commit


def test_it_ends_a_pin(world: World) -> None:
    world.rollback(known(world, 1).id)
    world.run_queue()
    world.promote(known(world, 2).id)
    world.run_queue()
    assert world.alias().is_pinned is False
    (event,) = [it for it in world.events() if it.tag is Tag.DEPLOYMENT_PROMOTED]
    assert (event.actor, event.payload["from"], event.payload["wasPinned"]) == (
        "ada",
        known(world, 2).id,
        True,
    )
    world.deploy(a_run(3))
    assert world.code() == a_run(3).commit


def test_what_was_built_while_it_was_pinned_is_made_live(world: World) -> None:
    world.rollback(known(world, 1).id)
    built = world.deploy(a_run(3))
    world.deploy(a_run(4))
    world.run_queue()
    released = world.promote(built.id)
    assert released.deployment.id == built.id
    assert released.job.type is JobType.RELEASE
    world.run_queue()
    assert promotions(world) == []
    assert world.code() == built.commit
    assert world.alias().is_pinned is False


def test_no_run_that_was_known_goes_live_over_it(world: World) -> None:
    world.start(a_run(3))
    world.clock.advance(600)
    world.promote(known(world, 2).id)
    world.run_queue()
    world.upload(a_run(3))
    world.finish(a_run(3))
    world.run_queue()
    assert world.code() == a_pull_run(2).commit
    world.deploy(a_run(4))
    assert world.code() == a_run(4).commit


def test_a_push_while_it_goes_up_waits_and_then_goes_live_over_it(world: World) -> None:
    made = world.promote(known(world, 2).id).deployment
    with pytest.raises(Conflict, match="is uploading"):
        world.start(a_run(3))
    world.run_queue()
    world.deploy(a_run(3))
    world.run_queue()
    assert world.code() == a_run(3).commit
    assert {it.id: it.status for it in promotions(world)} == {made.id: Status.READY}


def test_it_is_gone_back_from_and_resumed_to(world: World) -> None:
    made = world.promote(known(world, 2).id).deployment
    world.run_queue()
    assert world.rollback().deployment == known(world, 1)
    world.run_queue()
    assert world.resume().deployment.id == made.id
    world.run_queue()
    assert world.code() == made.commit


# --------------------------------------------------------------------------------------------- more than once


def test_the_same_promotion_is_one_deployment_and_one_job(world: World) -> None:
    first, again = world.promote(known(world, 2).id), world.promote(known(world, 2).id)
    assert (first.deployment.id, first.job.id) == (again.deployment.id, again.job.id)
    world.run_queue()
    before = world.scripts.faults.calls.count("put")
    later = world.promote(known(world, 2).id)
    world.run_queue()
    assert later.deployment.id == first.deployment.id
    assert world.scripts.faults.calls.count("put") == before
    assert len(promotions(world)) == 1


def test_a_promotion_that_is_made_again_is_the_earlier_one(world: World) -> None:
    first = world.promote(known(world, 2).id).deployment
    world.run_queue()
    world.deploy(a_run(3))
    released = world.promote(known(world, 2).id)
    world.run_queue()
    assert released.deployment.id == first.id
    assert world.code() == first.commit


def test_a_promotion_whose_job_was_lost_gets_another(world: World) -> None:
    first = world.promote(known(world, 2).id)
    with world.records.begin() as tx:
        tx.jobs.save(replace(first.job, status=JobStatus.FAILED))
    again = world.promote(known(world, 2).id)
    assert again.job.id != first.job.id
    world.run(again.job)
    assert promotions(world)[0].status is Status.READY


@pytest.mark.parametrize("moment", ["crash_before", "crash_after"])
@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_crash_at_any_step_changes_nothing(world: World, moment: str, number: int) -> None:
    job, steps = world.promote(known(world, 2).id).job, FakeSteps()
    setattr(steps, moment, number)
    with pytest.raises(Crashed):
        world.run(job, steps)
    steps.restart()
    world.run(job, steps)
    assert steps.step_names == ["put up under its own address", "put up", "record"]
    (made,) = promotions(world)
    assert made.status is Status.READY
    assert world.code() == world.code(made.own_script or "") == made.commit
    assert world.tags(made.id).count(Tag.DEPLOYMENT_UPLOADED) == 1
    assert world.tags(made.id).count(Tag.DEPLOYMENT_READY) == 1
    assert world.alias().is_in_line


# -------------------------------------------------------------------------------------------- what cannot be


@pytest.mark.parametrize("script", ["own", "slug0001"])
@pytest.mark.parametrize("is_pinned", [False, True])
def test_a_refused_promotion_leaves_all_as_it_was(world: World, script: str, *, is_pinned: bool) -> None:
    if is_pinned:
        world.rollback(known(world, 1).id)
        world.run_queue()
    before = world.alias()
    job = world.promote(known(world, 2).id).job

    def refuse() -> None:
        raise ScriptRefused("too large")

    own = promotions(world)[0].own_script or ""
    world.during(own if script == "own" else script, refuse)
    world.forget_queue()
    with pytest.raises(ScriptRefused):
        world.run(job)
    world.run_queue()
    (made,) = promotions(world)
    assert (made.status, made.error) == (Status.ERROR, "too large")
    assert world.code() == a_run(1).commit
    assert made.own_script not in world.scripts.namespaces["live-production"]
    after = world.alias()
    assert (after.deployment_id, after.is_pinned, after.order) == (
        before.deployment_id,
        is_pinned,
        before.order,
    )
    assert after.is_in_line


@pytest.mark.parametrize("moment", ["crash_before", "crash_after"])
def test_a_crash_while_a_refusal_is_recorded_changes_nothing(world: World, moment: str) -> None:
    job, steps = world.promote(known(world, 2).id).job, FakeSteps()
    world.scripts.fail_next(ScriptRefused("too large"), call="put")
    setattr(steps, moment, 2)
    world.forget_queue()
    with pytest.raises(Crashed):
        world.run(job, steps)
    steps.restart()
    with pytest.raises(ScriptRefused):
        world.run(job, steps)
    world.run_queue()
    assert promotions(world)[0].status is Status.ERROR
    assert world.code() == a_run(1).commit
    assert world.alias().is_in_line


def test_the_first_of_an_environment_that_is_refused_leaves_it_empty(world: World) -> None:
    job = world.promote(known(world, 2).id, STAGING).job
    world.scripts.fail_next(ScriptRefused("too large"), call="put")
    with pytest.raises(ScriptRefused):
        world.run(job)
    world.forget_queue()
    assert world.alias("staging-slug0001").deployment_id is None
    assert world.scripts.namespaces["live-staging"] == {}


@pytest.mark.parametrize(
    ("number", "environment", "code"),
    [
        (1, STAGING, "deployment:not-promotable"),
        (1, PREVIEW, "deployment:not-promotable"),
        (3, PREVIEW, "deployment:not-promotable"),
    ],
)
def test_bytes_are_promoted_upwards_only(
    world: World, number: int, environment: Environment, code: str
) -> None:
    world.deploy(a_run(3, branch="staging"))
    with pytest.raises(Conflict) as refused:
        world.promote(known(world, number).id, environment)
    assert refused.value.error_code == code


@pytest.mark.parametrize("environment", list(Environment))
def test_a_forks_code_is_never_promoted(world: World, environment: Environment) -> None:
    with world.records.begin() as tx:
        tx.deployments.save(replace(known(world, 2), is_from_fork=True))
    with pytest.raises(Conflict) as refused:
        world.promote(known(world, 2).id, environment)
    assert refused.value.error_code == "deployment:from-fork"


def test_what_is_not_ready_is_not_promoted(world: World) -> None:
    world.start(a_pull_run(3))
    with pytest.raises(Conflict) as refused:
        world.promote(known(world, 3).id)
    assert refused.value.error_code == "deployment:not-ready"


def test_what_nobody_knows_is_not_promoted(world: World) -> None:
    with world.records.begin() as tx:
        tx.deployments.add(replace(known(world, 2), id="dpl_gone", app_id="app_gone", own_script="x"))
    for unknown in ("dpl_nothing", "dpl_gone"):
        with pytest.raises(NotFound) as refused:
            world.promote(unknown)
        assert refused.value.error_code == "deployment:not-found"


def test_an_app_that_is_being_deleted_while_it_goes_up_gets_nothing(world: World) -> None:
    job = world.promote(known(world, 2).id).job
    with world.records.begin() as tx:
        tx.apps.save(replace(world.current(), status=AppStatus.DELETING))
    before = world.scripts.faults.calls.count("put")
    assert world.run(job)["status"] == "deploying"
    assert world.scripts.faults.calls.count("put") == before
