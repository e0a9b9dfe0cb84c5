"""Point: somebody decides what an environment shows, and its alias says so from then on.

Nothing is put up here: the alias is pointed, the fact is written down and a release is asked for, all in one
transaction. Decisions count in the order of their transactions, whatever the order of the jobs.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from app.domain.aliases import Alias
from app.domain.apps import App
from app.domain.deployments import Deployment
from app.domain.environments import Environment
from app.domain.events import Event, Tag
from app.domain.jobs import Job
from app.domain.platform import Platform
from app.domain.releases import can_be_shown
from app.errors import Conflict, NotFound
from app.pipeline.release import ask_for_release, request_release
from app.pipeline.showing import Change, Why, keep
from app.ports import Transaction


@dataclass(frozen=True, slots=True)
class Decision:
    """Who decides what is live, and when."""

    actor: str
    at: datetime
    platform: Platform


@dataclass(frozen=True, slots=True)
class Released:
    """What was decided: `deployment` is live on `alias` when `job` is over."""

    app: App
    alias: Alias
    deployment: Deployment
    job: Job


def point(
    tx: Transaction, app: App, target: Deployment, alias: Alias, decision: Decision, *, why: Why
) -> Released:
    """Point an alias at a deployment and ask for its release; what is there already is not put up again."""
    before = tx.aliases.get(alias.script) or replace(alias, deployment_id=None, is_pinned=False)
    pointed, change = pointed_at(alias, target, decision), Change(why, decision.actor, decision.at)
    if (before.deployment_id, before.expired_at) == (target.id, None):
        keep(tx, pointed, change)
        job = ask_for_release(tx, pointed, before=before, actor=decision.actor)
        return Released(app, pointed, target, job)
    pointed = replace(pointed, is_settled=False)
    job = request_release(tx, pointed, change, before=before, actor=decision.actor)
    return Released(app, pointed, target, job)


def pointed_at(alias: Alias, target: Deployment, decision: Decision) -> Alias:
    """Return an alias that shows a deployment by somebody's decision; a preview lives as long again."""
    expires_at = None
    if target.environment is Environment.PREVIEW:
        expires_at = decision.at + timedelta(days=decision.platform.preview_days)
    return replace(
        alias,
        deployment_id=target.id,
        actor=decision.actor,
        updated_at=decision.at,
        expires_at=expires_at,
        expired_at=None,
    )


def shows(alias: Alias, deployment: Deployment) -> bool:
    """Tell whether an alias shows this deployment, or will when its release is done."""
    return alias.deployment_id == deployment.id and alias.expired_at is None


def known_deployment(tx: Transaction, deployment_id: str) -> Deployment:
    """Return a deployment whose app is there; any other is unknown. Raises NotFound."""
    deployment = tx.deployments.get(deployment_id)
    try:
        tx.apps.get(deployment.app_id, lock=True)
    except NotFound:
        raise no_deployment(deployment_id) from None
    return tx.deployments.get(deployment_id)


def no_deployment(deployment_id: str) -> NotFound:
    """Return the error that a deployment is unknown, the same whether it is nobody's or another app's."""
    shown = deployment_id[:60]
    return NotFound(
        f"looking for deployment {shown}: there is none", code="deployment:not-found", deployment=shown
    )


def check_showable(deployment: Deployment, doing: str) -> None:
    """Check that an alias may be pointed at a deployment.

    Raises:
        Conflict: it is not ready, or its bytes were not kept.
    """
    has_been_up = deployment.uploaded_at is not None or deployment.promoted_from is not None
    if deployment.is_finished and (deployment.bundle is None or not has_been_up):
        raise Conflict(
            f"{doing} {deployment.id}: its bytes were not kept; they did not go up through the gateway",
            code="deployment:no-bundle",
        )
    if not can_be_shown(deployment):
        raise Conflict(f"{doing} {deployment.id}: it is {deployment.status}", code="deployment:not-ready")


def write_down(
    tx: Transaction, tag: Tag, subject: str, alias: Alias, decision: Decision, **payload: Any
) -> None:
    """Write a decision about an environment down."""
    facts = {"app": alias.app_id, "environment": alias.environment, "script": alias.script, **payload}
    tx.events.append(Event(tag, subject, decision.actor, decision.at, facts))
