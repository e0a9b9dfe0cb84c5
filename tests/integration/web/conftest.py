from collections.abc import Iterator

import pytest

from tests.integration.web.world import World


@pytest.fixture
def world(migrated_sqlite_url: str) -> Iterator[World]:
    world = World(migrated_sqlite_url)
    yield world
    world.close()
