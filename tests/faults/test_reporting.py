"""Figures reach the end of the run, whichever process measured them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest

from tests.faults import reporting


def a_process(**given: object) -> SimpleNamespace:
    return SimpleNamespace(stash=pytest.Stash(), **given)


def test_what_two_processes_measured_is_told_together() -> None:
    above = a_process()
    for row, name in (("J1", "on sqlite"), ("J1", "on postgres"), ("J3", "seconds")):
        below = a_process(workeroutput={})
        reporting.figures_of(cast("pytest.Config", below)).tell(row, name, 1)
        reporting.pytest_sessionfinish(cast("pytest.Session", SimpleNamespace(config=below)))
        node = SimpleNamespace(config=above, workeroutput=below.workeroutput)
        reporting.pytest_testnodedown(node)
    told = reporting.figures_of(cast("pytest.Config", above)).told
    assert told == {"J1": {"on sqlite": 1, "on postgres": 1}, "J3": {"seconds": 1}}


def test_a_process_that_crashed_takes_nothing_of_others_with_it() -> None:
    above = a_process()
    reporting.pytest_testnodedown(SimpleNamespace(config=above))
    assert reporting.figures_of(cast("pytest.Config", above)).told == {}
