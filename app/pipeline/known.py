"""Known: the lookups that every verb begins with. They change nothing."""

from datetime import datetime

from app.domain.aliases import Alias
from app.domain.apps import App
from app.domain.deployments import Deployment
from app.errors import NotFound
from app.ports import Transaction


def held_app(tx: Transaction, repository_id: int) -> App | None:
    """Return the app with this repository, held until the transaction ends."""
    app = tx.apps.by_repository(repository_id)
    return known_app(tx, app.id, lock=True) if app else None


def known_app(tx: Transaction, app_id: str, *, lock: bool = False) -> App | None:
    """Return an app, or None when it was deleted meanwhile."""
    try:
        return tx.apps.get(app_id, lock=lock)
    except NotFound:
        return None


def alias_of(tx: Transaction, deployment: Deployment, at: datetime) -> Alias:
    """Return the alias that a deployment is meant for: what is kept of it, or a new one."""
    return tx.aliases.get(deployment.script) or Alias(
        app_id=deployment.app_id,
        script=deployment.script,
        environment=deployment.environment,
        namespace=deployment.namespace,
        updated_at=at,
        pull_request=deployment.pull_request,
    )


def live(tx: Transaction, script: str) -> Deployment | None:
    """Return what an alias shows; None when it shows nothing, or what it showed has expired."""
    alias = tx.aliases.get(script)
    if alias is None or alias.deployment_id is None or alias.expired_at is not None:
        return None
    return tx.deployments.get(alias.deployment_id)
