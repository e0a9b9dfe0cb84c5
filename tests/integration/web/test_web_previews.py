"""A commit of a fork's pull request, approved over the API."""

from typing import Any

import pytest

from app.domain.events import Event, Tag
from app.domain.jobs import JobType
from tests.builders import a_pull
from tests.integration.web.world import World, error_of

COMMIT = "a" * 40


@pytest.fixture
def world(world: World) -> World:
    world.app()
    with world.records.begin() as tx:
        tx.pulls.save(a_pull(7, is_from_fork=True, head_repository_id=666))
        tx.pulls.save(a_pull(8))
        tx.pulls.save(a_pull(9, is_from_fork=True, is_open=False))
    return world


def post(world: World, body: Any = None, number: object = 7, app: str = "app-1", **given: Any) -> Any:
    return world.call(
        "POST", f"/api/apps/{app}/pulls/{number}/preview", json=body or {"commit": COMMIT}, **given
    )


def events(world: World) -> list[Event]:
    with world.records.read() as tx:
        return [it for it in tx.events.about("app_0001") if it.tag is Tag.PREVIEW_APPROVED]


def test_an_approval_is_accepted_with_a_job(world: World) -> None:
    answer = post(world, {"commit": COMMIT, "by": "ada"})
    assert answer.status_code == 202
    body = answer.get_json()
    with world.records.read() as tx:
        job = tx.jobs.get(body["jobId"])
    assert (job.type, job.arguments) == (JobType.FORK_PREVIEW, {"pull_request": 7, "commit": COMMIT})
    assert body == {
        "appId": "app_0001",
        "pullRequest": 7,
        "commit": COMMIT,
        "approvedBy": "ada",
        "approvedAt": body["approvedAt"],
        "url": "https://fork-pr7-slug0001.apps.test",
        "alternateUrl": "https://dispatch.test/app/fork-pr7-slug0001",
        "jobId": job.id,
        "pollUrl": f"https://branchline.test/api/jobs/{job.id}",
    }
    (event,) = events(world)
    assert (event.actor, event.payload) == ("ada", {"number": 7, "commit": COMMIT})


def test_asked_again_it_answers_the_same_approval(world: World) -> None:
    first, second = post(world).get_json(), post(world, {"commit": COMMIT, "by": "bob"}).get_json()
    assert (second["approvedBy"], second["approvedAt"]) == ("operator", first["approvedAt"])
    assert len(events(world)) == 1


@pytest.mark.parametrize(
    ("given", "status", "code"),
    [
        ({"number": 8}, 409, "pull-request:not-a-fork"),
        ({"number": 9}, 409, "pull-request:closed"),
        ({"number": 10}, 404, "pull-request:not-found"),
        ({"app": "nothing"}, 404, "app:not-found"),
        ({"body": {"commit": "b" * 40}}, 409, "pull-request:other-commit"),
        ({"body": {"commit": COMMIT[:7]}}, 400, "request:invalid"),
        ({"body": {"commit": COMMIT.upper()}}, 400, "request:invalid"),
        ({"body": {"commit": COMMIT + "\n"}}, 400, "request:invalid"),
        ({"body": {"commit": 7}}, 400, "request:invalid"),
        ({"body": {"by": "ada"}}, 400, "request:invalid"),
        ({"body": {"commit": COMMIT, "by": "github"}}, 400, "request:invalid"),
        ({"body": {"commit": COMMIT, "branch": "main"}}, 400, "request:invalid"),
        ({"number": "7a"}, 400, "request:invalid"),
        ({"number": 0}, 400, "request:invalid"),
        ({"number": 2**53}, 400, "request:invalid"),
        ({"headers": {}}, 401, "request:unauthenticated"),
    ],
)
def test_what_is_not_approved(world: World, given: dict[str, Any], status: int, code: str) -> None:
    answer = post(world, **given)
    assert (answer.status_code, error_of(answer)["code"]) == (status, code)
    assert events(world) == []


def test_the_newest_commit_is_told_with_the_refusal(world: World) -> None:
    answer = post(world, {"commit": "b" * 40})
    assert error_of(answer)["details"] == {"commit": COMMIT}
