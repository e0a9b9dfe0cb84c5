"""Runs that nobody told us of: asked for, and taken as if a webhook had brought word of them."""

from datetime import datetime

from app.domain.apps import App
from app.domain.deployments import Deployment
from app.domain.reports import RepositoryName, RunAction, WorkflowRunChanged
from app.pipeline.accept import hear
from app.pipeline.reconcile_look import Reconciler
from app.ports import Transaction, WorkflowRun

_ACTIONS = {"completed": RunAction.COMPLETED, "in_progress": RunAction.IN_PROGRESS}


def hear_runs_of(app: App, commit: str, to: Reconciler) -> int:
    """Hear of every run that the host has for a commit, the oldest first; return how many are ours."""
    runs = sorted(to.runs.of_commit(app.repository_name, commit), key=lambda run: (run.id, run.attempt))
    at = to.clock()
    with to.records.begin() as tx:
        reports = [_report(tx, app, commit, run, at) for run in runs]
        return sum(hear(tx, report, to.platform, at) for report in reports)


def hear_runs(deployment: Deployment, app: App, to: Reconciler, *, is_seen: bool) -> str | None:
    """Hear how the run of a deployment stands, or that the host does not know it any more; tell which.

    One that `is_seen` elsewhere is not gone where it is not listed: a list may be behind.
    """
    runs = to.runs.of_commit(app.repository_name, deployment.commit)
    run = next((it for it in runs if it.id == deployment.run.id), None)
    if run is None and is_seen:
        return None
    at = to.clock()
    with to.records.begin() as tx:
        if run is None:
            hear(tx, _lost(app, deployment, at), to.platform, at)
            return "is gone"
        # A run that began again has ended as the attempt that we know of.
        is_over = run.attempt > deployment.run.attempt
        report = _lost(app, deployment, at) if is_over else _report(tx, app, deployment.commit, run, at)
        hear(tx, report, to.platform, at)
        after = tx.deployments.get(deployment.id)
    return run.conclusion or run.status if after.status is not deployment.status else None


def _report(tx: Transaction, app: App, commit: str, run: WorkflowRun, at: datetime) -> WorkflowRunChanged:
    numbers = [
        pull.number
        for pull in tx.pulls.open(app.id)
        if pull.head_commit == commit and run.branch in {None, pull.head_branch}
    ]
    return WorkflowRunChanged(
        repository=_name(app),
        action=_ACTIONS.get(run.status, RunAction.REQUESTED),
        run_id=run.id,
        run_number=run.number,
        run_attempt=run.attempt,
        html_url=run.url,
        event=run.event,
        status=run.status,
        conclusion=run.conclusion,
        head_branch=run.branch,
        head_commit=commit,
        head_repository_id=run.head_repository_id,
        message=run.message,
        workflow_path="",
        pull_requests=tuple(numbers) if run.event == "pull_request" else (),
        created_at=at,
        updated_at=at,
    )


def _lost(app: App, deployment: Deployment, at: datetime) -> WorkflowRunChanged:
    """Return a report that the run of a deployment is over, and nobody knows how it ended."""
    run = deployment.run
    return WorkflowRunChanged(
        repository=_name(app),
        action=RunAction.COMPLETED,
        run_id=run.id,
        run_number=run.number,
        run_attempt=run.attempt,
        html_url=run.url,
        event="push",
        status="completed",
        conclusion="stale",
        head_branch=deployment.branch,
        head_commit=deployment.commit,
        head_repository_id=app.repository.id if app.repository else None,
        message=deployment.message,
        workflow_path="",
        pull_requests=(),
        created_at=at,
        updated_at=at,
    )


def _name(app: App) -> RepositoryName:
    if app.repository is None:
        raise LookupError(f"app {app.name} has no repository yet")
    return RepositoryName(app.repository.id, app.repository.full_name, app.repository.owner_id)
