"""An app begins with a history from elsewhere: whole, quiet, once, and never over somebody's repository."""

from typing import Any

import pytest

from app.domain.apps import App, AppStatus
from app.domain.environments import Environment
from app.domain.events import Tag
from app.domain.git_addresses import GitAddress
from app.domain.jobs import Job
from app.errors import InvalidInput, RemoteConflict, RemoteRefused, RemoteUnavailable
from app.pipeline.generate import GivenFile
from app.pipeline.install import PLACES
from tests.fakes.code_host_histories import place_elsewhere, push_elsewhere
from tests.fakes.jobs import Crashed, FakeSteps
from tests.unit.pipeline.world import World

URL = "https://git.example/ada/old-shop.git"
FILES = {"package.json": b"{}\n", "src/a.ts": b"a\n", "wrangler.toml": b'name = "old"\n'}
STEPS = [
    "check name",
    "look at the source",
    "create repository",
    "copy history",
    "choose the default branch",
    "keep repository",
    "switch Actions on",
]


@pytest.fixture
def source(world: World) -> GitAddress:
    return place_elsewhere(world.host, URL, FILES)


def order(world: World, source: GitAddress, **given: Any) -> tuple[App, Job]:
    return world.order("shop", import_from=source, **given)


def run(world: World, source: GitAddress, **given: Any) -> App:
    app, job = order(world, source, **given)
    world.run(job)
    return world.current(app.id)


def test_an_app_is_made_of_a_history_from_elsewhere(world: World, source: GitAddress) -> None:
    newest = push_elsewhere(world.host, URL, "main", {"src/b.ts": b"b\n"})
    branch = push_elsewhere(world.host, URL, "feature/x", {"x": b"1"})
    app, job = order(world, source)
    steps = FakeSteps()
    result = world.run(job, steps)
    repository = world.repository("acme/shop")
    assert steps.step_names[: len(STEPS)] == STEPS
    assert repository.commits[result["commit"]].parent == newest
    assert repository.branches["feature/x"] == branch
    assert set(repository.files("main")) == {
        *("package.json", "src/a.ts", "src/b.ts", "wrangler.toml", "branchline.json"),
        *PLACES.values(),
    }
    made = world.current(app.id)
    assert made.status is AppStatus.READY
    assert made.repository is not None
    assert (made.repository.imported_from, made.repository.is_fork) == (URL, False)
    assert world.tags(app.id) == [Tag.APP_REQUESTED, Tag.APP_REPOSITORY_IMPORTED, Tag.APP_READY]
    assert world.events(app.id)[1].payload == {"repository": "acme/shop", "from": URL}


def test_nothing_of_the_history_runs_while_it_arrives(world: World) -> None:
    workflow = {".github/workflows/deploy.yml": b"name: Theirs\n", **FILES}
    source = place_elsewhere(world.host, URL, workflow)
    push_elsewhere(world.host, URL, "feature/x", {"x": b"1"})
    run(world, source)
    repository = world.repository("acme/shop")
    assert {it.commit for it in repository.runs} == {repository.branches["main"]}
    assert repository.files("main")[".github/workflows/deploy.yml"] == b"name: Deploy\n"


def test_an_app_without_a_configuration_of_wrangler_gets_ours(world: World) -> None:
    run(world, place_elsewhere(world.host, URL, {"package.json": b"{}\n"}))
    assert "wrangler.jsonc" in world.repository("acme/shop").files("main")


def test_files_of_the_caller_come_on_top(world: World, source: GitAddress) -> None:
    run(world, source, files=[GivenFile("src/a.ts", "mine")])
    assert world.repository("acme/shop").files("main")["src/a.ts"] == b"mine"


@pytest.mark.parametrize(
    ("theirs", "branches", "ours"),
    [
        ("main", None, "main"),
        ("master", None, "main"),
        ("trunk", {"trunk": Environment.PRODUCTION}, "trunk"),
        ("master", {"trunk": Environment.PRODUCTION}, "main"),
    ],
)
def test_the_default_branch_is_kept_when_it_is_mapped_and_else_called_main(
    world: World, theirs: str, branches: dict[str, Environment] | None, ours: str
) -> None:
    source = place_elsewhere(world.host, URL, FILES, theirs)
    app = run(world, source, branches=branches)
    assert app.repository is not None
    assert app.repository.default_branch == ours
    assert world.repository("acme/shop").files(ours)["src/a.ts"] == b"a\n"


