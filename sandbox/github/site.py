"""The running site: its settings, its database, its repositories on disk and its address.

Handed as first argument to whatever needs it. Holds no rules.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from flask import current_app

from sandbox.github.git import Git
from sandbox.github.rates import Budgets

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox.actions.ports import ActionsSide
    from sandbox.github.database import Database
    from sandbox.github.settings import Settings


class Locks:
    """One re-entrant lock per repository: its refs change one push at a time."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._locks: dict[int, threading.RLock] = {}

    def of(self, repository_id: int) -> threading.RLock:
        """Return the lock of one repository."""
        with self._guard:
            return self._locks.setdefault(repository_id, threading.RLock())


@dataclass
class Site:
    """Everything that one sandbox GitHub is made of."""

    settings: Settings
    database: Database
    url: str
    locks: Locks = field(default_factory=Locks)
    news: threading.Event = field(default_factory=threading.Event)
    budgets: Budgets = field(init=False)
    points: Budgets = field(init=False)
    actions: ActionsSide | None = None

    def __post_init__(self) -> None:
        self.budgets = Budgets(self.settings.rate_limit)
        self.points = Budgets(self.settings.rate_limit, "graphql")

    @property
    def api_url(self) -> str:
        """Return the address that API clients are given."""
        return f"{self.url}/api/v3"

    @property
    def repositories(self) -> Path:
        """Return the directory of the bare repositories."""
        return self.settings.directory / "repos"

    def git(self, repository_id: int) -> Git:
        """Return the bare repository of an id; renaming does not move it."""
        return Git(self.repositories / f"{repository_id}.git")


EXTENSION = "sandbox.github"


def current_site() -> Site:
    """Return the site that the present request is for."""
    site = current_app.extensions[EXTENSION]
    assert isinstance(site, Site)  # noqa: S101 - put there by application.create
    return site
