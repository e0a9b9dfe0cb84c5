"""Stories of the one city (`tests.cities`); after each of them, nothing may be left behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.city import City
    from sandbox.developer import Developer
    from tests.e2e.leftovers import Inspector


@pytest.fixture(scope="session")
def ada(developer: Developer) -> Developer:
    """A developer in the organisation."""
    return developer


@pytest.fixture(autouse=True)
def _nothing_left_behind(city: City, inspector: Inspector) -> Iterator[None]:
    yield
    inspector.wait_until_nothing_is_left()
    for daemon in city.daemons.values():
        daemon.check()
