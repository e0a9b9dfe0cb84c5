"""What the tests of provisionings that are begun again share: how they end early, and what there is then."""

from typing import Any

import pytest

from app.domain.apps import AppStatus
from app.domain.events import Tag
from app.domain.jobs import Job
from app.errors import BranchlineError
from app.jobs.lifecycle import Lifecycle
from app.pipeline.follow import follow
from app.pipeline.retry import retry
from tests.fakes.code_host_histories import place_elsewhere
from tests.fakes.jobs import Crashed, FakeSteps
from tests.unit.pipeline.world import TEMPLATE, World

URL = "https://git.example/ada/old-shop.git"
NAME = "acme/hello"
HOOK = "https://branchline.test/webhooks/github"
PUSHED = {"pushed.txt": b"meanwhile"}
KINDS: dict[str, tuple[Tag, dict[str, Any]]] = {
    "forked": (Tag.APP_REPOSITORY_FORKED, {}),
    "generated": (Tag.APP_REPOSITORY_GENERATED, {"is_private": True}),
    "imported": (Tag.APP_REPOSITORY_IMPORTED, {"import_from": URL}),
}
STEPS_OF_AN_IMPORT = 20
EVERY_STEP = pytest.mark.parametrize("number", range(2, STEPS_OF_AN_IMPORT + 1))
EVERY_KIND = pytest.mark.parametrize("kind", KINDS)


def order(world: World, kind: str, branch: str = "main") -> Job:
    given = dict(KINDS[kind][1])
    if "import_from" in given:
        given["import_from"] = place_elsewhere(world.host, URL, {"src/a.ts": b"a\n"}, branch)
    return world.order("hello", **given)[1]


def lifecycle(world: World) -> Lifecycle:
    return Lifecycle(world.records, world.clock, lambda tx, job: follow(tx, job, world.clock()))


def fail(world: World, job: Job, error: BranchlineError | None = None) -> None:
    """End a job as a jobs process does."""
    message = error.message if error else "the job was cancelled"
    lifecycle(world).fail(job.id, {"code": "x", "message": message, "details": {}})


def retried(world: World, job: Job) -> Job:
    with world.records.begin() as tx:
        return retry(tx, job.id, actor="person:ada", at=world.clock())


def crash(world: World, job: Job, number: int) -> FakeSteps:
    """Begin a job and let its process die before a step."""
    steps = FakeSteps(crash_before=number)
    with pytest.raises(Crashed):
        world.run(job, steps)
    return steps


def push(world: World) -> bool:
    """Have somebody push to the new repository, if there is something on its main branch by now."""
    found = world.host.repositories.get(NAME)
    if found is None or "main" not in found.branches:
        return False
    world.host.push(NAME, "main", PUSHED)
    found.branches["feature"] = found.branches["main"]
    return True


def assert_made_once(world: World, kind: str, *, is_pushed: bool) -> None:
    repository, app = world.repository(NAME), world.current("hello")
    assert (app.status, app.error) == (AppStatus.READY, None)
    assert [name for name in world.host.repositories if name != TEMPLATE] == [NAME]
    made = {"fork", "generate", "create"}
    assert len([call for call in world.host.faults.calls if call in made]) == 1
    assert list(repository.webhooks) == [HOOK]
    assert {"branchline.json", ".github/workflows/deploy.yml"} <= set(repository.files("main"))
    subjects = [repository.commits[it].message for it in repository.history(repository.branches["main"])]
    assert len([it for it in subjects if "Branchline-App" in it]) == 1
    if is_pushed:
        assert repository.files("main")["pushed.txt"] == b"meanwhile"
        assert repository.files("feature")["pushed.txt"] == b"meanwhile"
    assert app.repository is not None
    assert app.repository.id == repository.description.id
    told = [it for it in world.tags(app.id) if it.startswith("app:repository")]
    assert told == [KINDS[kind][0]]


def begun_anew(_world: World, job: Job) -> Job:
    return job


def failed_and_retried(world: World, job: Job) -> Job:
    fail(world, job)
    assert world.current("hello").status is AppStatus.FAILED
    return retried(world, job)


AGAIN = pytest.mark.parametrize("again", [begun_anew, failed_and_retried])
