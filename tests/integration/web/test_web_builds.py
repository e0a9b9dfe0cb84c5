"""What a run did and wrote, what changed, what scripts say: asked of others, seldom."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from app.domain.aliases import Alias
from app.domain.deployments import Deployment, Status
from app.errors import RemoteUnavailable
from app.pipeline.build import MOST_BYTES
from app.ports import BuildJob, BuildStep
from app.ports.runtime_logs import RuntimeLine
from tests.builders import NOON, a_deployment, a_repository, at
from tests.integration.web.world import World, error_of

NAME = "acme/app-1"
LOG = b"2026-11-22T12:00:00.1234567Z \x1b[32mhello\x1b[0m <script>\n"


def kept(world: World, *deployments: Deployment) -> None:
    with world.records.begin() as tx:
        for deployment in deployments:
            tx.deployments.add(deployment)


def a_job(number: int = 1, status: str = "completed", **changes: Any) -> BuildJob:
    steps = [
        BuildStep(1, "Set up job", "completed", "success", NOON, at(2)),
        BuildStep(2, "Build", "in_progress" if status != "completed" else "completed", None, at(2), None),
    ]
    ended = ("success", at(9)) if status == "completed" else (None, None)
    url = f"https://github.test/acme/app-1/actions/runs/1001/job/{number}"
    job = BuildJob(number, "deploy", status, ended[0], url, NOON, ended[1], steps)
    return replace(job, **changes)


@pytest.fixture
def deployment(world: World) -> Deployment:
    world.app()
    world.host.add_repository(NAME, {"a.txt": b"a"})
    made = a_deployment(1, status=Status.READY, own_script="own-1", uploaded_at=at(5))
    kept(world, made)
    return made


def built(world: World, *jobs: BuildJob, run: tuple[int, int] = (1001, 1), **logs: bytes) -> None:
    repository = world.host.repository(NAME)
    repository.jobs[run] = list(jobs)
    repository.logs.update({int(number.removeprefix("job")): text for number, text in logs.items()})


def test_a_build_tells_its_steps(world: World, deployment: Deployment) -> None:
    built(world, a_job(status="in_progress"))
    build = world.get(f"/api/deployments/{deployment.id}/build")
    assert (build["runId"], build["hasLog"]) == (1001, False)
    assert [(it["name"], it["status"]) for it in build["jobs"][0]["steps"]] == [
        ("Set up job", "completed"),
        ("Build", "in_progress"),
    ]


def test_the_log_is_text_and_a_download(world: World, deployment: Deployment) -> None:
    built(world, a_job(), job1=LOG)
    answer = world.call("GET", f"/api/deployments/{deployment.id}/log")
    assert answer.data == LOG
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.headers["Content-Disposition"] == f"attachment; filename={deployment.id}.log"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_several_jobs_stand_below_their_names(world: World, deployment: Deployment) -> None:
    built(world, a_job(1), a_job(2, name="test"), a_job(3, name="lint"), job1=b"one\n", job3=b"three\n")
    answer = world.call("GET", f"/api/deployments/{deployment.id}/log")
    assert answer.text == (
        "##[job]deploy: success\none\n##[job]test: success\n(nothing is kept of what it wrote)\n"
        "##[job]lint: success\nthree\n"
    )


def test_a_log_has_bounds(world: World, deployment: Deployment) -> None:
    built(world, a_job(), job1=b"x" * (MOST_BYTES + 5))
    answer = world.call("GET", f"/api/deployments/{deployment.id}/log")
    assert MOST_BYTES < len(answer.data) < MOST_BYTES + 200
    assert b"The rest is on GitHub" in answer.data


def test_while_a_run_goes_on_there_is_no_log_but_how_far_it_is(world: World, deployment: Deployment) -> None:
    built(world, a_job(status="in_progress"))
    answer = world.call("GET", f"/api/deployments/{deployment.id}/log")
    assert (answer.status_code, error_of(answer)["code"]) == (409, "build:going-on")
    assert "at the step 'Build'" in error_of(answer)["message"]


def test_what_github_keeps_no_more_is_gone(world: World, deployment: Deployment) -> None:
    for path in ("build", "log"):
        answer = world.call("GET", f"/api/deployments/{deployment.id}/{path}")
        assert (answer.status_code, error_of(answer)["code"]) == (410, "build:gone")
    built(world, a_job())
    world.later(10)
    assert world.call("GET", f"/api/deployments/{deployment.id}/log").status_code == 410


def test_a_run_that_is_over_is_asked_about_once(world: World, deployment: Deployment) -> None:
    built(world, a_job(), job1=LOG)
    world.get(f"/api/deployments/{deployment.id}/build")
    world.host.fail_next(RemoteUnavailable("looking: away"), call="jobs")
    assert world.get(f"/api/deployments/{deployment.id}/build")["hasLog"]


def test_a_promotion_shows_the_run_that_built_it(world: World, deployment: Deployment) -> None:
    built(world, a_job(), job1=LOG)
    promoted = replace(
        a_deployment(2, status=Status.READY), promoted_from=deployment.id, run=deployment.run, script="other"
    )
    kept(world, promoted)
    assert world.call("GET", f"/api/deployments/{promoted.id}/log").data == LOG


@pytest.mark.usefixtures("deployment")
def test_changes_are_the_commits_since_the_one_before(world: World) -> None:
    first = world.host.push(NAME, "main", {"b.txt": b"b"}, "Add b")
    second = world.host.push(NAME, "main", {"c.txt": b"c"}, "Add c\n\nWhy")
    kept(
        world,
        a_deployment(2, commit=first, status=Status.READY),
        a_deployment(3, status=Status.CANCELLED),
        a_deployment(4, commit=second, status=Status.READY),
    )
    told = world.get("/api/deployments/dpl_0004_1/changes")
    assert told["beforeId"] == "dpl_0002_1"
    assert [(it["sha"], it["message"]) for it in told["commits"]] == [(second, "Add c\n\nWhy")]
    assert (told["total"], told["missing"], told["files"]) == (1, 0, 1)
    world.host.fail_next(RemoteUnavailable("comparing: away"), call="between")
    assert world.get("/api/deployments/dpl_0004_1/changes") == told


def test_the_first_at_an_address_has_nothing_before_it(world: World, deployment: Deployment) -> None:
    told = world.get(f"/api/deployments/{deployment.id}/changes")
    assert (told["beforeId"], told["commits"]) == (None, [])


def test_scripts_tell_what_they_said(world: World, deployment: Deployment) -> None:
    live = Alias(
        app_id="app_0001",
        script=deployment.script,
        environment=deployment.environment,
        namespace=deployment.namespace,
        updated_at=NOON,
        deployment_id=deployment.id,
    )
    with world.records.begin() as tx:
        tx.aliases.save(live)
    now = world.clock()
    world.runtime_logs.lines = [
        RuntimeLine("1", now - timedelta(minutes=2), "own-1", "log", "one", "GET https://x/"),
        RuntimeLine("2", now - timedelta(minutes=1), deployment.script, "error", "two", None),
        RuntimeLine("3", now - timedelta(minutes=1), "elsewhere", "log", "three", None),
        RuntimeLine("4", now - timedelta(hours=2), "own-1", "log", "old", None),
    ]
    told = world.get(f"/api/deployments/{deployment.id}/runtime-logs")
    assert told["scripts"] == ["own-1", deployment.script]
    assert [(it["message"], it["level"]) for it in told["items"]] == [("one", "log"), ("two", "error")]
    world.get(f"/api/deployments/{deployment.id}/runtime-logs")
    assert world.runtime_logs.asked == 1


def test_what_is_not_up_says_nothing(world: World) -> None:
    world.app(1, repository=a_repository(1))
    kept(world, a_deployment(1, status=Status.ERROR))
    assert world.get("/api/deployments/dpl_0001_1/runtime-logs") == {"scripts": [], "items": []}
    assert world.runtime_logs.asked == 0
