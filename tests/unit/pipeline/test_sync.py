"""An app takes the commits of where it came from: merged, proposed, or nothing to do; each is said once."""

from dataclasses import replace
from typing import Any

import pytest

from app.domain.apps import App, AppStatus
from app.domain.events import Tag
from app.domain.jobs import Job, JobType
from app.errors import Conflict, NotFound, RemoteConflict, RemoteRefused, RemoteUnavailable
from app.pipeline.sync import Syncer, request_sync, run_sync
from tests.fakes.code_host_files import FakeProposals
from tests.fakes.code_host_histories import (
    FakeHistories,
    FakeUpstreams,
    place_elsewhere,
    push_elsewhere,
)
from tests.fakes.code_host_ports import FakeRepositories
from tests.fakes.jobs import Crashed, FakeSteps
from tests.unit.pipeline.world import TEMPLATE, World

URL = "https://git.example/ada/old-shop.git"


def made(world: World, **given: Any) -> App:
    """Return an app as provisioning makes it."""
    app, job = world.order("shop", **given)
    world.run(job)
    return world.current(app.id)


@pytest.fixture
def fork(world: World) -> App:
    return made(world)


@pytest.fixture
def generated(world: World) -> App:
    return made(world, is_private=True)


@pytest.fixture
def imported(world: World) -> App:
    source = place_elsewhere(world.host, URL, {"package.json": b"{}\n"})
    return made(world, import_from=source)


def ask(world: World, app: App) -> Job:
    with world.records.begin() as tx:
        return request_sync(tx, app.id, actor="token")


def syncer(world: World) -> Syncer:
    return Syncer(
        records=world.records,
        repositories=FakeRepositories(world.host),
        upstreams=FakeUpstreams(world.host),
        histories=FakeHistories(world.host),
        proposals=FakeProposals(world.host),
        clock=world.clock,
        template=TEMPLATE,
    )


def sync(world: World, app: App, steps: FakeSteps | None = None) -> dict[str, Any]:
    return run_sync(ask(world, app), steps or FakeSteps(), syncer(world))


def head(world: World) -> str:
    return world.repository("acme/shop").branches["main"]


def facts(world: World, app: App) -> list[dict[str, Any]]:
    return [dict(event.payload) for event in world.events(app.id) if event.tag is Tag.APP_SYNCED]


def push(world: World, kind: str, files: dict[str, bytes]) -> str:
    """Commit where the app came from."""
    if kind == "imported":
        return push_elsewhere(world.host, URL, "main", files)
    return world.host.push(TEMPLATE, "main", files)


KINDS = {"fork": TEMPLATE, "generated": TEMPLATE, "imported": URL}
every_kind = pytest.mark.parametrize("kind", list(KINDS))


@every_kind
def test_nothing_new_is_said_and_is_no_fact(world: World, request: pytest.FixtureRequest, kind: str) -> None:
    app: App = request.getfixturevalue(kind)
    if kind == "generated":
        push(world, kind, {"new": b"1"})
        sync(world, app)
    before, told = head(world), len(facts(world, app))
    steps = FakeSteps()
    result = sync(world, app, steps)
    assert (result["outcome"], result["commit"], result["pullRequest"]) == ("up-to-date", before, None)
    assert steps.step_names == ["merge"]
    assert (head(world), len(facts(world, app))) == (before, told)


@every_kind
def test_what_gets_along_is_merged(world: World, request: pytest.FixtureRequest, kind: str) -> None:
    app: App = request.getfixturevalue(kind)
    new = push(world, kind, {"new.ts": b"new"})
    result = sync(world, app)
    assert result == {
        "outcome": "merged",
        "branch": "main",
        "commit": head(world),
        "upstream": {"repository": KINDS[kind], "commit": new},
        "aside": None,
        "pullRequest": None,
    }
    files = world.repository("acme/shop").files("main")
    assert files["new.ts"] == b"new"
    assert ".github/workflows/deploy.yml" in files
    (fact,) = facts(world, app)
    assert (fact["outcome"], fact["commit"]) == ("merged", head(world))
    assert world.events(app.id)[-1].actor == "token"


