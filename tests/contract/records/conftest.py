"""What every memory does alike: the fake that unit tests trust, SQLite and a real PostgreSQL."""

from collections.abc import Iterator

import pytest

from app.database.records import SqlRecords
from app.database.session import create_engine
from app.domain.jobs import Job
from app.ports import Records
from tests.contract.records.world import World
from tests.fakes.clock import FakeClock
from tests.fakes.records import FakeRecords


@pytest.fixture(params=["fake", "sqlite", "postgres"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    clock, enqueued = FakeClock(), list[Job]()
    if request.param == "fake":
        yield World(FakeRecords(clock, lambda _, job: enqueued.append(job)), clock, enqueued)
        return
    engine = create_engine(request.getfixturevalue(f"migrated_{request.param}_url"))
    yield World(SqlRecords(engine, lambda _, job: enqueued.append(job), clock), clock, enqueued)
    engine.dispose()


@pytest.fixture
def records(world: World) -> Records:
    return world.records
