"""A pull request has one comment of ours, which says how its preview stands."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from app.domain.apps import AppStatus
from app.domain.deployments import Status
from app.domain.environments import Environment
from app.domain.jobs import Job, JobType
from app.errors import RemoteUnavailable
from app.pipeline.expire import sweep
from app.pipeline.release import show
from app.render.comment import marker
from tests.builders import a_deployment, a_pull
from tests.fakes.code_host import LOGIN
from tests.fakes.jobs import Crashed, FakeSteps
from tests.unit.pipeline.runs import a_pull_run, a_run
from tests.unit.pipeline.world import World

URL = "https://preview-pr7-slug0001.apps.test"
PREVIEW: dict[str, Any] = {
    "environment": Environment.PREVIEW,
    "namespace": "live-preview",
    "script": "preview-pr7-slug0001",
    "pull_request": 7,
    "branch": "hello",
}


@pytest.fixture
def world(world: World) -> World:
    world.app()
    world.pull(a_pull(7))
    return world


def ask(world: World, number: int = 7) -> Job:
    with world.records.begin() as tx:
        return tx.jobs.enqueue(JobType.PREVIEW, "app_0001", {"pull_request": number})


def write(world: World, **changes: Any) -> str:
    """Have the comment written for the newest deployment, changed like this, and return its text."""
    with world.records.begin() as tx:
        for newest in tx.deployments.find("app_0001", pull_request=7, limit=1):
            changed = replace(newest, **changes)
            tx.deployments.save(changed)
            if "status" in changes and changed.status is Status.READY:
                show(tx, changed, world.clock())
    world.run(ask(world))
    (comment,) = [it for it in world.repository().comments.values() if it.author == LOGIN]
    assert comment.number == 7
    return comment.body


def test_a_pull_request_has_one_comment(world: World) -> None:
    assert "Waiting for a runner" in write(world)
    world.deployment(a_deployment(1, **PREVIEW))
    for status in (Status.BUILDING, Status.DEPLOYING, Status.READY):
        body = write(world, status=status)
    assert f"<{URL}>" in body
    assert "✅ Ready" in body
    assert len(world.repository().comments) == 1
    assert world.known_pull().comment_id in world.repository().comments


def test_the_comment_says_what_the_newest_run_says(world: World) -> None:
    world.deployment(a_deployment(1, status=Status.READY, **PREVIEW))
    world.deployment(a_deployment(2, status=Status.BUILDING, **PREVIEW))
    body = write(world)
    assert f"`{2:040x}"[:8] in body
    assert "🔨 Building" in body


def test_nothing_is_written_when_nothing_changed(world: World) -> None:
    world.deployment(a_deployment(1, status=Status.READY, **PREVIEW))
    body = write(world)
    writes = world.host.writes.total()
    world.clock.advance(3600)
    assert write(world) == body
    assert world.host.writes.total() == writes


def test_the_comment_is_found_by_marker_and_authorship(world: World) -> None:
    mark = marker("app_0001")
    stranger = world.host.say("acme/app-1", 7, f"{mark}\nlooks like yours", author="mallory")
    other_app = world.host.say("acme/app-1", 7, marker("app_0002"), author=LOGIN)
    elsewhere = world.host.say("acme/app-1", 8, mark, author=LOGIN)
    ours = world.host.say("acme/app-1", 7, f"{mark}\nold", author=LOGIN)
    before = {n: world.repository().comments[n].body for n in (stranger, other_app, elsewhere)}
    world.run(ask(world))
    comments = world.repository().comments
    assert "### Preview" in comments[ours].body
    assert {n: comments[n].body for n in before} == before
    assert len(comments) == 4
    assert world.known_pull().comment_id == ours


def test_a_deleted_comment_is_written_again_when_there_is_news(world: World) -> None:
    world.deployment(a_deployment(1, **PREVIEW))
    write(world)
    first = world.known_pull().comment_id
    world.repository().comments.clear()
    assert "✅ Ready" in write(world, status=Status.READY)
    assert world.known_pull().comment_id != first
    assert len(world.repository().comments) == 1


@pytest.mark.parametrize("call", ["find_comment", "create_comment"])
@pytest.mark.parametrize("is_late", [False, True], ids=["before", "after"])
def test_github_being_away_makes_no_second_comment(world: World, call: str, *, is_late: bool) -> None:
    world.host.fail_next(RemoteUnavailable("502"), call=call, times=2, is_late=is_late)
    write(world)
    assert len(world.repository().comments) == 1


def test_a_crash_makes_no_second_comment(world: World) -> None:
    job, steps = ask(world), FakeSteps(crash_after=1)
    with pytest.raises(Crashed):
        world.run(job, steps)
    steps.restart()
    world.run(job, steps)
    assert len(world.repository().comments) == 1


def test_the_commit_has_an_address_of_its_own_beside_the_previews(world: World) -> None:
    deployed = world.deploy(a_pull_run())
    body = write(world)
    assert f"| **Address** | <{URL}>" in body
    assert f"| **This commit** | <https://{deployed.own_script}.apps.test> |" in body
    assert "| **Expires** | 2026-11-29 without a push |" in body


def test_a_failed_push_leaves_the_address_to_the_commit_before(world: World) -> None:
    first = world.deploy(a_pull_run(1))
    world.start(a_pull_run(2))
    world.finish(a_pull_run(2), "failure", error_phase="build")
    body = write(world)
    assert "❌ Failed" in body
    assert f"shows `{first.commit[:7]}` |" in body
    assert "This commit" not in body


def test_a_pinned_preview_says_so(world: World) -> None:
    first, second = world.deploy(a_pull_run(1)), world.deploy(a_pull_run(2))
    world.rollback(first.id, Environment.PREVIEW)
    world.run_queue()
    body = write(world)
    assert f"| **Pinned** | to `{first.commit[:7]}` by ada" in body
    assert f"<https://{second.own_script}.apps.test>" in body


def test_a_promotion_is_told_where_it_came_from(world: World) -> None:
    source = world.deploy(a_pull_run(1))
    staged = world.promote(source.id, Environment.STAGING).deployment
    world.run_queue()
    world.promote(staged.id, Environment.PRODUCTION)
    world.run_queue()  # the comment is written without being asked for
    (comment,) = world.repository().comments.values()
    assert f"| **Promoted** | to staging by ada: `{source.commit[:7]}`, live |" in comment.body
    assert f"| **Promoted** | to production by ada: `{source.commit[:7]}`, live |" in comment.body
    world.deploy(a_run(2))
    assert f"| **Promoted** | to production by ada: `{source.commit[:7]}` |" in write(world)


def test_promotions_of_others_are_none_of_its_business(world: World) -> None:
    world.pull(a_pull(8))
    world.deploy(a_pull_run(1))
    other = world.deploy(a_pull_run(2, 8))
    world.promote(other.id)
    world.run_queue()
    bodies = {it.number: it.body for it in world.repository().comments.values()}
    assert "Promoted" in bodies[8]
    assert "Promoted" not in bodies[7]


def test_a_preview_that_expired_says_so(world: World) -> None:
    world.deploy(a_pull_run())
    world.run_queue()
    world.clock.advance(8 * 24 * 3600)
    sweep(world.records, world.clock())
    world.run_queue()
    body = write(world)
    assert f"| **Address** | `{URL}` has expired: push again |" in body
    assert "Expires" not in body
    assert "This commit" not in body


def test_a_fork_is_told_why_nothing_is_deployed(world: World) -> None:
    world.pull(a_pull(7, is_from_fork=True))
    body = write(world)
    assert "**Not deployed.** This pull request comes from a fork" in body
    assert "Status" not in body
    assert URL not in body


def test_a_closed_pull_request_says_so(world: World) -> None:
    world.deployment(a_deployment(1, status=Status.READY, **PREVIEW))
    write(world)
    world.pull(replace(world.known_pull(), is_open=False))
    body = write(world, status=Status.REMOVED)
    assert "This pull request is closed: its preview was removed." in body
    assert URL not in body


def test_an_error_is_shown(world: World) -> None:
    world.deployment(a_deployment(1, status=Status.ERROR, error="build failed: no such file", **PREVIEW))
    body = write(world)
    assert "❌ Failed" in body
    assert "```text\nbuild failed: no such file\n```" in body


def test_the_time_is_utc(world: World) -> None:
    world.clock.now += timedelta(seconds=1)
    assert "| **Updated** | 2026-11-22 12:00:01 UTC |" in write(world)


@pytest.mark.parametrize("changes", [{"status": AppStatus.DETACHED}, {"repository": None}])
def test_an_app_out_of_reach_gets_no_comment(world: World, changes: dict[str, Any]) -> None:
    with world.records.begin() as tx:
        tx.apps.save(replace(tx.apps.get("app_0001"), **changes))
    assert world.run(ask(world)) == {"pullRequest": 7, "comment": None}
    assert world.host.writes.total() == 0


def test_a_deleted_app_gets_no_comment(world: World) -> None:
    with world.records.begin() as tx:
        tx.apps.remove("app_0001")
    assert world.run(ask(world))["comment"] is None


def test_a_pull_request_that_we_never_heard_of_gets_no_comment(world: World) -> None:
    assert world.run(ask(world, 8)) == {"pullRequest": 8, "comment": None}
