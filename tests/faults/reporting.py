"""Prints the figures of fault tests at the end of a run and writes them down.

A process that was given tests by another one (`pytest -n 2`) hands its figures up to it.
Nothing is measured here.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.faults.figures import FILE, Figures, Form

_FIGURES = pytest.StashKey[Figures]()
_HANDED_UP = "figures"


def figures_of(config: pytest.Config) -> Figures:
    """Return the figures of this run."""
    return config.stash.setdefault(_FIGURES, Figures(Form.from_environ()))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand up what was measured, if there is somebody above."""
    above: dict[str, Any] | None = getattr(session.config, "workeroutput", None)
    if above is not None:
        above[_HANDED_UP] = figures_of(session.config).told


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take what a process measured; one that crashed hands up nothing."""
    for row, told in getattr(node, "workeroutput", {}).get(_HANDED_UP, {}).items():
        for name, value in told.items():
            figures_of(node.config).tell(row, name, value)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print what was measured."""
    found = figures_of(config)
    if found.told:
        found.write()
        terminalreporter.section(f"figures of the {found.form} form, also in {FILE.parent.name}/{FILE.name}")
        for line in found.lines():
            terminalreporter.write_line(line)
