"""What all fault tests share: the form that they run in, and the figures that they leave.

`BRANCHLINE_FAULTS=full` chooses the full form, as `make faults` does; else it is short and takes seconds.
"""

from collections.abc import Iterator

import pytest

from tests.faults.figures import Figures, Form
from tests.faults.reporting import figures_of
from tests.faults.town import Remotes

_SHORT_TIMEOUT_SECONDS = 600
_FULL_TIMEOUT_SECONDS = 4 * 3600


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give each form the time that it needs: processes that die are waited for."""
    seconds = Form.from_environ().pick(short=_SHORT_TIMEOUT_SECONDS, full=_FULL_TIMEOUT_SECONDS)
    for item in items:
        if "faults" in item.path.parts:
            item.add_marker(pytest.mark.timeout(seconds))
            if isinstance(item, pytest.Function) and _is_on_postgres(item):
                item.add_marker(pytest.mark.slow)


def _is_on_postgres(item: pytest.Function) -> bool:
    """Tell whether the same test runs on SQLite, which is enough where there is little time."""
    return hasattr(item, "callspec") and "postgres" in item.callspec.params.values()


@pytest.fixture(scope="session")
def form() -> Form:
    """Return how much of each test runs: `form.pick(short=5, full=100)`."""
    return Form.from_environ()


@pytest.fixture(scope="session")
def figures(request: pytest.FixtureRequest) -> Figures:
    """Return what keeps figures: `figures.tell("J1", "cells right", "42 of 42")`."""
    return figures_of(request.config)


@pytest.fixture(scope="session")
def remotes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Remotes]:
    """Start the sandbox's GitHub and Cloudflare, with light runs, for all tests."""
    with Remotes(tmp_path_factory.mktemp("remotes")) as remotes:
        yield remotes
