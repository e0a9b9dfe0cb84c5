"""What is live of an app, told from its deployments."""

from typing import Any

import pytest

from app.domain.deployments import Deployment, Status
from app.domain.environments import Environment
from app.pipeline.overview import Overview, overview
from tests.builders import a_deployment, a_pull, an_app
from tests.fakes.records import FakeRecords

APP = an_app()
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
    assert all(state.live is state.newest is None for state in seen.environments)
    assert seen.previews == []


def test_what_is_live_is_the_newest_that_went_live() -> None:
    first, second = a_deployment(1, status=Status.READY), a_deployment(2, status=Status.READY)
    failed = a_deployment(3, status=Status.ERROR)
    other = a_deployment(9, status=Status.READY, app_id="app_0002")
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
