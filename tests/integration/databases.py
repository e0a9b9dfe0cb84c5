"""Databases as the tests of them open them: both kinds, migrated, and engines that end with the test."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from sqlalchemy import Engine

from app.database.records import SqlRecords
from app.database.session import create_engine
from tests.fakes.clock import FakeClock

PATIENCE_SECONDS = 60
Connect = Callable[..., Engine]


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Make engines that are disposed of in the end."""
    with ExitStack() as stack:

        def connect(url: str, **options: Any) -> Engine:
            engine = create_engine(url, **options)
            stack.callback(engine.dispose)
            return engine

        yield connect


@pytest.fixture
def engine(migrated_url: str, connect: Connect) -> Engine:
    return connect(migrated_url, lock_timeout_seconds=PATIENCE_SECONDS)


@pytest.fixture
def records(engine: Engine) -> SqlRecords:
    return open_records(engine)


def open_records(engine: Engine) -> SqlRecords:
    return SqlRecords(engine, lambda _session, _job: None, FakeClock())
