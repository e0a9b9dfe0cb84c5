"""What a run brought goes up under its own address first, and goes live when nothing speaks against it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from app.domain.aliases import LEASE
from app.domain.apps import AppStatus
from app.domain.deployments import Deployment, Status
from app.domain.environments import Environment
from app.domain.events import Tag
from app.domain.jobs import JobType
from app.errors import Busy, Conflict, NotFound, RemoteUnavailable, ScriptRefused
from tests.builders import a_pull
from tests.fakes.jobs import Crashed
from tests.unit.pipeline.runs import a_pull_run, a_run, what_github_says
from tests.unit.pipeline.world import World

LIVE, NAMESPACE = "slug0001", "live-production"


@pytest.fixture
def world(world: World) -> World:
    """An app with run 1 live, and run 2 about to upload."""
    world.app()
    world.deploy(a_run(1))
    world.start(a_run(2))
    world.forget_queue()
    return world


def known(world: World, number: int = 2) -> Deployment:
    return next(it for it in world.deployments() if it.run.number == number)


def own(world: World, number: int = 2) -> str:
    script = known(world, number).own_script
    assert script is not None
    return script


def die() -> None:
    raise Crashed("killed")


def hold(world: World, holder: str, seconds: float = 60) -> None:
    with world.records.begin() as tx:
        until = world.clock() + timedelta(seconds=seconds)
        tx.aliases.save(replace(world.alias(), holder=holder, held_until=until))


def settled(world: World) -> None:
    """Run what was asked for, and check that what answers is what is recorded."""
    world.clock.advance(LEASE.total_seconds())
    world.run_queue()
    shown = {it.id: it for it in world.deployments()}[world.alias().deployment_id or ""]
    assert world.alias().is_in_line
    assert world.scripts.uploads[NAMESPACE, LIVE].bundle.digest == shown.bundle
    for deployment in world.deployments():
        answers = (deployment.namespace, deployment.own_script) in world.scripts.uploads
        assert answers is deployment.has_own_address is (deployment.status is Status.READY)


# ----------------------------------------------------------------------------------------------- as it should


def test_an_upload_goes_up_under_its_own_address_and_then_live(world: World) -> None:
    order = list[str]()
    world.during(own(world), lambda: order.append("own"))
    world.during(LIVE, lambda: order.append("live"))
    uploaded = world.upload(a_run(2), "hello")
    assert order == ["own", "live"]
    assert (world.code(), world.code(own(world))) == ("hello", "hello")
    assert uploaded.uploaded_at == world.clock()
    assert (uploaded.status, uploaded.expires_at, uploaded.has_own_address) == (Status.DEPLOYING, None, True)
    alias = world.alias()
    assert (alias.deployment_id, alias.order, alias.actor) == (uploaded.id, (2, 1), "workflow")
    assert alias.is_in_line
    assert world.events(uploaded.id)[-1].payload["isLive"] is True
    assert world.new_jobs() == []


def test_its_scripts_bear_tags_and_what_is_ours(world: World) -> None:
    world.upload(a_run(2))
    tags = world.scripts.namespaces[NAMESPACE]
    assert set(tags[own(world)]) == {*tags[LIVE], "own-slug0001"}
    bindings = {it["name"]: it["text"] for it in world.scripts.uploads[NAMESPACE, LIVE].bindings}
    assert bindings["BRANCHLINE_DEPLOYMENT"] == known(world).id


def test_the_same_may_be_uploaded_again(world: World) -> None:
    first = world.upload(a_run(2), "hello")
    assert world.upload(a_run(2), "hello").bundle == first.bundle
    with pytest.raises(Conflict) as refused:
        world.upload(a_run(2), "something else")
    assert refused.value.error_code == "deployment:uploaded"
    assert (world.code(), world.code(own(world))) == ("hello", "hello")


def test_a_preview_is_renewed_by_every_push_also_while_it_is_pinned(world: World) -> None:
    world.pull(a_pull(7))
    first = world.deploy(a_pull_run(3))
    world.rollback(first.id, Environment.PREVIEW)
    world.clock.advance(3600)
    world.deploy(a_pull_run(4))
    until = world.clock() + timedelta(days=7)
    assert world.alias("preview-pr7-slug0001").expires_at == until
    assert {known(world, number).expires_at for number in (3, 4)} == {until}


# ----------------------------------------------------------------------------------------- who goes live not


def test_a_pinned_environment_gets_an_address_for_each_push_and_nothing_else(world: World) -> None:
    world.rollback(known(world, 1).id)
    world.run_queue()
    assert world.start(a_run(2)).goes_live is False
    world.upload(a_run(2), "hello")
    assert world.finish(a_run(2)).status is Status.READY
    assert (world.code(), world.code(own(world))) == (a_run(1).commit, "hello")
    assert world.alias().deployment_id == known(world, 1).id
    assert world.events(known(world).id)[-2].payload["isLive"] is False


def test_who_pins_before_it_goes_live_keeps_it_from_going_live(world: World) -> None:
    world.during(own(world), lambda: world.rollback(known(world, 1).id))
    world.upload(a_run(2))
    assert world.code() == a_run(1).commit
    world.finish(a_run(2))
    settled(world)
    assert world.alias().deployment_id == known(world, 1).id


@pytest.mark.parametrize("is_late", [False, True])
def test_who_pins_while_it_goes_live_has_it_put_back(world: World, *, is_late: bool) -> None:
    world.during(LIVE, lambda: world.rollback(known(world, 1).id), is_late=is_late)
    world.upload(a_run(2))
    world.finish(a_run(2))
    settled(world)
    assert world.alias().deployment_id == known(world, 1).id


@pytest.mark.parametrize("script", ["own", LIVE])
def test_who_resumes_while_it_goes_up_has_it_live(world: World, script: str) -> None:
    world.rollback(known(world, 1).id)
    world.run_queue()
    world.during(own(world) if script == "own" else script, world.resume)
    world.upload(a_run(2))
    world.finish(a_run(2))
    world.resume()
    settled(world)
    assert world.alias().deployment_id == known(world).id


def test_who_resumes_after_it_is_up_has_it_live_before_its_run_ends(world: World) -> None:
    world.rollback(known(world, 1).id)
    world.run_queue()
    world.upload(a_run(2))
    world.resume()
    world.run_queue()
    assert world.code() == a_run(2).commit
    world.finish(a_run(2))
    settled(world)


# ------------------------------------------------------------------------------------------- one at a time


@pytest.mark.parametrize("script", ["own", LIVE])
def test_of_two_uploads_with_one_grant_another_one_is_refused(world: World, script: str) -> None:
    codes = list[str]()

    def again() -> None:
        with pytest.raises(Conflict) as refused:
            world.upload(a_run(2), code="another")
        codes.append(refused.value.error_code)

    world.during(own(world) if script == "own" else script, again)
    world.upload(a_run(2))
    assert codes == ["deployment:uploading"]
    assert world.alias().is_in_line
    assert world.code() == a_run(2).commit


@pytest.mark.parametrize("script", ["own", LIVE])
def test_the_same_bytes_may_be_sent_again_while_the_first_upload_hangs(world: World, script: str) -> None:
    world.during(own(world) if script == "own" else script, lambda: world.upload(a_run(2)))
    world.upload(a_run(2))
    world.run_queue()
    assert world.alias().is_in_line
    assert world.code() == a_run(2).commit
    world.finish(a_run(2))
    settled(world)


@pytest.mark.parametrize("script", ["own", LIVE])
def test_whose_upload_died_with_its_process_sends_it_again_at_once(world: World, script: str) -> None:
    world.during(own(world) if script == "own" else script, die)
    with pytest.raises(Crashed):
        world.upload(a_run(2))
    assert world.alias().holder == known(world).id
    world.upload(a_run(2))
    world.finish(a_run(2))
    settled(world)
    assert world.code() == a_run(2).commit


def test_what_was_refused_may_be_sent_in_another_form(world: World) -> None:
    def refuse() -> None:
        raise ScriptRefused("it does not start")

    world.during(own(world), refuse)
    with pytest.raises(ScriptRefused):
        world.upload(a_run(2), code="broken")
    assert known(world).bundle is None
    world.upload(a_run(2))
    world.finish(a_run(2))
    settled(world)


def test_who_holds_the_alias_is_waited_for(world: World) -> None:
    hold(world, "job_1")
    with pytest.raises(Busy) as busy:
        world.upload(a_run(2))
    assert busy.value.retry_after_seconds == 2
    assert world.alias().holder == "job_1"
    assert own(world) not in world.scripts.namespaces[NAMESPACE]


def test_what_somebody_left_who_lost_the_alias_is_put_right(world: World) -> None:
    hold(world, "job_1", seconds=-1)
    world.rollback(known(world, 1).id)
    world.forget_queue()  # it is the job that died
    world.upload(a_run(2))
    assert [job.type for job in world.new_jobs()] == [JobType.RELEASE]
    world.finish(a_run(2))
    settled(world)


def test_an_upload_that_lost_the_alias_leaves_going_live_to_a_release(world: World) -> None:
    world.during(own(world), lambda: hold(world, "job_1"))
    world.upload(a_run(2))
    assert world.code() == a_run(1).commit
    assert world.alias().holder == "job_1"
    world.finish(a_run(2))
    settled(world)
    assert world.alias().deployment_id == known(world).id


def test_an_upload_that_lost_the_alias_while_it_went_live_is_put_up_again(world: World) -> None:
    world.during(LIVE, lambda: hold(world, "job_1"))
    world.upload(a_run(2))
    assert not world.alias().is_settled
    world.finish(a_run(2))
    settled(world)
    assert world.alias().deployment_id == known(world).id


# ------------------------------------------------------------------------------------------- what goes wrong


@pytest.mark.parametrize("script", ["own", LIVE])
def test_a_refusal_changes_nothing_that_is_live(world: World, script: str) -> None:
    def refuse() -> None:
        raise ScriptRefused("it does not start")

    world.during(own(world) if script == "own" else script, refuse)
    with pytest.raises(ScriptRefused):
        world.upload(a_run(2))
    assert world.code() == a_run(1).commit
    assert world.alias().is_in_line
    assert world.new_jobs() == []
    world.finish(a_run(2), "failure")
    assert known(world).status is Status.ERROR
    settled(world)


@pytest.mark.parametrize("is_late", [False, True])
@pytest.mark.parametrize("script", ["own", LIVE])
@pytest.mark.parametrize("again", [False, True])
def test_an_outage_leaves_what_is_recorded(world: World, script: str, *, is_late: bool, again: bool) -> None:
    def fail() -> None:
        raise RemoteUnavailable("503")

    world.during(own(world) if script == "own" else script, fail, is_late=is_late)
    with pytest.raises(RemoteUnavailable):
        world.upload(a_run(2))
    assert world.alias().holder is None
    assert [job.type for job in world.new_jobs()] == ([] if script == "own" else [JobType.RELEASE])
    if again:
        world.upload(a_run(2))
    world.finish(a_run(2), "success" if again else "failure")
    assert known(world).status is (Status.READY if again else Status.ERROR)
    settled(world)
    assert world.alias().deployment_id == known(world, 2 if again else 1).id


@pytest.mark.parametrize("is_late", [False, True])
@pytest.mark.parametrize("script", ["own", LIVE])
@pytest.mark.parametrize("end", ["told by the run", "told by GitHub", "never told"])
def test_a_process_that_dies_leaves_what_is_recorded(
    world: World, script: str, end: str, *, is_late: bool
) -> None:
    world.during(own(world) if script == "own" else script, die, is_late=is_late)
    with pytest.raises(Crashed):
        world.upload(a_run(2))
    if end == "told by the run":
        world.finish(a_run(2), "failure")
    elif end == "told by GitHub":
        world.hear(what_github_says(a_run(2), "failure"))
    else:
        world.clock.advance(3600)
        world.deploy(a_run(3))
        world.hear(what_github_says(a_run(2), "failure"))
    settled(world)
    assert known(world).status is Status.ERROR
    assert world.alias().deployment_id == known(world, 3 if end == "never told" else 1).id


def test_a_database_that_goes_away_leaves_what_is_recorded(world: World) -> None:
    def go_away() -> None:
        world.records.is_away = True

    world.during(LIVE, go_away, is_late=True)
    with pytest.raises(RemoteUnavailable):
        world.upload(a_run(2))
    world.records.is_away = False
    world.finish(a_run(2), "failure")
    settled(world)
    assert world.alias().deployment_id == known(world, 1).id


@pytest.mark.parametrize("script", ["own", LIVE])
@pytest.mark.parametrize(
    "conclusion", ["failure", "cancelled", "success"], ids=lambda conclusion: f"run ended: {conclusion}"
)
def test_a_run_that_ends_while_its_upload_goes_on_leaves_nothing(
    world: World, script: str, conclusion: str
) -> None:
    place = own(world) if script == "own" else script
    world.during(place, lambda: world.hear(what_github_says(a_run(2), conclusion)))
    with pytest.raises(Conflict) as refused:
        world.upload(a_run(2))
    assert refused.value.error_code == "deployment:ended"
    settled(world)
    assert world.alias().deployment_id == known(world, 1).id


@pytest.mark.parametrize("status", [AppStatus.DELETING, AppStatus.DETACHED])
def test_an_app_that_is_going_takes_no_upload(world: World, status: AppStatus) -> None:
    with world.records.begin() as tx:
        tx.apps.save(replace(tx.apps.get("app_0001"), status=status))
    with pytest.raises(Conflict) as refused:
        world.upload(a_run(2))
    assert refused.value.error_code == f"app:{status}"


@pytest.mark.parametrize("script", ["own", LIVE])
def test_an_app_that_is_forgotten_while_an_upload_goes_on_leaves_nothing(world: World, script: str) -> None:
    def forget() -> None:
        world.scripts.delete_tagged(NAMESPACE, "app-slug0001")
        with world.records.begin() as tx:
            tx.aliases.forget("app_0001")
            tx.apps.remove("app_0001")

    world.during(own(world) if script == "own" else script, forget)
    with pytest.raises((Conflict, NotFound)):
        world.upload(a_run(2))
    assert world.scripts.namespaces[NAMESPACE] == {}


def test_only_what_is_being_deployed_is_put_up(world: World) -> None:
    with pytest.raises(Conflict, match="the deployment has ended, it is ready") as refused:
        world.upload(a_run(1))
    assert refused.value.error_code == "deployment:ended"


def test_an_upload_is_written_down_once_for_each_time(world: World) -> None:
    world.upload(a_run(2))
    world.finish(a_run(2))
    assert world.tags(known(world).id).count(Tag.DEPLOYMENT_UPLOADED) == 1
