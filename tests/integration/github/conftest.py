"""A client whose requests are answered from memory, and the writes that it sent."""

from collections.abc import Iterator

import pytest
import responses

from app.github.client import GitHub
from tests.integration.github.recorded import NOW, SETTINGS


@pytest.fixture
def http() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as mock:
        yield mock


@pytest.fixture
def writes() -> list[tuple[str, str]]:
    return []


@pytest.fixture
def github(writes: list[tuple[str, str]]) -> GitHub:
    return GitHub(SETTINGS, lambda: NOW, on_write=lambda verb, path: writes.append((verb, path)))
