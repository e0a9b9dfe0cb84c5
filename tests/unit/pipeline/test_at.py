"""What was live at any moment is told from facts, whatever became of the aliases and of old facts since."""

from datetime import datetime, timedelta

import pytest

from app.domain.deployments import Status
from app.errors import ScriptRefused
from app.pipeline.archive import archive
from app.pipeline.at import KNOWN_SINCE, Moment, shown_at
from app.pipeline.expire import sweep
from app.pipeline.restore import request_restore
from app.pipeline.retire import request_deletion
from tests.builders import a_pull
from tests.fakes.bundles import FakeBundles
from tests.unit.pipeline.runs import a_pull_run, a_run
from tests.unit.pipeline.world import World

Told = dict[str, tuple[str, bool]]


@pytest.fixture
def world() -> World:
    world = World()
    world.app()
    world.pull(a_pull(7))
    return world


def said(world: World) -> Told:
    """Return what the aliases say now."""
    aliases = world.records.aliases.values()
    return {it.script: (it.shown, it.is_pinned) for it in aliases if it.shown is not None}


def moment(world: World, at: datetime) -> Moment:
    with world.records.read() as tx:
        return shown_at(tx, tx.apps.get("app_0001"), at)


def told(world: World, at: datetime) -> Told:
    return {it.script: (it.deployment.id, it.is_pinned) for it in moment(world, at).shown}


def history(world: World) -> dict[datetime, Told]:
    """Let everything happen that changes what is live; return what was live after each."""
    first, seen = world.deploy(a_run(1)), dict[datetime, Told]()
    preview = world.deploy(a_pull_run(2))
    refused = ScriptRefused("it does not start")

    def refuse() -> None:
        world.rollback(first.id)
        world.scripts.fail_next(refused, call="put")
        with pytest.raises(ScriptRefused):
            world.run_queue()

    def expire() -> None:
        world.clock.advance(timedelta(days=30).total_seconds())
        sweep(world.records, world.clock())

    def restore() -> None:
        with world.records.begin() as tx:
            request_restore(tx, preview.id, actor="ada")

    acts = (
        lambda: world.deploy(a_run(3)),
        world.rollback,
        lambda: world.deploy(a_run(4)),
        world.resume,
        lambda: world.promote(preview.id),
        refuse,
        expire,
        restore,
    )
    for act in acts:
        world.clock.advance(60)
        act()
        world.run_queue()
        world.clock.advance(60)
        seen[world.clock()] = said(world)
    return seen


def test_each_moment_is_told_as_it_was(world: World) -> None:
    seen = history(world)
    assert len({str(it) for it in seen.values()}) == 5
    assert {at: told(world, at) for at in seen} == seen


def test_what_was_live_of_an_app_is_told_by_whom_and_why(world: World) -> None:
    first = world.deploy(a_run(1))
    world.deploy(a_run(2))
    world.clock.advance(60)
    world.rollback()
    (shown,) = moment(world, world.clock()).shown
    assert (shown.deployment.id, shown.is_pinned) == (first.id, True)
    assert (shown.by, shown.why, shown.since) == ("ada", "rolled-back", world.clock())
    assert shown.deployment.status is Status.READY


def test_what_is_archived_is_told_by_what_came_after(world: World) -> None:
    seen = history(world)
    last = max(seen)
    world.clock.advance(timedelta(days=3).total_seconds())
    world.rollback()
    seen[world.clock()] = said(world)
    archive(world.records, FakeBundles(), 1, world.clock())
    assert not world.records.events[0].tag.startswith("deployment:queued")
    assert told(world, world.clock()) == seen[world.clock()]
    known_since = moment(world, last).known_since
    assert known_since is not None
    assert told(world, known_since) == seen[last]
    before = moment(world, known_since - timedelta(seconds=1))
    assert (before.is_known, before.shown) == (False, [])


def test_nothing_is_told_of_a_time_before_facts_of_it_are_there(world: World) -> None:
    world.clock.advance(60)
    world.deploy(a_run(1))
    since = world.clock() + timedelta(hours=1)
    with world.records.begin() as tx:
        tx.marks.set(KNOWN_SINCE, since.isoformat())
    assert not moment(world, world.clock()).is_known
    assert told(world, since) == said(world)
    with world.records.read() as tx:
        app = tx.apps.get("app_0001")
        assert shown_at(tx, app, app.created_at - timedelta(seconds=1)).is_known


def test_a_deleted_app_showed_nothing_more(world: World) -> None:
    world.deploy(a_run(1))
    with world.records.read() as tx:
        app = tx.apps.get("app_0001")
    before = world.clock()
    world.clock.advance(60)
    with world.records.begin() as tx:
        request_deletion(tx, app.id, keep_repository=True, at=world.clock(), actor="token")
    world.run_queue()
    with world.records.read() as tx:
        assert [it.script for it in shown_at(tx, app, before).shown] == ["slug0001"]
        assert shown_at(tx, app, world.clock() + timedelta(seconds=1)).shown == []
