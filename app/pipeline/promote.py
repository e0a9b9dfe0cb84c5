"""Promote: the very bytes of one environment go live in another, with the variables and secrets of that one.

A promotion is a deployment of its own: it has its own id, its own address and its own record at the code
host, but no run. It ends a pin, and no run that was known before goes live over it.
"""

from dataclasses import replace
from typing import Any

from app.domain.aliases import Alias
from app.domain.apps import App, AppStatus
from app.domain.deployments import Deployment, Status
from app.domain.environments import Environment
from app.domain.events import Tag
from app.domain.jobs import Job, JobType
from app.domain.names import new_id, own_script_name, script_name
from app.domain.releases import PROMOTIONS, can_be_shown
from app.errors import BranchlineError, Broken, Conflict
from app.pipeline.known import alias_of, known_app, standing_app
from app.pipeline.move import move, tell
from app.pipeline.point import (
    Decision,
    Released,
    check_showable,
    known_deployment,
    point,
    pointed_at,
    shows,
    write_down,
)
from app.pipeline.putting import Putter, put_up
from app.pipeline.release import ask_for_release, before_as_json, bring_in_line, go_back, request_take_down
from app.pipeline.showing import Change, Why, keep
from app.pipeline.upload import make_room, note
from app.ports import Steps, Transaction


def request_promotion(
    tx: Transaction, deployment_id: str, environment: Environment, decision: Decision
) -> Released:
    """Have what a deployment shows live in an environment; asked again, it answers the same.

    In its own environment it only goes live.

    Raises:
        NotFound: there is no such deployment.
        Conflict: it cannot be promoted there, is not ready, a fork's, or its app is being deleted.
    """
    source = known_deployment(tx, deployment_id)
    app = standing_app(tx, source.app_id, f"promoting {source.id} of")
    _check_promotable(source, environment)
    target = source if environment is source.environment else _known(tx, app, source, environment)
    if target is None:
        return _begin(tx, app, source, environment, decision)
    alias = alias_of(tx, target, decision.at)
    if shows(alias, target) and not alias.is_pinned:
        return Released(app, alias, target, _ask_again(tx, alias, target, decision.actor))
    _write_down(tx, alias, source, target, decision)
    return point(tx, app, target, _raised(tx, alias), decision, why=Why.PROMOTED)


def promote(job: Job, steps: Steps, to: Putter) -> dict[str, Any]:
    """Put a promotion up, under its own address first, then where it is to be live."""
    deployment_id = job.arguments["deployment"]
    with to.records.read() as tx:
        script = tx.deployments.get(deployment_id).script
    try:
        steps.run("put up under its own address", lambda: _put_up(job, deployment_id, to))
        bring_in_line(job, script, steps, to)
    except BranchlineError as error:
        reason = error.message
        steps.run("record failure", lambda: _fail(job, deployment_id, reason, to))
        raise
    status = steps.run("record", lambda: _finish(job, deployment_id, to))
    return {"script": script, "deployment": deployment_id, "status": status}


def _check_promotable(source: Deployment, environment: Environment) -> None:
    if source.is_from_fork:
        raise Conflict(
            f"promoting {source.id}: it is a fork's; merge its pull request instead",
            code="deployment:from-fork",
        )
    if environment is not source.environment and environment not in PROMOTIONS[source.environment]:
        raise Conflict(
            f"promoting {source.id}: what is in {source.environment} is not promoted to {environment}",
            code="deployment:not-promotable",
        )
    check_showable(source, "promoting")


def _known(tx: Transaction, app: App, source: Deployment, environment: Environment) -> Deployment | None:
    """Return an earlier promotion of the same deployment, on its way or ready."""
    known = tx.deployments.find(app.id, script=script_name(app.slug, environment))
    return next((it for it in known if it.promoted_from == source.id and can_be_shown(it)), None)


def _begin(
    tx: Transaction, app: App, source: Deployment, environment: Environment, decision: Decision
) -> Released:
    """Keep a new promotion and point the alias at it; its job puts it up."""
    target = _promotion(app, source, environment, decision)
    tx.deployments.add(target)
    tell(tx, target, decision.actor, decision.at)
    alias = alias_of(tx, target, decision.at)
    _write_down(tx, alias, source, target, decision)
    pointed = pointed_at(_raised(tx, alias), target, decision)
    keep(tx, replace(pointed, is_settled=False), Change(Why.PROMOTED, decision.actor, decision.at))
    arguments = {"deployment": target.id, "before": before_as_json(alias)}
    job = tx.jobs.enqueue(JobType.PROMOTE, app.id, arguments, actor=decision.actor)
    return Released(app, pointed, target, job)


