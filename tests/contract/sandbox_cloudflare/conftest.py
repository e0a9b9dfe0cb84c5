"""One sandbox for all tests of this folder, and one to break for each test that asks."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cloudflare import Cloudflare

from tests.contract.sandbox_cloudflare.driver import TOKEN, Sandbox


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    running = Sandbox(tmp_path_factory.mktemp("cloudflare"), "--rate-limit=100000", "--stall-seconds=30")
    running.start()
    yield running
    assert running.stop() == 0


@pytest.fixture
def own_sandbox(tmp_path: Path) -> Iterator[Callable[..., Sandbox]]:
    """Start a sandbox that a test may break."""
    started: list[Sandbox] = []

    def start(*flags: str) -> Sandbox:
        made = Sandbox(tmp_path / f"own-{len(started)}", *flags)
        made.start()
        started.append(made)
        return made

    yield start
    for one in started:
        if one.process.poll() is None:
            one.stop()


@pytest.fixture(scope="session")
def sdk(sandbox: Sandbox) -> Iterator[Cloudflare]:
    with Cloudflare(api_token=TOKEN, base_url=sandbox.api, max_retries=0) as client:
        yield client