@every_kind
def test_a_conflict_becomes_one_pull_request(world: World, request: pytest.FixtureRequest, kind: str) -> None:
    app: App = request.getfixturevalue(kind)
    ours = world.host.push("acme/shop", "main", {"package.json": b"ours"})
    new = push(world, kind, {"package.json": b"theirs"})
    first, again = sync(world, app), sync(world, app)
    (pull,) = world.repository("acme/shop").pulls
    assert (first["outcome"], first["commit"], head(world)) == ("conflict", ours, ours)
    assert first["pullRequest"] == again["pullRequest"]
    assert first["pullRequest"]["number"] == pull.number
    assert (pull.head, pull.base) == (f"branchline/sync-{new[:7]}", "main")
    assert (pull.title, KINDS[kind] in pull.body) == (f"Take {new[:7]} of {KINDS[kind]}", True)
    assert [fact["pullRequest"] for fact in facts(world, app)] == [pull.number] * 2


@pytest.mark.parametrize("step", range(1, 4))
@pytest.mark.parametrize("is_done", [False, True])
def test_a_sync_survives_a_kill_at_any_moment(world: World, fork: App, step: int, *, is_done: bool) -> None:
    world.host.push("acme/shop", "main", {"package.json": b"ours"})
    world.host.push(TEMPLATE, "main", {"package.json": b"theirs"})
    job = ask(world, fork)
    steps = FakeSteps(crash_after=step) if is_done else FakeSteps(crash_before=step)
    with pytest.raises(Crashed):
        run_sync(job, steps, syncer(world))
    steps.restart()
    assert run_sync(job, steps, syncer(world))["outcome"] == "conflict"
    assert len(world.repository("acme/shop").pulls) == 1
    assert len(facts(world, fork)) == 1


def test_a_push_in_between_is_looked_at_again(world: World, imported: App) -> None:
    push(world, "imported", {"new.ts": b"new"})
    world.host.fail_next(RemoteConflict("main moved"), call="merge")
    steps = FakeSteps()
    assert sync(world, imported, steps)["outcome"] == "merged"
    assert steps.waited_for == ["main moved"]


def test_a_host_that_is_away_is_waited_for(world: World, fork: App) -> None:
    world.host.fail_next(RemoteUnavailable("away"), times=2)
    steps = FakeSteps()
    sync(world, fork, steps)
    assert steps.waited_for == ["away", "away"]


def test_what_the_app_came_from_may_be_gone(world: World, generated: App) -> None:
    del world.host.repositories[TEMPLATE]
    with pytest.raises(RemoteRefused) as refused:
        sync(world, generated)
    assert refused.value.error_code == "sync:no-upstream"


def test_a_fork_without_a_parent_takes_nothing_from_the_template(world: World, fork: App) -> None:
    repository = world.repository("acme/shop")
    repository.description = replace(repository.description, parent_full_name=None)
    with pytest.raises(RemoteRefused) as refused:
        sync(world, fork)
    assert refused.value.error_code == "sync:no-upstream"


def test_a_repository_that_is_gone_is_said(world: World, fork: App) -> None:
    job = ask(world, fork)
    del world.host.repositories["acme/shop"]
    with pytest.raises(RemoteRefused) as refused:
        run_sync(job, FakeSteps(), syncer(world))
    assert refused.value.error_code == "repository:lost"


def test_only_an_app_in_reach_is_synced(world: World, fork: App) -> None:
    with world.records.begin() as tx:
        tx.apps.save(replace(fork, status=AppStatus.DETACHED))
    with pytest.raises(Conflict):
        ask(world, fork)
    with world.records.begin() as tx, pytest.raises(NotFound):
        request_sync(tx, "nothing", actor="token")
    assert world.jobs(JobType.SYNC) == []
