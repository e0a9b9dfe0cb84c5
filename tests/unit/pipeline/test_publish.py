"""GitHub is told how a deployment stands: in its words, and nothing twice."""

from dataclasses import replace
from typing import Any, cast

import pytest

from app.domain.apps import AppStatus
from app.domain.deployments import Deployment, Status
from app.domain.environments import Environment
from app.domain.jobs import Job, JobType
from app.errors import RateLimited, RemoteUnavailable
from app.pipeline.move import tell_again
from app.pipeline.publish import WORDS
from app.pipeline.release import show
from tests.builders import a_deployment, a_pull
from tests.fakes.code_host import FakeRecord, FakeStatus
from tests.fakes.jobs import Crashed, FakeSteps
from tests.unit.pipeline.runs import a_pull_run, a_run
from tests.unit.pipeline.world import World

RUN = "https://github.example/runs/1"
URL = "https://slug0001.apps.test"


@pytest.fixture
def world(world: World) -> World:
    world.app()
    return world


def ask(world: World, deployment: Deployment) -> Job:
    with world.records.begin() as tx:
        return tx.jobs.enqueue(JobType.PUBLISH, deployment.app_id, {"deployment": deployment.id})


def tell(world: World, deployment: Deployment) -> None:
    """Keep a deployment as it is given and have it told."""
    with world.records.begin() as tx:
        known = {it.id: it for it in tx.deployments.find("app_0001")}.get(deployment.id)
        if known is None:
            tx.deployments.add(deployment)
        else:
            told = replace(deployment, published=known.published)
            tx.deployments.save(replace(told, github_deployment_id=known.github_deployment_id))
        if deployment.status is Status.READY:
            show(tx, deployment, world.clock())
    world.know(deployment.commit)
    world.run(ask(world, deployment))


def record(world: World) -> FakeRecord:
    (found,) = world.repository().records.values()
    return found


def commit_status(world: World) -> FakeStatus:
    (found,) = world.repository().statuses.values()
    return found


# https://docs.github.com/en/rest/deployments/statuses, https://docs.github.com/en/rest/commits/statuses
RECORD_STATES = {"error", "failure", "inactive", "in_progress", "queued", "pending", "success"}
COMMIT_STATES = {"error", "failure", "pending", "success"}


def test_every_status_has_its_words() -> None:
    assert set(WORDS) == set(Status)
    assert {words.record_state for words in WORDS.values()} <= RECORD_STATES
    assert {words.commit_state for words in WORDS.values()} <= COMMIT_STATES | {None}


@pytest.mark.parametrize(
    ("status", "commit_state", "record_state", "text"),
    [
        (Status.QUEUED, "pending", "queued", "Waiting for a runner"),
        (Status.BUILDING, "pending", "in_progress", "Building"),
        (Status.DEPLOYING, "pending", "in_progress", "Deploying"),
        (Status.READY, "success", "success", "Live"),
        (Status.ERROR, "failure", "failure", "Failed: build failed: no such file"),
        (Status.CANCELLED, "error", "inactive", "Cancelled"),
        (Status.SUPERSEDED, "success", "inactive", "Superseded by a newer commit"),
    ],
)
def test_a_status_is_told_in_githubs_words(
    world: World, status: Status, commit_state: str, record_state: str, text: str
) -> None:
    tell(world, a_deployment(1, status=status, error="build failed:\n  no such file"))
    is_live = status is Status.READY
    assert commit_status(world) == FakeStatus(commit_state, text, URL if is_live else RUN)
    assert record(world).statuses == [
        {
            "state": record_state,
            "environment": "production",
            "description": text,
            "environment_url": URL if is_live else None,
            "log_url": RUN,
        }
    ]
    (known,) = world.deployments()
    assert known.published is status
    assert known.github_deployment_id in world.repository().records


def test_a_removal_leaves_the_commit_as_it_is(world: World) -> None:
    tell(world, a_deployment(1, status=Status.READY))
    tell(world, a_deployment(1, status=Status.REMOVED))
    assert [status["state"] for status in record(world).statuses] == ["success", "inactive"]
    assert commit_status(world).state == "success"


