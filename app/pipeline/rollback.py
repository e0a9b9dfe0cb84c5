"""Rollback: an environment goes back to an earlier deployment and stays there until somebody resumes.

No build: the bytes that went up then go up again. Later pushes are built and answer at their own addresses,
but do not go live.
"""

from dataclasses import replace

from app.domain.apps import App
from app.domain.deployments import Deployment
from app.domain.environments import Environment
from app.domain.events import Tag
from app.domain.names import script_name
from app.domain.releases import can_be_shown, newest_first
from app.errors import Conflict, InvalidInput
from app.pipeline.known import alias_of, standing_app
from app.pipeline.point import Decision, Released, check_showable, no_deployment, point, shows, write_down
from app.pipeline.release import ask_for_release
from app.pipeline.showing import Why
from app.ports import Transaction


def rollback(
    tx: Transaction, key: str, environment: Environment, to: str | None, decision: Decision
) -> Released:
    """Go back to deployment `to`, or to the one before what is live, and pin the environment.

    Asked again for what is live and pinned, it answers the same, and nothing is put up.

    Raises:
        NotFound: there is no such app, or no such deployment of it and of this environment.
        InvalidInput: for previews, of which there are many, `to` has to be said.
        Conflict: there is nothing to go back to, nothing was kept of it, or the app is being deleted.
    """
    app = standing_app(tx, key, "rolling back")
    target = _earlier(tx, app, environment) if to is None else _chosen(tx, app, environment, to)
    alias = alias_of(tx, target, decision.at)
    if alias.is_pinned and shows(alias, target):
        return Released(app, alias, target, ask_for_release(tx, alias, actor=decision.actor))
    facts = {"from": alias.deployment_id, "to": target.id}
    write_down(tx, Tag.ENVIRONMENT_ROLLED_BACK, app.id, alias, decision, **facts)
    return point(tx, app, target, replace(alias, is_pinned=True), decision, why=Why.ROLLED_BACK)


def _chosen(tx: Transaction, app: App, environment: Environment, to: str) -> Deployment:
    target = tx.deployments.get(to)
    if (target.app_id, target.environment) != (app.id, environment):
        raise no_deployment(to)
    check_showable(target, "rolling back to")
    return target


def _earlier(tx: Transaction, app: App, environment: Environment) -> Deployment:
    """Return the newest deployment that was there before what is live."""
    if environment is Environment.PREVIEW:
        raise InvalidInput(f"rolling back a preview of {app.name}: say to which deployment (to)")
    script = script_name(app.slug, environment)
    alias, deployments = tx.aliases.get(script), newest_first(tx.deployments.find(app.id, script=script))
    ids = [it.id for it in deployments]
    live_id = alias.deployment_id if alias else None
    earlier = deployments[ids.index(live_id) + 1 :] if live_id in ids else deployments
    found = next((it for it in earlier if can_be_shown(it)), None)
    if found is None:
        raise Conflict(
            f"rolling back {app.name}/{environment}: there is no earlier deployment whose bytes were kept",
            code="environment:no-earlier-deployment",
        )
    return found
