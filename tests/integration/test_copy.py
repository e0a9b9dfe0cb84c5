"""A database moves from SQLite to PostgreSQL: all of it or nothing, and it goes on from there."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import Table, func, make_url, select

from app.cli.db import db
from app.database.copying import _tables, copy_database
from app.database.session import create_engine
from app.domain.deliveries import DeliveryStatus
from app.domain.events import Event, Selection, Tag
from app.domain.jobs import JobStatus
from app.errors import Conflict, RemoteUnavailable
from tests.builders import NOON, a_delivery, a_deployment, a_pull, a_worker, an_app
from tests.integration.jobs.world import World


@pytest.fixture
def old(migrated_sqlite_url: str) -> Iterator[World]:
    """Return a database with something in it and no job under way."""
    world = World(migrated_sqlite_url)
    with world.records.begin() as tx:
        tx.apps.add(an_app())
        tx.deployments.add(a_deployment(error="half a pair \ud83d"))
        tx.pulls.save(a_pull(7))
        tx.workers.add(a_worker())
        for number in range(3):
            tx.deliveries.add(a_delivery(number))
            tx.events.append(Event(Tag.BRANCH_PUSHED, f"fact-{number}", "test", NOON, {"number": number}))
    with world.working(lambda _job, steps: steps.run("act", lambda: "done")):
        assert world.wait_over(world.enqueue()).status is JobStatus.COMPLETED
    yield world
    world.close()


@pytest.fixture
def new(migrated_postgres_url: str) -> Iterator[World]:
    world = World(migrated_postgres_url)
    yield world
    world.close()


def rows(world: World, table: Table) -> list[tuple[object, ...]]:
    with world.database.connect() as connection:
        statement = select(table).order_by(*table.primary_key)
        return [tuple(row) for row in connection.execute(statement)]


def test_everything_arrives_and_new_rows_come_behind(old: World, new: World) -> None:
    path = str(make_url(old.url).database)
    done = CliRunner().invoke(db, ["copy", path], env={"DATABASE_URL": new.url}, catch_exceptions=False)
    assert done.output.startswith("copied ")
    for table in _tables():
        assert rows(new, table) == rows(old, table), table.name
    assert any(rows(new, table) for table in _tables())
    with new.records.begin() as tx:
        tx.events.append(Event(Tag.BRANCH_PUSHED, "fact-after", "test", NOON, {}))
        assert tx.deliveries.add(a_delivery(99))
    with new.records.read() as tx:
        assert tx.events.page(Selection())[0].subject == "fact-after"
        assert tx.deliveries.get("guid-99").status is DeliveryStatus.WAITING
    with new.working(lambda _job, steps: steps.run("act", lambda: "done")):
        assert new.wait_over(new.enqueue()).status is JobStatus.COMPLETED


def test_nothing_is_copied_onto_something(old: World, new: World) -> None:
    with new.records.begin() as tx:
        tx.apps.add(an_app(2))
    with pytest.raises(Conflict, match="not empty: apps"):
        copy_database(old.database, new.database)
    with new.records.read() as tx:
        assert [app.id for app in tx.apps.list().items] == ["app_0002"]


def test_nothing_is_copied_while_jobs_are_under_way(old: World, new: World) -> None:
    old.enqueue()
    with pytest.raises(Conflict, match="1 jobs are unfinished"):
        copy_database(old.database, new.database)


def test_nothing_stays_of_a_copy_that_failed(old: World, new: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_table: Table, _connection: object) -> None:
        raise RemoteUnavailable("the server went away")

    monkeypatch.setattr("app.database.copying._continue_numbers", fail)
    with pytest.raises(RemoteUnavailable):
        copy_database(old.database, new.database)
    with new.database.connect() as connection:
        counts = {it.name: connection.scalar(select(func.count()).select_from(it)) for it in _tables()}
    assert {name for name, count in counts.items() if count} <= {"marks"}


def test_a_target_without_tables_is_not_ready(old: World, tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'none.sqlite'}")
    with pytest.raises(RemoteUnavailable, match="branchline db upgrade"):
        copy_database(old.database, engine)
    engine.dispose()
