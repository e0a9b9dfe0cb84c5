"""What a page says of an act that did not come about: why, and nothing of what we are made of."""

import pytest

from app.domain.jobs import Job, JobType
from app.errors import BranchlineError, Broken, Conflict, RemoteUnavailable
from app.web.pages import app_acts, functions, jobs, worker
from tests.builders import NOON, a_deployment
from tests.integration.web.world import AUTHORIZED, World

OWN = "production-0000000001-slug0001"
INSIDE = "postgresql://branchline@db.internal"


@pytest.fixture
def job(world: World) -> Job:
    app = world.app()
    world.call("POST", "/api/workers", json={"name": "greeter", "code": "export const hello = () => 1"})
    world.cloud.endpoints.listed[OWN] = ["hello"]
    with world.records.begin() as tx:
        tx.deployments.add(a_deployment(own_script=OWN, uploaded_at=NOON))
        return tx.jobs.enqueue(JobType.PUBLISH, app.id, {})


@pytest.mark.parametrize(
    ("error", "status", "is_told"),
    [
        (Conflict(f"cancelling: {INSIDE}"), 409, True),
        (RemoteUnavailable(f"asking: {INSIDE}"), 503, True),
        (RemoteUnavailable(f"asking {INSIDE}", code="database:unavailable"), 503, False),
        (Broken(f"reading {INSIDE}"), 500, False),
    ],
)
def test_a_page_tells_what_was_refused_and_not_what_broke(
    world: World,
    job: Job,
    monkeypatch: pytest.MonkeyPatch,
    error: BranchlineError,
    status: int,
    *,
    is_told: bool,
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(jobs, "cancel_known", fail)
    monkeypatch.setattr(app_acts, "actor", fail)
    headers = {**AUTHORIZED, "Accept": "text/html", "Origin": "https://branchline.test"}
    monkeypatch.setattr(functions, "called_once", fail)
    monkeypatch.setattr(worker, "called_once", fail)
    monkeypatch.setattr(worker, "restore_version", fail)
    for path in (
        f"/jobs/{job.id}/cancel",
        "/apps/app-1/heal",
        "/deployments/dpl_0001_1/functions",
        "/workers/greeter/invoke",
        "/workers/greeter/versions/ver_0001/restore",
    ):
        answer = world.call("POST", path, headers=headers, data={})
        assert answer.status_code == status, path
        assert (INSIDE in answer.text) is is_told, path
        assert ("the log has it under" in answer.text) is (status == 500), path
