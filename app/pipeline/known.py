"""Known: the lookups that every verb begins with. They change nothing."""

from datetime import datetime

from app.domain.aliases import Alias
from app.domain.apps import App, AppStatus
from app.domain.deployments import Deployment
from app.domain.environments import Environment
from app.domain.workers import Worker
from app.errors import Conflict, NotFound
from app.ports import Transaction


def held_app(tx: Transaction, repository_id: int) -> App | None:
    """Return the app with this repository, held until the transaction ends."""
    app = tx.apps.by_repository(repository_id)
    return known_app(tx, app.id, lock=True) if app else None


def known_app(tx: Transaction, app_id: str, *, lock: bool = False) -> App | None:
    """Return the app of an id, or None when it was deleted meanwhile.

    What is of no app has a word in its place, and there may be an app of that name: it is not the one.
    """
    try:
        app = tx.apps.get(app_id, lock=lock)
    except NotFound:
        return None
    return app if app.id == app_id else None


def known_worker(tx: Transaction, worker_id: str) -> Worker | None:
    """Return the worker of an id alone, as `known_app` does."""
    try:
        worker = tx.workers.get(worker_id)
    except NotFound:
        return None
    return worker if worker.id == worker_id else None


def standing_app(tx: Transaction, key: str, doing: str) -> App:
    """Return an app by id, slug or name, held, when it is there to stay.

    Raises:
        NotFound: there is no such app.
        Conflict: it is being deleted.
    """
    app = tx.apps.get(key, lock=True)
    if app.status is AppStatus.DELETING:
        raise Conflict(f"{doing} {app.name}: the app is being deleted", code="app:deleting")
    return app


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


def origin_of(tx: Transaction, deployment: Deployment) -> Deployment:
    """Return the deployment that a run made whose bytes this one shows: itself, unless it was promoted."""
    for _ in Environment:  # bytes are promoted upwards only
        if deployment.promoted_from is None:
            break
        deployment = tx.deployments.get(deployment.promoted_from)
    return deployment


def live(tx: Transaction, script: str) -> Deployment | None:
    """Return what an alias shows; None when it shows nothing, or what it showed has expired."""
    alias = tx.aliases.get(script)
    if alias is None or alias.deployment_id is None or alias.expired_at is not None:
        return None
    return tx.deployments.get(alias.deployment_id)
