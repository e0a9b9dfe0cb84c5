"""Start: a run has built and wants to deploy; it is told where to, or why not.

What the run may put up is decided again when it comes: between the two, somebody may have pinned the
environment, closed the pull request or deleted the app.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from app.domain.addresses import Address
from app.domain.apps import App, AppStatus
from app.domain.deployments import Deployment, Status, tags
from app.domain.platform import Platform
from app.domain.runs import RunReport
from app.errors import Busy, Conflict, NotFound
from app.pipeline.begin import deployment_of
from app.pipeline.known import alias_of, held_app
from app.pipeline.move import move
from app.ports import Transaction

# After this long without a word an upload is taken for dead and the next one may begin: before the run that
# waits for it gives up, which it does after ten minutes.
LEASE: Final = timedelta(minutes=9)
_BUSY_RETRY_SECONDS: Final = 2


@dataclass(frozen=True, slots=True)
class Plan:
    """The answer to a run that is about to deploy: where to, or why not (`refusal`).

    `own_address` is where this deployment answers for good; None without the gateway, which puts it there.
    When it `goes_live` it answers at `address` too.
    """

    deployment: Deployment
    address: Address
    own_address: Address | None
    tags: list[str]
    goes_live: bool
    refusal: str | None = None


def start(tx: Transaction, report: RunReport, platform: Platform, at: datetime) -> Plan:
    """Answer a run that has built and wants to deploy.

    Raises:
        Busy: another run is uploading to the same script; ask again.
        NotFound: no app has this repository.
        Conflict: the app is being deleted, or its repository is not ours to follow any more.
    """
    app = deployable_app(tx, report.repository_id)
    deployment = deployment_of(tx, app, report, platform, at)
    refusal = _refusal(tx, app, deployment, platform, at)
    if refusal is None:
        _check_turn(tx, deployment, at)
        deployment = move(tx, deployment, Status.DEPLOYING, at, actor="workflow", phases=report.phases)
    elif not deployment.is_finished:
        deployment = move(tx, deployment, Status.SUPERSEDED, at, actor="workflow", error=refusal)
    return plan_of(tx, app, deployment, platform, at, refusal=refusal)


def plan_of(
    tx: Transaction,
    app: App,
    deployment: Deployment,
    platform: Platform,
    at: datetime,
    *,
    refusal: str | None = None,
) -> Plan:
    """Return what a deployment is to be told."""
    own = deployment.own_script if platform.has_gateway else None
    return Plan(
        deployment,
        address=platform.addresses.of(deployment.script),
        own_address=platform.addresses.of(own) if own else None,
        tags=tags(deployment, app.slug),
        goes_live=refusal is None and alias_of(tx, deployment, at).takes(deployment.order),
        refusal=refusal,
    )


def deployable_app(tx: Transaction, repository_id: int) -> App:
    """Return the app of a repository, held, when it may deploy.

    Raises:
        NotFound: no app has this repository.
        Conflict: the app is being deleted, or its repository is not ours to follow any more.
    """
    app = held_app(tx, repository_id)
    if app is None:
        raise NotFound(f"deploying: no app has repository {repository_id}", code="app:unknown")
    if app.status is AppStatus.DELETING:
        raise Conflict(f"deploying {app.name}: the app is being deleted", code="app:deleting")
    if app.status is AppStatus.DETACHED:
        raise Conflict(f"deploying {app.name}: {app.error}", code="app:detached")
    return app


def _refusal(
    tx: Transaction, app: App, deployment: Deployment, platform: Platform, at: datetime
) -> str | None:
    """Say why this run is not to upload at all, or None.

    A run that somebody started again is told less: when it is overtaken or its environment is pinned, it
    gets its own address all the same.
    """
    if deployment.is_finished:
        return f"this run is already {deployment.status}"
    if deployment.pull_request is not None:
        pull = tx.pulls.get(app.id, deployment.pull_request)
        if pull is not None and not pull.is_open:
            return f"pull request #{pull.number} is closed"
    alias = alias_of(tx, deployment, at)
    is_again = platform.has_gateway and deployment.run.attempt > 1
    if deployment.order <= alias.order and not is_again:
        return _overtaken(tx, alias.deployment_id, alias.order[0])
    return None


def _overtaken(tx: Transaction, shown_id: str | None, number: int) -> str:
    shown = tx.deployments.get(shown_id) if shown_id else None
    if shown is None or shown.run.number != number:
        return f"superseded: run {number} and what was decided after it came first"
    return f"superseded by run {number} with commit {shown.commit[:7]}"


def _check_turn(tx: Transaction, deployment: Deployment, at: datetime) -> None:
    """One upload to a script at a time: the last acknowledged upload is then the newest commit."""
    deploying = tx.deployments.find(
        deployment.app_id, script=deployment.script, statuses=frozenset({Status.DEPLOYING})
    )
    for other in deploying:
        if other.id != deployment.id and at - other.updated_at < LEASE:
            raise Busy(
                f"deploying to {deployment.script}: run {other.run.number} is uploading to it",
                retry_after_seconds=_BUSY_RETRY_SECONDS,
            )
