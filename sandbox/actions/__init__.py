"""GitHub Actions on loopback: workflow runs by `act`, driven by the sandbox's GitHub.

`create` makes the engine for a GitHub (see `ports`), `routes.blueprint` its REST API, `pages.pages` its HTML.
Runs execute on this machine, without containers, with the rights of whoever started the sandbox: it is for
code that one would run by hand. Services, containers, caches other than npm's, schedules and the approval of
first-time contributors are not there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.actions.engine import Engine

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox.actions.ports import GitHubSide

__all__ = ["Engine", "create"]


def create(directory: Path, github: GitHubSide, *, concurrency: int = 2) -> Engine:
    """Return the engine that keeps its state in `directory` and runs `concurrency` runs at a time."""
    return Engine(directory, github, concurrency=concurrency)
