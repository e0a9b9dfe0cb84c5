"""Begin: a run was heard of for the first time, and becomes a deployment."""

from dataclasses import dataclass, replace
from datetime import datetime

from app.domain.apps import App
from app.domain.deployments import Deployment, Run, Status
from app.domain.environments import environment_of
from app.domain.names import new_id, own_script_name, script_name
from app.domain.platform import Platform
from app.domain.runs import RunReport
from app.pipeline.move import tell
from app.ports import Transaction


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a deployment comes from."""

    run: Run
    branch: str
    commit: str
    message: str | None
    pull_request: int | None
    is_from_fork: bool = False


def deployment_of(
    tx: Transaction, app: App, report: RunReport, platform: Platform, at: datetime
) -> Deployment:
    """Return the deployment that a run makes, begun when nobody told of it before."""
    known = tx.deployments.by_run(app.id, report.run_id, report.run_attempt)
    if known is not None:
        return known
    run = Run(report.run_id, report.run_number, report.run_attempt, report.run_url)
    origin = Origin(run, report.branch, report.commit, report.message, report.pull_request)
    return begin(tx, app, origin, platform, at)


def begin(tx: Transaction, app: App, origin: Origin, platform: Platform, at: datetime) -> Deployment:
    """Keep a new deployment and have it told; older runs that were cancelled are superseded by it."""
    environment = environment_of(origin.branch, origin.pull_request, app.branches)
    is_from_fork, deployment_id = origin.is_from_fork, new_id("dpl", at)
    deployment = Deployment(
        id=deployment_id,
        app_id=app.id,
        environment=environment,
        namespace=platform.namespace_of(environment, is_from_fork=is_from_fork),
        script=script_name(app.slug, environment, origin.pull_request, is_from_fork=is_from_fork),
        branch=origin.branch,
        commit=origin.commit,
        message=origin.message,
        pull_request=origin.pull_request,
        run=origin.run,
        status=Status.QUEUED,
        created_at=at,
        updated_at=at,
        own_script=own_script_name(app.slug, environment, deployment_id, is_from_fork=is_from_fork),
        is_from_fork=is_from_fork,
    )
    tx.deployments.add(deployment)
    tell(tx, deployment, "github", at)
    _overtake_cancelled(tx, deployment, at)
    return deployment


def _overtake_cancelled(tx: Transaction, deployment: Deployment, at: datetime) -> None:
    """Call older runs that were cancelled superseded: word of them may come before word of this one."""
    cancelled = frozenset({Status.CANCELLED})
    for older in tx.deployments.find(deployment.app_id, script=deployment.script, statuses=cancelled):
        if older.order < deployment.order:
            superseded = replace(older, status=Status.SUPERSEDED, updated_at=at)
            tx.deployments.save(superseded)
            tell(tx, superseded, "github", at)
