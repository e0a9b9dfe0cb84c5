"""What is live of an app, told from its deployments."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from app.domain.aliases import Alias
from app.domain.deployments import Deployment, Status
from app.domain.environments import Environment
from app.pipeline.overview import Overview, Standing, days_until, overview, standings
from app.pipeline.release import show
from tests.builders import NOON, a_deployment, a_pull, an_app
from tests.fakes.records import FakeRecords
from tests.unit.pipeline.runs import a_run
from tests.unit.pipeline.world import World

APP = an_app()
NO_TIME = timedelta()
PULL: dict[str, Any] = {
    "environment": Environment.PREVIEW,
    "script": "preview-pr7-slug0001",
    "pull_request": 7,
}
BRANCH: dict[str, Any] = {"environment": Environment.PREVIEW, "script": "preview-slug0001", "branch": "lab"}


def look(*deployments: Deployment, **pulls: bool) -> Overview:
    """Return the overview; `pulls` are p7=True for an open one."""
    records = FakeRecords()
    with records.begin() as tx:
        tx.apps.add(APP)
        for name, is_open in pulls.items():
            tx.pulls.save(a_pull(int(name[1:]), is_open=is_open))
        for deployment in deployments:
            tx.deployments.add(deployment)
            if deployment.status is Status.READY:
                show(tx, deployment, deployment.created_at)
    with records.read() as tx:
        return overview(tx, APP)


def previews(seen: Overview) -> list[tuple[int | None, int, Status]]:
    return [
        (it.pull.number if it.pull else None, it.deployment.run.number, it.deployment.status)
        for it in seen.previews
    ]


def test_a_new_app_has_nothing() -> None:
    seen = look()
    assert [state.environment for state in seen.environments] == ["production", "staging"]
    for state in seen.environments:
        assert (state.live, state.newest, state.alias) == (None, None, None)
    assert seen.previews == []


def test_what_is_live_is_the_newest_that_went_live() -> None:
    first, second = a_deployment(1, status=Status.READY), a_deployment(2, status=Status.READY)
    failed = a_deployment(3, status=Status.ERROR)
    other = a_deployment(9, status=Status.READY, app_id="app_0002", script="slug0002")
    production, staging = look(second, first, failed, other).environments
    assert (production.live, production.newest) == (second, failed)
    assert (staging.live, staging.newest) == (None, None)


@pytest.mark.parametrize("status", [Status.QUEUED, Status.BUILDING, Status.DEPLOYING, Status.ERROR])
def test_a_preview_shows_its_newest_run(status: Status) -> None:
    seen = look(a_deployment(1, status=Status.READY, **PULL), a_deployment(2, status=status, **PULL), p7=True)
    assert previews(seen) == [(7, 2, status)]


@pytest.mark.parametrize("status", [Status.CANCELLED, Status.SUPERSEDED])
def test_a_run_that_was_stopped_hides_nothing(status: Status) -> None:
    seen = look(a_deployment(1, status=Status.READY, **PULL), a_deployment(2, status=status, **PULL), p7=True)
    assert previews(seen) == [(7, 1, Status.READY)]


def test_previews_of_pull_requests_come_first() -> None:
    eighth = {**PULL, "script": "preview-pr8-slug0001", "pull_request": 8}
    seen = look(
        a_deployment(1, status=Status.READY, **PULL),
        a_deployment(2, status=Status.READY, **eighth),
        a_deployment(3, status=Status.READY, **BRANCH),
        p7=True,
        p8=True,
    )
    assert previews(seen) == [(8, 2, Status.READY), (7, 1, Status.READY), (None, 3, Status.READY)]


def test_a_closed_pull_request_has_no_preview() -> None:
    assert previews(look(a_deployment(1, status=Status.READY, **PULL), p7=False)) == []


def test_a_removed_preview_is_not_shown() -> None:
    assert previews(look(a_deployment(1, status=Status.REMOVED, **BRANCH))) == []


@pytest.mark.parametrize("place", [PULL, BRANCH])
def test_an_old_failure_does_not_come_back_when_its_preview_is_removed(place: dict[str, Any]) -> None:
    failed = a_deployment(1, status=Status.ERROR, **place)
    removed = a_deployment(2, status=Status.REMOVED, **place)
    assert previews(look(failed, removed, p7=True)) == []
    again = a_deployment(3, status=Status.QUEUED, **place)
    number = place.get("pull_request")
    assert previews(look(failed, removed, again, p7=True)) == [(number, 3, Status.QUEUED)]


# ------------------------------------------------------------------------------------- what aliases add to it


def test_what_is_live_is_what_the_alias_says() -> None:
    world = World()
    world.app()
    first, second = world.deploy(a_run(1)), world.deploy(a_run(2))
    world.rollback()
    with world.records.read() as tx:
        production, _ = overview(tx, world.current()).environments
        around = standings(tx, "app_0001", [second, first])
    assert (production.live, production.newest) == (first, second)
    assert production.alias == world.alias()
    assert [(it.is_live, it.is_pinned) for it in around] == [(False, False), (True, True)]


def test_what_expired_is_not_live() -> None:
    alias = Alias("app_0001", "x", Environment.PREVIEW, "live-preview", NOON, deployment_id="dpl_0001_1")
    deployment = a_deployment(1, status=Status.READY)
    assert Standing(deployment, replace(alias, is_pinned=True)).is_pinned
    expired = Standing(deployment, replace(alias, is_pinned=True, expired_at=NOON))
    assert not expired.is_live
    assert not expired.is_pinned
    assert not Standing(deployment, None).is_live


def test_what_is_kept_and_does_not_answer_can_be_restored() -> None:
    up = a_deployment(1, own_script="production-x-slug0001", bundle="b" * 64, uploaded_at=NOON)
    assert not Standing(up, None).can_be_restored
    assert Standing(replace(up, retired_at=NOON), None).can_be_restored
    assert not Standing(replace(up, retired_at=NOON, bundle=None), None).can_be_restored
    assert not Standing(replace(up, uploaded_at=None), None).can_be_restored  # it is about to be put up


@pytest.mark.parametrize(
    ("left", "days"),
    [(timedelta(days=7), 7), (timedelta(days=6, seconds=1), 7), (timedelta(seconds=1), 1), (-NO_TIME, 0)],
)
def test_days_are_counted_whole(left: timedelta, days: int) -> None:
    assert days_until(NOON + left, NOON) == days


def test_what_expired_long_ago_has_no_days_left() -> None:
    assert days_until(NOON - timedelta(days=3), NOON) == 0
    assert days_until(None, NOON) is None


def test_a_preview_of_a_fork_is_seen() -> None:
    records = FakeRecords()
    forked = {**PULL, "script": "fork-pr7-slug0001"}
    with records.begin() as tx:
        tx.apps.add(APP)
        tx.pulls.save(a_pull(7, is_from_fork=True))
        tx.deployments.add(a_deployment(1, status=Status.BUILDING, is_from_fork=True, **forked))
        assert previews(overview(tx, APP)) == [(7, 1, Status.BUILDING)]
