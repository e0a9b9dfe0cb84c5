"""The pages of what is recorded: a deployment, activity, jobs and deliveries, and what is done from them."""

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import event

from app.domain.deliveries import DeliveryStatus
from app.domain.deployments import Deployment, Status
from app.domain.events import Event, Tag
from app.domain.jobs import Job, JobStatus, JobType, Step
from app.errors import RemoteUnavailable
from app.ports import BuildJob, BuildStep
from app.ports.runtime_logs import RuntimeLine
from tests.builders import NOON, a_delivery, a_deployment, at
from tests.integration.web.reading import Page
from tests.integration.web.world import AUTHORIZED, World
from tests.page_world import NASTY

HTML = {**AUTHORIZED, "Accept": "text/html"}
NAME = "acme/app-1"


def page(world: World, path: str, status: int = 200) -> Page:
    answer = world.call("GET", path, headers=HTML)
    assert answer.status_code == status, answer.text
    assert answer.mimetype == "text/html"
    # A part of a page is in something when it is shown.
    return Page(f"<section>{answer.text}</section>" if "part=" in path else answer.text)


def posted(world: World, path: str, **form: str) -> Any:
    return world.call("POST", path, headers={**HTML, "Origin": "https://branchline.test"}, data=form)


@pytest.fixture
def deployment(world: World) -> Deployment:
    world.app()
    world.host.add_repository(NAME, {"a.txt": b"a"})
    made = a_deployment(
        1, status=Status.READY, own_script="own-1", uploaded_at=at(5), finished_at=at(40), bundle="b" * 64
    )
    with world.records.begin() as tx:
        tx.deployments.add(replace(made, phases={"install": 3.0, "build": 1.5}))
        tx.events.append(
            Event(Tag.DEPLOYMENT_READY, made.id, "workflow", NOON, {"app": "app_0001"}, cause="guid-1")
        )
    return made


def built(world: World, log: bytes, status: str = "completed") -> None:
    repository = world.host.repository(NAME)
    step = BuildStep(1, "Build", status, "success" if status == "completed" else None, NOON, at(3))
    job = BuildJob(1, "deploy", status, None, "https://github.test/x", NOON, None, [step])
    repository.jobs[1001, 1] = [job]
    repository.logs[1] = log


def a_job(world: World, **changes: Any) -> Job:
    with world.records.begin() as tx:
        job = replace(tx.jobs.enqueue(JobType.PUBLISH, "app_0001", {}), **changes)
        tx.jobs.save(job)
    return job


# -------------------- a deployment


def test_a_deployment_shows_how_it_stands_and_what_may_be_done(world: World, deployment: Deployment) -> None:
    shown = page(world, f"/deployments/{deployment.id}")
    assert shown.one("h1").text == "Say hello"
    assert shown.one("span", class_="status-ready").text == "ready"
    assert "install" in shown.text
    assert "own-1.apps.test" in shown.text
    assert shown.actions == {"rollback", "redeploy"}
    later = [it["data-later"] for it in shown.all("section") if "data-later" in it.attributes]
    assert [it.rpartition("=")[2] for it in later] == ["build", "changes", "log", "runtime"]
    assert world.runtime_logs.asked == 0


def test_a_deployment_that_is_not_there_is_a_page_that_says_so(world: World) -> None:
    assert "There is nothing here" in page(world, "/deployments/dpl_x", 404).text


def test_its_steps_are_fetched_again_while_they_go_on(world: World, deployment: Deployment) -> None:
    with world.records.begin() as tx:
        tx.deployments.save(replace(deployment, status=Status.BUILDING))
    built(world, b"", "in_progress")
    part = page(world, f"/deployments/{deployment.id}?part=build")
    assert "Build" in part.text
    assert part.one("ol")["data-again"] == "4"
    log = page(world, f"/deployments/{deployment.id}?part=log")
    assert "GitHub has the log when the run is over" in log.text
    assert log.one("p")["data-again"] == "4"


def test_the_log_is_lines_with_places_of_their_own(world: World, deployment: Deployment) -> None:
    built(
        world,
        b"2026-11-22T12:00:01Z one\n##[group]Run it\n\x1b[31mtwo\x1b[0m\n##[error]three\n##[endgroup]\n",
    )
    for path in (f"/deployments/{deployment.id}?part=log", f"/deployments/{deployment.id}/log"):
        shown = page(world, path)
        assert [it["id"] for it in shown.all("p", class_="log-line")] == ["L1", "L2", "L3", "L4"]
        assert shown.one("span", class_="ansi-red").text == "two"
        assert shown.one("details", class_="log-group")["open"] == ""
        assert shown.one("p", id="L4")["class"] == "log-line log-error"


