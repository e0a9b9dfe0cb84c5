"""Expire: what nobody pushed to for days, and what many deployments have followed, is taken down.

Bytes stay in the bundle store, so that `restore` can put them up again. What is due is written down first and
taken down by a job, which looks again: what was renewed or restored meanwhile stays.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from app.domain.deployments import Deployment, Status
from app.domain.events import Event, Tag
from app.domain.jobs import Job, JobType
from app.domain.releases import newest_first
from app.errors import NotFound
from app.pipeline.known import known_app
from app.pipeline.putting import Putter
from app.pipeline.release import request_release, take_down
from app.pipeline.showing import Change, Why
from app.ports import Records, Steps, Transaction

_AT_A_TIME: Final = 100
# While its run goes on, an own script may be about to be put up.
_MAY_ANSWER: Final = frozenset({Status.QUEUED, Status.BUILDING, Status.DEPLOYING, Status.READY})


def sweep(records: Records, at: datetime) -> int:
    """Mark everything whose time is over and ask for it to be taken down; return how much that was.

    Several processes may sweep at once: whoever holds the app first marks, and the others find it marked.
    """
    with records.read() as tx:
        aliases = tx.aliases.expired(at, limit=_AT_A_TIME)
        deployments = tx.own_scripts.expired(at, limit=_AT_A_TIME)
    for alias in aliases:
        with records.begin() as tx:
            _expire_alias(tx, alias.app_id, alias.script, at)
    for deployment in deployments:
        with records.begin() as tx:
            known_app(tx, deployment.app_id, lock=True)
            _expire_own_script(tx, deployment.id, at)
    with records.begin() as tx:
        tx.tokens.forget(at)
    return len(aliases) + len(deployments)


def expire(job: Job, steps: Steps, to: Putter) -> dict[str, Any]:
    """Take down the own script of one deployment, or those of an alias that too many others have followed."""
    # The app is looked for within the steps: one that is deleted meanwhile changes their answers, not which
    # there are, so that a job which is run again meets the same ones.
    if "script" in job.arguments:
        script = job.arguments["script"]
        return {"marked": steps.run("mark what is old", lambda: _mark_old(job.app_id, script, to))}
    deployment_id = job.arguments["deployment"]
    return {"removed": steps.run("take down", lambda: _take_down(job.app_id, deployment_id, to))}


def _expire_alias(tx: Transaction, app_id: str, script: str, at: datetime) -> None:
    known_app(tx, app_id, lock=True)
    alias = tx.aliases.get(script)
    if alias is None or alias.expired_at is not None or alias.expires_at is None or alias.expires_at > at:
        return
    expired = replace(alias, expired_at=at, updated_at=at)
    request_release(tx, expired, Change(Why.EXPIRED, "clock", at))
    payload = {"script": script, "deployment": alias.deployment_id}
    tx.events.append(Event(Tag.PREVIEW_EXPIRED, app_id, "clock", at, payload))
    if alias.pull_request is not None:
        tx.jobs.enqueue(JobType.PREVIEW, app_id, {"pull_request": alias.pull_request})


def _expire_own_script(tx: Transaction, deployment_id: str, at: datetime) -> None:
    deployment = tx.deployments.get(deployment_id)
    is_over = deployment.expires_at is not None and deployment.expires_at <= at
    if is_over and deployment.has_own_address:
        _retire(tx, deployment, at, why="expired")


def _retire(tx: Transaction, deployment: Deployment, at: datetime, *, why: str) -> None:
    tx.deployments.save(replace(deployment, retired_at=at, updated_at=at))
    payload = {"app": deployment.app_id, "script": deployment.own_script, "why": why}
    tx.events.append(Event(Tag.DEPLOYMENT_EXPIRED, deployment.id, "clock", at, payload))
    tx.jobs.enqueue(JobType.EXPIRE, deployment.app_id, {"deployment": deployment.id})


def _mark_old(app_id: str, script: str, to: Putter) -> Sequence[str]:
    """Mark the deployments that are more than are kept; what is live, or was restored, does not count."""
    at = to.clock()
    with to.records.begin() as tx:
        known_app(tx, app_id, lock=True)
        alias = tx.aliases.get(script)
        live_id = alias.deployment_id if alias else None
        lasting = [it for it in tx.own_scripts.standing(app_id, script) if it.expires_at is None]
        standing = newest_first(lasting)  # a promotion's run says nothing about its place
        old = [it for it in standing[to.platform.kept_deployments :] if it.id != live_id]
        for deployment in old:
            _retire(tx, deployment, at, why="followed by others")
    return [it.id for it in old]


def _take_down(app_id: str, deployment_id: str, to: Putter) -> bool:
    """Delete a deployment's own script, unless it is to answer; a script that is not ours stays."""
    with to.records.read() as tx:
        app = known_app(tx, app_id)
        try:
            deployment = tx.deployments.get(deployment_id)
        except NotFound:
            return False
    own = deployment.own_script
    if app is None or own is None or deployment.has_own_address:
        return False
    if deployment.retired_at is None and deployment.status in _MAY_ANSWER:
        return False
    return take_down(app, deployment.namespace, own, to)
