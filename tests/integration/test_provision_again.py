"""A provisioning that is begun again, over real databases: by the engine after an upgrade, and by the API."""

from collections.abc import Iterator

import pytest

from app.database.records import SqlRecords
from app.domain.apps import AppStatus
from app.domain.jobs import Job, JobStatus
from app.errors import RemoteForbidden, RemoteUnavailable
from app.jobs.engine import APPLICATION_VERSION
from app.jobs.lifecycle import Lifecycle
from app.pipeline.follow import follow
from app.pipeline.provision import provision
from app.ports import Steps
from tests.fakes.code_host import FakeCodeHost
from tests.fakes.jobs import Crashed, FakeSteps
from tests.integration.jobs.world import World, now, until
from tests.integration.web.world import World as Web
from tests.unit.pipeline.provisioning import STEPS
from tests.unit.pipeline.world import TEMPLATE, TEMPLATE_FILES
from tests.unit.pipeline.world import World as Platform

NAME = "acme/hello"


@pytest.fixture
def world(migrated_url: str) -> Iterator[World]:
    world = World(migrated_url)
    yield world
    world.close()


def platform_over(records: SqlRecords) -> Platform:
    """Return a platform whose memory is a real database."""
    platform = Platform()
    platform.clock = now  # type: ignore[assignment]
    platform.host = FakeCodeHost(now)
    platform.host.add_repository(TEMPLATE, TEMPLATE_FILES, is_template=True)
    platform.records = records  # type: ignore[assignment]
    return platform


def assert_made_once(platform: Platform) -> None:
    repository, app = platform.repository(NAME), platform.current("hello")
    assert (app.status, app.error, app.repository) == (AppStatus.READY, None, repository.description)
    assert [it for it in platform.host.repositories if it != TEMPLATE] == [NAME]
    assert platform.host.faults.calls.count("fork") == 1
    assert len(repository.webhooks) == 1
    assert repository.files("main")["pushed.txt"] == b"meanwhile"


def test_an_upgrade_in_the_middle_of_a_provisioning_fails_no_app(world: World) -> None:
    platform = platform_over(world.records)
    app, job = platform.order("hello")
    platform.host.fail_next(RemoteUnavailable("GitHub is away"), call="ensure_webhook", times=1000)

    def handler(job: Job, steps: Steps) -> object:
        return provision(job, steps, platform.provisioner())

    with world.working(handler, version=APPLICATION_VERSION):
        until(lambda: world.job(job).waiting_for is not None, saying=lambda: world.history(job))
        platform.host.push(NAME, "main", {"pushed.txt": b"meanwhile"})
    platform.host.faults.waiting.clear()
    with world.working(handler, version=APPLICATION_VERSION + 1):
        ended = world.wait_over(job)
    assert (ended.status, ended.error) == (JobStatus.COMPLETED, None), world.history(job)
    assert ended.app_id == app.id
    assert_made_once(platform)


# -------------------- the public way


@pytest.fixture
def web(migrated_sqlite_url: str) -> Web:
    return Web(migrated_sqlite_url)


class Public:
    """An app that is asked for and asked for again over the API, its jobs run by the test."""

    def __init__(self, web: Web) -> None:
        self.web = web
        self.platform = platform_over(web.records)
        self.lifecycle = Lifecycle(web.records, now, lambda tx, job: follow(tx, job, now()))

    def job(self, job_id: str) -> Job:
        with self.web.records.read() as tx:
            return tx.jobs.get(job_id)

    def post(self, path: str, **body: object) -> str:
        """Ask for something and return its job."""
        answer = self.web.call("POST", path, json=body)
        assert answer.status_code == 202, answer.get_json()
        return str(answer.get_json()["jobId"])

    def fails_before(self, job_id: str, step: str) -> None:
        steps = FakeSteps(crash_before=STEPS.index(step) + 1)
        with pytest.raises(Crashed):
            self.platform.run(self.job(job_id), steps)
        refusal = RemoteForbidden("setting a variable: no permission")
        details = {"code": refusal.error_code, "message": refusal.message, "details": {}}
        self.lifecycle.fail(job_id, details)


@pytest.mark.parametrize("step", STEPS[2:])
def test_what_failed_is_retried_over_the_api(web: Web, step: str) -> None:
    public = Public(web)
    job_id = public.post("/api/apps", name="hello")
    public.fails_before(job_id, step)
    shown = web.get("/api/apps/hello")
    assert (shown["status"], shown["error"]) == ("failed", "setting a variable: no permission")
    public.platform.host.push(NAME, "main", {"pushed.txt": b"meanwhile"})
    again = public.post(f"/api/jobs/{job_id}/retry")
    assert again != job_id
    public.platform.run(public.job(again))
    assert web.get("/api/apps/hello")["status"] == "ready"
    assert_made_once(public.platform)


@pytest.mark.parametrize("step", ["wait for repository", "keep repository", "set variable"])
def test_what_failed_is_deleted_over_the_api_with_what_was_made_for_it(web: Web, step: str) -> None:
    public = Public(web)
    public.fails_before(public.post("/api/apps", name="hello"), step)
    answer = web.call("DELETE", "/api/apps/hello", json={})
    assert answer.status_code == 202, answer.get_json()
    public.platform.run(public.job(answer.get_json()["jobId"]))
    assert NAME not in public.platform.host.repositories
    public.platform.run(public.job(public.post("/api/apps", name="hello")))
    assert web.get("/api/apps/hello")["status"] == "ready"