def test_a_long_log_is_shown_from_its_end_with_links_to_the_rest(
    world: World, deployment: Deployment
) -> None:
    built(world, b"".join(b"line %d\n" % number for number in range(1, 5011)))
    shown = page(world, f"/deployments/{deployment.id}/log")
    assert shown.all("p", class_="log-line")[0]["id"] == "L11"
    assert any(it["href"].endswith("?from=1#log") for it in shown.all("a"))
    first = page(world, f"/deployments/{deployment.id}/log?from=1")
    assert first.all("p", class_="log-line")[0]["id"] == "L1"
    assert page(world, f"/deployments/{deployment.id}/log?from=javascript:1").all("p", class_="log-line")


def test_what_others_cannot_tell_is_said_in_its_place(world: World, deployment: Deployment) -> None:
    world.host.fail_next(RemoteUnavailable("looking at the jobs: GitHub is away"), call="jobs")
    part = page(world, f"/deployments/{deployment.id}?part=build")
    assert "GitHub is away" in part.text
    assert part.one("p")["data-again"] == "15"
    assert "GitHub has no run of it" in page(world, f"/deployments/{deployment.id}?part=build").text


def test_changes_say_since_when_and_what_was_left_out(world: World, deployment: Deployment) -> None:
    first = world.host.push(NAME, "main", {"b.txt": b"b"}, "Add b")
    second = world.host.push(NAME, "main", {"c.txt": b"c"}, "Add c")
    with world.records.begin() as tx:
        tx.deployments.save(replace(deployment, commit=second))
        tx.deployments.add(a_deployment(2, commit=first, status=Status.READY))
        tx.deployments.add(a_deployment(3, commit=second, status=Status.READY))
    assert "leaves out 1 commit" in page(world, "/deployments/dpl_0002_1?part=changes").text
    assert "Add c" in page(world, "/deployments/dpl_0003_1?part=changes").text
    assert "first at its address" in page(world, f"/deployments/{deployment.id}?part=changes").text


def test_what_its_scripts_say_is_told(world: World, deployment: Deployment) -> None:
    world.runtime_logs.lines = [RuntimeLine("1", world.clock(), "own-1", "error", "lost\nat x", None)]
    part = page(world, f"/deployments/{deployment.id}?part=runtime")
    assert part.one("p", class_="log-error").text.endswith("lost at x")
    assert part.one("div", class_="runtime-log")["data-again"] == "5"


def test_a_deployment_that_was_taken_down_is_restored(world: World, deployment: Deployment) -> None:
    with world.records.begin() as tx:
        tx.deployments.save(replace(deployment, retired_at=at(60)))
    assert "restore" in page(world, f"/deployments/{deployment.id}").actions
    answer = posted(world, f"/deployments/{deployment.id}/restore")
    assert (answer.status_code, answer.location) == (303, f"/deployments/{deployment.id}?done=restoring")
    with world.records.read() as tx:
        assert [job.type for job in tx.jobs.unfinished()] == [JobType.RESTORE]


def test_what_cannot_be_restored_says_why(world: World, deployment: Deployment) -> None:
    with world.records.begin() as tx:
        tx.deployments.save(replace(deployment, bundle=None))
    answer = posted(world, f"/deployments/{deployment.id}/restore")
    assert answer.status_code == 409
    assert "nothing was kept of it" in Page(answer.text).one("p", role="alert").text


# -------------------- activity


def test_activity_is_everything_but_jobs_unless_somebody_asks(world: World, deployment: Deployment) -> None:
    a_job(world)
    assert "job queued" not in page(world, "/activity").text
    assert "job queued" in page(world, "/activity?kind=all").text
    shown = page(world, "/activity?kind=job&app=app-1")
    assert "job queued" in shown.text
    assert "deployment ready" not in shown.text
    assert "deployment ready" in page(world, "/activity?actor=workflow").text
    assert "Nothing of that kind" in page(world, "/activity?actor=person:nobody").text
    assert deployment.id in page(world, "/activity").text


def test_activity_leads_to_causes_and_apps(world: World, deployment: Deployment) -> None:
    links = {it["href"] for it in page(world, "/activity").all("a")}
    assert {"/apps/app_0001", f"/deployments/{deployment.id}", "/deliveries/guid-1"} <= links


