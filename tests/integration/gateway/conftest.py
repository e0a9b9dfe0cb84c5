import pytest

from tests.integration.gateway.world import World


@pytest.fixture
def world() -> World:
    return World()
