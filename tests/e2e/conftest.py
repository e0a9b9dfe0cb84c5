"""One city for all stories; after each of them, nothing may be left behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from sandbox.city import City
from sandbox.developer import Developer
from sandbox.steps import Steps
from tests.e2e.leftovers import Inspector

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.developer import App


@pytest.fixture(scope="session")
def steps() -> Steps:
    return Steps(Console(highlight=False, soft_wrap=True))


@pytest.fixture(scope="session")
def city(tmp_path_factory: pytest.TempPathFactory, steps: Steps) -> Iterator[City]:
    with City(tmp_path_factory.mktemp("city"), steps) as city:
        yield city


@pytest.fixture(scope="session")
def ada(city: City, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Developer]:
    """A developer in the organisation."""
    with Developer(city.plan.facts(), tmp_path_factory.mktemp("ada")) as developer:
        yield developer


@pytest.fixture(scope="session")
def inspector(city: City) -> Iterator[Inspector]:
    inspector = Inspector.of_plan(city.plan)
    yield inspector
    inspector.close()


@pytest.fixture(scope="session")
def shop(ada: Developer) -> App:
    """An app that is live, shared by the stories that only add to it."""
    app = ada.create_app("shop")
    app.wait_live("production", app.checkout.git("rev-parse", "HEAD"))
    return app


@pytest.fixture(autouse=True)
def _nothing_left_behind(city: City, inspector: Inspector) -> Iterator[None]:
    yield
    inspector.wait_until_nothing_is_left()
    for daemon in city.daemons.values():
        daemon.check()