@pytest.mark.parametrize(
    ("changes", "context"),
    [
        ({"environment": Environment.PRODUCTION}, "branchline/production"),
        ({"environment": Environment.STAGING}, "branchline/staging"),
        ({"environment": Environment.PREVIEW}, "branchline/preview"),
        ({"environment": Environment.PREVIEW, "pull_request": 7}, "branchline/preview-pr7"),
    ],
)
def test_each_place_has_its_own_status(world: World, changes: dict[str, Any], context: str) -> None:
    deployment = replace(a_deployment(1, status=Status.READY), **changes)
    tell(world, deployment)
    assert list(world.repository().statuses) == [(deployment.commit, context)]


def test_a_description_is_cut_where_github_cuts_it(world: World) -> None:
    tell(world, a_deployment(1, status=Status.ERROR, error="x" * 500))
    text = commit_status(world).description
    assert len(text) == 140
    assert text.endswith("x…")


def test_control_characters_stay_out_of_a_description(world: World) -> None:
    tell(world, a_deployment(1, status=Status.ERROR, error="a\x1b[31mb\0c\u202ed\ne"))
    assert commit_status(world).description == "Failed: a [31mb c d e"


# ------------------------------------------------------------------------------------------- what is live now


def told(world: World, deployment: Deployment) -> tuple[str, str, str | None]:
    """Return state, description and address of the last status of a deployment's record."""
    records = world.repository().records.values()
    (last,) = [it.statuses[-1] for it in records if it.deployment_id == deployment.id]
    return str(last["state"]), str(last["description"]), cast("str | None", last["environment_url"])


def own_url(deployment: Deployment) -> str:
    return f"https://{deployment.own_script}.apps.test"


def test_a_rollback_makes_the_older_record_active_again(world: World) -> None:
    first, second = world.deploy(a_run(1)), world.deploy(a_run(2))
    world.run_queue()
    assert told(world, second) == ("success", "Live", URL)
    world.rollback()
    world.run_queue()
    assert told(world, first) == ("success", "Live, pinned by ada", URL)
    shown = first.commit[:7]
    assert told(world, second) == (
        "inactive",
        f"Ready, not live: production is pinned to {shown}",
        own_url(second),
    )


def test_what_is_built_while_pinned_is_told_at_its_own_address(world: World) -> None:
    world.deploy(a_run(1))
    live = world.deploy(a_run(2))
    world.rollback(live.id)
    world.run_queue()
    built = world.deploy(a_run(3))
    world.run_queue()
    state, description, address = told(world, built)
    assert (state, address) == ("inactive", own_url(built))
    assert description == f"Ready, not live: production is pinned to {live.commit[:7]}"
    status = world.repository().statuses[built.commit, "branchline/production"]
    assert (status.state, status.target_url) == ("success", own_url(built))
    assert told(world, live)[0] == "success"


def test_resuming_makes_what_was_built_meanwhile_active(world: World) -> None:
    live = world.deploy(a_run(1))
    world.rollback(live.id)
    built = world.deploy(a_run(2))
    world.run_queue()
    world.resume()
    world.run_queue()
    assert told(world, built) == ("success", "Live", URL)
    assert told(world, live)[:2] == ("inactive", f"Ready, not live: production shows {built.commit[:7]}")


def test_a_promotion_has_a_record_of_its_own(world: World) -> None:
    world.pull(a_pull(7))
    world.deploy(a_run(1))
    source = world.deploy(a_pull_run(2))
    promoted = world.promote(source.id).deployment
    world.run_queue()
    assert told(world, promoted) == ("success", "Live, promoted by ada", URL)
    records = {it.deployment_id: it for it in world.repository().records.values()}
    assert (records[promoted.id].environment, records[promoted.id].commit) == ("production", source.commit)
    assert records[source.id].environment == "preview"