def test_activity_goes_on_page_by_page(world: World) -> None:
    world.app()
    with world.records.begin() as tx:
        for number in range(60):
            payload = {"branch": f"branch-{number}"}
            tx.events.append(Event(Tag.BRANCH_PUSHED, "app_0001", "github:ada", at(number), payload))
    first = page(world, "/activity?app=app-1")
    (older,) = [it["href"] for it in first.all("a", rel="next")]
    second = page(world, older)
    assert len(first.all("li", class_="fact")) == 50
    assert len(second.all("li", class_="fact")) == 10
    assert "branch-0" in second.text
    assert second.all("a", rel="prev")
    assert "data-live" not in world.call("GET", older, headers=HTML).text


@pytest.mark.parametrize("query", ["kind=nothing", "before=x", "app=unknown"])
def test_a_filter_that_means_nothing_is_refused(world: World, query: str) -> None:
    assert world.call("GET", f"/activity?{query}", headers=HTML).status_code in {400, 404}


# -------------------- jobs


def test_jobs_are_listed_with_why_they_failed_or_wait(world: World) -> None:
    world.app()
    a_job(world, status=JobStatus.FAILED, error={"code": "x", "message": "no permission", "details": {}})
    a_job(world, status=JobStatus.PROCESSING, waiting_for="GitHub's rate limit")
    shown = page(world, "/jobs")
    assert "no permission" in shown.text
    assert "waiting: GitHub's rate limit" in shown.text
    assert "no permission" not in page(world, "/jobs?status=processing").text
    assert "No such jobs" in page(world, "/jobs?type=sync").text
    assert world.call("GET", "/jobs?type=nothing", headers=HTML).status_code == 400


def test_a_job_shows_its_steps_and_attempts(world: World) -> None:
    world.app()
    world.engine.begun = [
        Step("check name", JobStatus.COMPLETED, NOON, at(1)),
        Step("fork template", JobStatus.PROCESSING, at(1), None, "GitHub is away", 3),
    ]
    job = a_job(world, status=JobStatus.PROCESSING, started_at=NOON, waiting_for="GitHub")
    shown = page(world, f"/jobs/{job.id}")
    assert "3 attempts" in shown.text
    assert "GitHub is away" in shown.text
    assert "Waiting: GitHub" in shown.text
    assert shown.actions == {"cancel"}


def test_a_failed_job_is_retried_from_its_page(world: World) -> None:
    world.app()
    job = a_job(world, status=JobStatus.FAILED, error={"code": "x", "message": "no", "details": {}})
    assert page(world, f"/jobs/{job.id}").actions == {"retry"}
    answer = posted(world, f"/jobs/{job.id}/retry")
    assert answer.status_code == 303
    again = page(world, answer.location)
    assert "this is the new job" in again.text
    assert any(it["href"] == f"/jobs/{job.id}" for it in again.all("a"))


def test_a_job_is_ended_from_its_page(world: World) -> None:
    job = a_job(world)
    answer = posted(world, f"/jobs/{job.id}/cancel")
    assert (answer.status_code, answer.location) == (303, f"/jobs/{job.id}?done=cancelling")
    assert world.engine.cancelled == [job.id]
    shown = page(world, f"/jobs/{job.id}")
    assert "Somebody ends it" in shown.text
    assert shown.actions == set()
    with world.records.begin() as tx:
        tx.jobs.save(replace(job, status=JobStatus.COMPLETED))
    refused = posted(world, f"/jobs/{job.id}/cancel")
    assert refused.status_code == 409
    assert "completed already" in Page(refused.text).one("p", role="alert").text


# -------------------- deliveries


def test_a_delivery_is_read_and_worked_off_again(world: World) -> None:
    with world.records.begin() as tx:
        tx.deliveries.add(
            a_delivery(1, status=DeliveryStatus.FAILED, error="not an object", body=b'{"a": [1]}')
        )
        tx.deliveries.add(a_delivery(2, status=DeliveryStatus.DUPLICATE, body=b"\xff no json"))
    listed = page(world, "/deliveries?status=failed")
    assert "not an object" in listed.text
    assert len(listed.all("li")) == 1
    shown = page(world, "/deliveries/guid-1")
    assert '"a": [ 1 ]' in shown.text
    assert "X-GitHub-Event" in shown.text
    assert shown.actions == {"replay"}
    answer = posted(world, "/deliveries/guid-1/replay")
    assert (answer.status_code, answer.location) == (303, "/deliveries/guid-1?done=yes")
    assert "worked off again" in page(world, answer.location).text
    duplicate = page(world, "/deliveries/guid-2")
    assert duplicate.actions == set()
    assert "\N{REPLACEMENT CHARACTER} no json" in duplicate.text
    assert posted(world, "/deliveries/guid-2/replay").status_code == 409


