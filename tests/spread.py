"""How the suite is spread over several processes (`pytest -n 2`), and in which order they take tests.

A file stays together, because its tests share servers; all stories and pages of the city do, because they
share it.
The city is begun first: it is the longest of all and leaves a processor free at times. How many processes
there are is said by whoever starts them (`make test`); without `-n` nothing here does anything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from xdist.scheduler import LoadFileScheduling

if TYPE_CHECKING:
    from xdist.remote import Producer

_CITY = ("tests/browser/", "tests/e2e/")


class Spread(LoadFileScheduling):  # type: ignore[misc] # it has no types
    """Hands out files, in the order in which they were collected, and the city's as one."""

    def _split_scope(self, nodeid: str) -> str:
        return "city" if nodeid.startswith(_CITY) else super()._split_scope(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Spread:
    """Return what hands out tests."""
    config.option.loadscopereorder = False
    return Spread(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin with the city, when others run beside it."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: not item.nodeid.startswith(_CITY))
