"""One GitHub for all tests of this folder; each test takes repositories of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.github.server import Server
from sandbox.github.settings import Settings
from tests.contract.sandbox_github.driver import Receiver, World


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("template")
    (directory / "src").mkdir()
    (directory / "src" / "index.ts").write_text("export default {}\n")
    (directory / "README.md").write_text("# Template\n")
    (directory / "node_modules" / "left-pad").mkdir(parents=True)
    (directory / "node_modules" / "left-pad" / "index.js").write_text("")
    return directory


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory, template: Path) -> Iterator[World]:
    settings = Settings(
        directory=tmp_path_factory.mktemp("github"),
        template_from=template,
        fork_delay_seconds=0.2,
        rate_limit=100_000,
        webhook_timeout_seconds=1.0,
        with_actions=False,
    )
    server = Server(settings)
    server.start()
    running = World(server)
    yield running
    running.close()


@pytest.fixture
def repository(world: World) -> str:
    """Return the full name of a new repository with the template's files."""
    return world.repository()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    running = Receiver()
    running.start()
    yield running
    running.close()
