"""One sandbox for all tests of this folder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.contract.sandbox_cloudflare.driver import Sandbox
from tests.integration.functions_runtime.driver import Worker, deploy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    running = Sandbox(tmp_path_factory.mktemp("functions"), "--rate-limit=100000", "--stall-seconds=30")
    running.start()
    yield running
    assert running.stop() == 0


@pytest.fixture(scope="session")
def worker(sandbox: Sandbox) -> Callable[..., Worker]:
    """Deploy a module of functions, with options of `createHandler`."""

    def make(code: str, **options: Any) -> Worker:
        return deploy(sandbox, code, **options)

    return make
