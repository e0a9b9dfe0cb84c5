"""Reach: the app whose repository somebody wants spoken to, while it can be. Only looks."""

from typing import Final

from app.domain.apps import App, AppStatus, Repository
from app.errors import Conflict
from app.ports import Transaction

_OUT_OF_REACH: Final = frozenset({AppStatus.PROVISIONING, AppStatus.DETACHED, AppStatus.DELETING})


def reached_app(tx: Transaction, key: str) -> App:
    """Return the app, which has a repository that we may speak to.

    Raises:
        NotFound: there is no such app.
        Conflict: it has no repository yet or any more, or is being made or deleted.
    """
    app = tx.apps.get(key)
    if app.status in _OUT_OF_REACH:
        raise Conflict(
            f"reaching the repository of {app.name}: the app is {app.status}", code=f"app:{app.status}"
        )
    repository_of(app)
    return app


def repository_of(app: App) -> Repository:
    """Return the app's repository. Raises Conflict when it could not be made."""
    if app.repository is None:
        raise Conflict(
            f"reaching the repository of {app.name}: it could not be made", code="app:no-repository"
        )
    return app.repository