# -------------------- what others write


@pytest.fixture(params=NASTY, ids=range(len(NASTY)))
def nasty(request: pytest.FixtureRequest) -> str:
    text: str = request.param
    return text


def written(world: World, deployment: Deployment, nasty: str) -> str:
    """Write something everywhere that others write, and return the id of the job that says it."""
    world.host.push(NAME, "main", {"b": b"b"}, "Add b")
    head = world.host.push(NAME, "main", {"c": b"c"}, nasty)
    base = world.host.repository(NAME).history(head)[1]
    world.runtime_logs.lines = [RuntimeLine("1", world.clock(), "own-1", "warn", nasty, nasty)]
    step = BuildStep(1, nasty, "completed", "success", NOON, at(3))
    job = BuildJob(1, nasty, "completed", nasty, "javascript:alert(1)", NOON, None, [step])
    world.host.repository(NAME).jobs[1001, 1] = [job, replace(job, id=2)]
    world.host.repository(NAME).logs[1] = (
        f"2026-11-22T12:00:00Z {nasty}\n##[group]{nasty}\n{nasty}\n".encode()
    )
    error = {"code": "x", "message": nasty, "details": {}}
    failed = a_job(world, status=JobStatus.FAILED, error=error, waiting_for=nasty)
    world.engine.begun = [Step(nasty, JobStatus.FAILED, NOON, None, nasty)]
    changes: dict[str, Any] = {"message": nasty, "branch": nasty, "error": nasty, "actor": nasty}
    run = replace(deployment.run, url="javascript:alert(1)")
    with world.records.begin() as tx:
        tx.deployments.save(replace(deployment, commit=base, run=run, **changes))
        tx.deployments.add(replace(a_deployment(2, status=Status.READY, commit=head), **changes))
        tx.events.append(Event(Tag.BRANCH_PUSHED, "app_0001", nasty, NOON, {"branch": nasty}, cause=nasty))
        body, headers = nasty.encode(), {"X-GitHub-Event": nasty}
        tx.deliveries.add(a_delivery(9, event=nasty, headers=headers, body=body, error=nasty))
    return failed.id


def test_whatever_others_write_is_text(world: World, deployment: Deployment, nasty: str) -> None:
    job = written(world, deployment, nasty)
    for path in (
        *(f"/deployments/{deployment.id}", f"/deployments/{deployment.id}/log", "/deployments/dpl_0002_1"),
        *(f"/deployments/{deployment.id}?part={part}" for part in ("build", "log", "runtime")),
        *("/deployments/dpl_0002_1?part=changes", "/activity", "/activity?kind=all", "/jobs", f"/jobs/{job}"),
        *("/deliveries", "/deliveries/guid-9"),
    ):
        shown = page(world, path)
        assert {it["src"].partition("-")[0] for it in shown.all("script")} <= {
            "/static/page",
            "/static/deployment",
        }
        assert not shown.all("img")
        assert not [it for it in shown.elements if "style" in it.attributes or "onerror" in it.attributes]
        links = [it["href"] for it in shown.all("a")]
        assert all(link.startswith(("/", "#", "https://")) for link in links), links
    if "\u202e" in nasty:
        logged = page(world, f"/deployments/{deployment.id}?part=log")
        assert "U+202E" in logged.text
        assert "\u202e" not in logged.text


# -------------------- how much is asked of the database


def statements(world: World, path: str) -> int:
    """Return how many statements a page takes."""
    seen: list[str] = []

    def hear(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        seen.append(statement)

    event.listen(world.database, "before_cursor_execute", hear)
    try:
        page(world, path)
    finally:
        event.remove(world.database, "before_cursor_execute", hear)
    return len(seen)


@pytest.mark.parametrize("path", ["/activity?kind=all", "/jobs", "/deliveries"])
def test_a_list_takes_as_many_statements_however_long_it_is(world: World, path: str) -> None:
    for number in range(1, 4):
        world.app(number)
    with world.records.begin() as tx:
        tx.jobs.enqueue(JobType.PUBLISH, "app_0001", {})
        tx.deliveries.add(a_delivery(1))
    few = statements(world, path)
    with world.records.begin() as tx:
        for number in range(30):
            tx.jobs.enqueue(JobType.PUBLISH, f"app_000{number % 3 + 1}", {})
            tx.deliveries.add(a_delivery(number + 2))
    assert statements(world, path) == few
