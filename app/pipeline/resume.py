"""Resume: a pinned environment follows pushes again, and shows the newest that was built meanwhile."""

from dataclasses import replace

from app.domain.apps import App
from app.domain.environments import Environment
from app.domain.events import Tag
from app.domain.names import script_name
from app.domain.releases import can_be_shown, newest_first
from app.errors import Conflict
from app.pipeline.known import standing_app
from app.pipeline.point import Decision, Released, point, write_down
from app.pipeline.release import ask_for_release
from app.pipeline.showing import Why
from app.ports import Transaction


def resume(
    tx: Transaction, key: str, environment: Environment, pull_request: int | None, decision: Decision
) -> Released:
    """Unpin an environment, or a pull request's preview, and have its newest deployment live.

    When that is live already nothing is put up. What is not pinned stays as it is.

    Raises:
        NotFound: there is no such app.
        Conflict: nothing is deployed there, or the app is being deleted.
    """
    app = standing_app(tx, key, "resuming")
    script = _script_of(tx, app, environment, pull_request)
    alias = tx.aliases.get(script)
    if alias is None or alias.deployment_id is None:
        raise Conflict(f"resuming {script}: nothing is deployed there", code="environment:nothing-deployed")
    shown = tx.deployments.get(alias.deployment_id)
    if not alias.is_pinned:
        return Released(app, alias, shown, ask_for_release(tx, alias, actor=decision.actor))
    deployments = newest_first(tx.deployments.find(app.id, script=script))
    newest = next((it for it in deployments if can_be_shown(it)), shown)
    facts = {"from": alias.deployment_id, "to": newest.id}
    write_down(tx, Tag.ENVIRONMENT_RESUMED, app.id, alias, decision, **facts)
    order = max(alias.order, newest.order)
    return point(tx, app, newest, replace(alias, is_pinned=False, order=order), decision, why=Why.RESUMED)


def _script_of(tx: Transaction, app: App, environment: Environment, pull_request: int | None) -> str:
    if pull_request is None:
        return script_name(app.slug, environment)
    pull = tx.pulls.get(app.id, pull_request)
    is_from_fork = pull is not None and pull.is_from_fork
    return script_name(app.slug, environment, pull_request, is_from_fork=is_from_fork)