def test_two_branches_that_would_be_main_are_for_a_person_to_choose(world: World) -> None:
    source = place_elsewhere(world.host, URL, FILES, "develop")
    push_elsewhere(world.host, URL, "main", {"x": b"1"})
    _, job = order(world, source)
    with pytest.raises(RemoteRefused) as refused:
        world.run(job)
    assert refused.value.error_code == "import:two-mains"
    assert "acme/shop" not in world.host.repositories


def test_a_private_app_is_imported_privately(world: World, source: GitAddress) -> None:
    app = run(world, source, is_private=True)
    assert app.repository is not None
    assert app.repository.is_private


def test_a_source_that_refuses_ends_the_job_before_anything_is_made(world: World) -> None:
    nowhere = GitAddress.parse("https://git.example/ada/nothing")
    _, job = order(world, nowhere)
    with pytest.raises(RemoteRefused) as refused:
        world.run(job)
    assert refused.value.error_code == "import:not-found"
    assert world.host.writes.total() == 0


def test_a_name_that_is_taken_on_the_host_is_left_alone(world: World, source: GitAddress) -> None:
    world.host.add_repository("acme/shop", {"theirs": b"1"})
    _, job = order(world, source)
    with pytest.raises(RemoteConflict):
        world.run(job)
    assert set(world.repository("acme/shop").files("main")) == {"theirs"}


def test_a_history_is_not_pushed_over_a_repository_that_took_the_name(
    world: World, source: GitAddress
) -> None:
    _, job = order(world, source)
    steps = FakeSteps(crash_before=4)
    with pytest.raises(Crashed):
        world.run(job, steps)
    old = world.host.repositories.pop("acme/shop")
    world.clock.advance(-3600)
    world.host.add_repository("acme/shop", {"theirs": b"1"})
    world.clock.advance(3600)
    steps.restart()
    with pytest.raises(RemoteRefused) as refused:
        world.run(job, steps)
    assert old.full_name == "acme/shop"
    assert refused.value.error_code == "repository:lost"
    assert set(world.repository("acme/shop").files("main")) == {"theirs"}


@pytest.mark.parametrize("step", range(1, 20))
@pytest.mark.parametrize("is_done", [False, True])
def test_an_import_survives_a_kill_at_any_moment(
    world: World, source: GitAddress, step: int, *, is_done: bool
) -> None:
    app, job = order(world, source)
    steps = FakeSteps(crash_after=step) if is_done else FakeSteps(crash_before=step)
    with pytest.raises(Crashed):
        world.run(job, steps)
    steps.restart()
    world.run(job, steps)
    repository = world.repository("acme/shop")
    assert world.current(app.id).status is AppStatus.READY
    assert [name for name in world.host.repositories if name.startswith("acme/shop")] == ["acme/shop"]
    head = repository.commits[repository.branches["main"]]
    assert head.parent == world.host.elsewhere[URL].branches["main"]
    assert world.tags(app.id) == [Tag.APP_REQUESTED, Tag.APP_REPOSITORY_IMPORTED, Tag.APP_READY]


def test_a_host_that_is_away_is_waited_for(world: World, source: GitAddress) -> None:
    world.host.fail_next(RemoteUnavailable("GitHub is away"), call="copy", times=2)
    _, job = order(world, source)
    steps = FakeSteps()
    world.run(job, steps)
    assert steps.waited_for == ["GitHub is away"] * 2


def test_an_address_that_is_no_longer_trusted_is_not_imported_from(world: World) -> None:
    trusted = GitAddress.parse("http://127.0.0.1:3000/a/b", ["http://127.0.0.1:3000"])
    _, job = order(world, trusted)
    with pytest.raises(InvalidInput):
        world.run(job)
    assert world.host.faults.calls == []


def test_the_order_is_kept_without_more_than_the_address(world: World, source: GitAddress) -> None:
    _, job = order(world, source)
    assert job.arguments == {"files": [], "import_from": URL}