def test_an_anonymous_decision_is_the_apis(world: World) -> None:
    tell(world, a_deployment(1, status=Status.READY))
    with world.records.begin() as tx:
        tx.aliases.save(replace(world.alias(), is_pinned=True, actor="token"))
        tell_again(tx, tx.deployments.get("dpl_0001_1"))
    world.run_queue()
    assert record(world).statuses[-1]["description"] == "Live, pinned over the API"


# ----------------------------------------------------------------------------------------- nothing said twice


def test_nothing_is_said_twice(world: World) -> None:
    deployment = a_deployment(1, status=Status.READY)
    tell(world, deployment)
    writes = world.host.writes.total()
    for _ in range(3):
        assert world.run(ask(world, deployment)) == {"deployment": deployment.id, "told": None}
    assert world.host.writes.total() == writes


def test_what_sounds_alike_is_said_once(world: World) -> None:
    tell(world, a_deployment(1, status=Status.BUILDING))
    writes = world.host.writes.total()
    tell(world, a_deployment(1, status=Status.DEPLOYING))
    assert world.host.writes.total() == writes


def test_a_cancelled_run_that_turns_out_superseded_is_told(world: World) -> None:
    tell(world, a_deployment(1, status=Status.CANCELLED))
    tell(world, a_deployment(1, status=Status.SUPERSEDED))
    assert commit_status(world).state == "success"


def test_a_whole_deployment_costs_few_writes(world: World) -> None:
    for status in (Status.QUEUED, Status.BUILDING, Status.DEPLOYING, Status.READY):
        tell(world, a_deployment(1, status=status))
    # The record, for queued, in progress and live each a status of it, and for pending and success one of
    # the commit.
    assert world.host.writes.total() == 6


def test_a_record_is_made_once(world: World) -> None:
    for status in (Status.QUEUED, Status.BUILDING, Status.READY):
        tell(world, a_deployment(1, status=status))
    assert len(world.repository().records) == 1


@pytest.mark.parametrize("call", ["ensure_deployment", "set_deployment_status", "set_commit_status"])
@pytest.mark.parametrize("is_late", [False, True], ids=["before", "after"])
def test_github_being_away_makes_no_second_record(world: World, call: str, *, is_late: bool) -> None:
    world.host.fail_next(RemoteUnavailable("502"), call=call, times=2, is_late=is_late)
    tell(world, a_deployment(1, status=Status.READY))
    assert len(world.repository().records) == 1
    assert commit_status(world).state == "success"


def test_a_commit_that_cannot_be_told_makes_no_second_status_of_the_record(world: World) -> None:
    limited = RateLimited("setting the status: rate limit", retry_at=world.clock())
    world.host.fail_next(limited, call="set_commit_status", times=2)
    tell(world, a_deployment(1, status=Status.READY))
    assert len(record(world).statuses) == 1


def test_a_crash_after_telling_makes_no_second_record(world: World) -> None:
    deployment = world.deployment(a_deployment(1, status=Status.READY))
    job, steps = ask(world, deployment), FakeSteps(crash_after=1)
    with pytest.raises(Crashed):
        world.run(job, steps)
    steps.restart()
    world.run(job, steps)
    assert len(record(world).statuses) == 1


# ----------------------------------------------------------------------------------------- nobody to be told


@pytest.mark.parametrize("changes", [{"status": AppStatus.DETACHED}, {"repository": None}])
def test_an_app_out_of_reach_is_told_nothing(world: World, changes: dict[str, Any]) -> None:
    deployment = world.deployment(a_deployment(1, status=Status.READY))
    with world.records.begin() as tx:
        tx.apps.save(replace(tx.apps.get("app_0001"), **changes))
    world.run(ask(world, deployment))
    assert world.host.writes.total() == 0


def test_a_deleted_app_is_told_nothing(world: World) -> None:
    deployment = world.deployment(a_deployment(1, status=Status.READY))
    with world.records.begin() as tx:
        tx.apps.remove("app_0001")
    world.run(ask(world, deployment))
    assert world.host.writes.total() == 0
