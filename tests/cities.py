"""The one city of a session: its stories and its pages share it, and one developer with her app."""

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
def developer(city: City, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Developer]:
    """Ada at her terminal: a member of the organisation."""
    with Developer(city.plan.facts(), tmp_path_factory.mktemp("ada")) as developer:
        yield developer


@pytest.fixture(scope="session")
def inspector(city: City) -> Iterator[Inspector]:
    inspector = Inspector.of_plan(city.plan)
    yield inspector
    inspector.close()


@pytest.fixture(scope="session")
def shop(developer: Developer) -> App:
    """An app that is live, shared by all that only add to it."""
    app = developer.create_app("shop")
    app.wait_live("production", app.checkout.git("rev-parse", "HEAD"))
    return app