def _promotion(app: App, source: Deployment, environment: Environment, decision: Decision) -> Deployment:
    deployment_id = new_id("dpl", decision.at)
    return Deployment(
        id=deployment_id,
        app_id=app.id,
        environment=environment,
        namespace=decision.platform.namespace_of(environment),
        script=script_name(app.slug, environment),
        branch=source.branch,
        commit=source.commit,
        message=source.message,
        pull_request=None,
        run=source.run,
        status=Status.DEPLOYING,
        created_at=decision.at,
        updated_at=decision.at,
        own_script=own_script_name(app.slug, environment, deployment_id),
        bundle=source.bundle,
        promoted_from=source.id,
        actor=decision.actor,
    )


def _raised(tx: Transaction, alias: Alias) -> Alias:
    """Return an alias without a pin, over which no run that is known goes live."""
    newest = tx.deployments.find(alias.app_id, limit=1)[0]
    return replace(alias, is_pinned=False, order=max(alias.order, newest.order))


def _ask_again(tx: Transaction, alias: Alias, target: Deployment, actor: str) -> Job:
    """Return the job that puts a promotion up, or one that looks whether what is live is up."""
    if target.status is not Status.DEPLOYING or target.promoted_from is None:
        return ask_for_release(tx, alias, actor=actor)
    for job in tx.jobs.unfinished():
        if job.type is JobType.PROMOTE and job.app_id == alias.app_id:
            known = tx.jobs.get(job.id)
            if known.arguments["deployment"] == target.id:
                return known
    return tx.jobs.enqueue(JobType.PROMOTE, alias.app_id, {"deployment": target.id}, actor=actor)


def _write_down(
    tx: Transaction, alias: Alias, source: Deployment, target: Deployment, decision: Decision
) -> None:
    facts = {"from": source.id, "replaces": alias.deployment_id, "wasPinned": alias.is_pinned}
    write_down(tx, Tag.DEPLOYMENT_PROMOTED, target.id, alias, decision, **facts)


def _put_up(job: Job, deployment_id: str, to: Putter) -> bool:
    """Put the promotion up under its own address; False when it is there, or is not wanted any more."""
    with to.records.read() as tx:
        app, deployment = known_app(tx, job.app_id), tx.deployments.get(deployment_id)
    if app is None or app.status is AppStatus.DELETING or deployment.status is not Status.DEPLOYING:
        return False
    if deployment.own_script is None or deployment.bundle is None:
        raise Broken(f"promoting {deployment_id}: it has no script of its own, or no bundle")
    put_up(app, deployment, deployment.own_script, deployment.bundle, to)
    return _keep(job, deployment_id, to)


def _keep(job: Job, deployment_id: str, to: Putter) -> bool:
    at = to.clock()
    with to.records.begin() as tx:
        known_app(tx, job.app_id, lock=True)
        deployment = tx.deployments.get(deployment_id)
        if deployment.status is not Status.DEPLOYING:
            request_take_down(tx, deployment)
            return False
        if deployment.uploaded_at is None:
            deployment = replace(deployment, uploaded_at=at, updated_at=at)
            tx.deployments.save(deployment)
            note(tx, deployment, at, actor=job.id, is_live=False)
            make_room(tx, deployment, to)
    return True


def _fail(job: Job, deployment_id: str, reason: str, to: Putter) -> None:
    """Record that it could not be put up, and let its alias say again what it said before."""
    at = to.clock()
    with to.records.begin() as tx:
        known_app(tx, job.app_id, lock=True)
        deployment = move(tx, tx.deployments.get(deployment_id), Status.ERROR, at, actor=job.id, error=reason)
        alias = tx.aliases.get(deployment.script)
        if alias is not None and alias.deployment_id == deployment_id:
            go_back(tx, alias, job, at)
        if deployment.status is Status.ERROR:
            tx.deployments.save(replace(deployment, retired_at=at))
            request_take_down(tx, deployment)


def _finish(job: Job, deployment_id: str, to: Putter) -> str:
    with to.records.begin() as tx:
        known_app(tx, job.app_id, lock=True)
        deployment = tx.deployments.get(deployment_id)
        if deployment.uploaded_at is None:
            return deployment.status
        return move(tx, deployment, Status.READY, to.clock(), actor=job.id).status
