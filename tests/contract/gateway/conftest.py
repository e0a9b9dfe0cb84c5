"""One sandbox for all tests of this folder, and a control plane for each file: what it knows is its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.gateway.plane import Plane, Wrangler, serving
from tests.contract.sandbox_cloudflare.driver import Sandbox


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    running = Sandbox(tmp_path_factory.mktemp("cloudflare"), "--rate-limit=100000")
    running.start()
    yield running
    assert running.stop() == 0


@pytest.fixture(scope="module")
def plane(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plane]:
    with serving(sandbox, tmp_path_factory.mktemp("plane")) as running:
        yield running


@pytest.fixture
def wrangler(plane: Plane, tmp_path: Path) -> Wrangler:
    return Wrangler(plane, tmp_path)
