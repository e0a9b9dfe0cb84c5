"""Record: a deployment is followed from its run's first sign until it is live or has failed.

Every function changes our memory in the transaction it is given and asks for the jobs that tell the outside;
none speaks to the outside itself. Reports may come late, twice and in any order: `Deployment.become` and the
order of runs decide, not the order of arrival.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from app.domain.apps import App, AppStatus
from app.domain.deployments import FINAL, UNFINISHED, Deployment, Run, Status
from app.domain.environments import Environment
from app.domain.events import Event, Tag
from app.domain.jobs import JobType
from app.domain.platform import Platform
from app.domain.reports import DeploymentStatusChanged, WorkflowRunChanged
from app.domain.runs import RunOutcome, RunReport
from app.errors import NotFound
from app.pipeline.begin import Origin, begin, deployment_of
from app.pipeline.install import PLACES
from app.pipeline.known import held_app
from app.pipeline.move import move, tell_pull_request
from app.pipeline.release import repair, show
from app.ports import Transaction

LIVE_OR_COMING: Final = UNFINISHED | {Status.READY}
_ERROR_CHARACTERS: Final = 2000
_EVENTS: Final = frozenset({"push", "pull_request", "workflow_dispatch"})
_CANCELLED: Final = frozenset({"cancelled", "skipped", "stale"})
_RECORD_STATES: Final = {
    "queued": Status.QUEUED,
    "pending": Status.QUEUED,
    "in_progress": Status.BUILDING,
    "success": Status.READY,
    "failure": Status.ERROR,
    "error": Status.ERROR,
}


def run_changed(
    tx: Transaction, report: WorkflowRunChanged, platform: Platform, at: datetime, *, is_news: bool = True
) -> bool:
    """Follow a run by what GitHub says of it; False when it is no run of ours."""
    app = held_app(tx, report.repository.id)
    if app is None or not _is_our_run(report):
        return False
    if is_news:
        _welcome_back(tx, app, at)
    deployment = tx.deployments.by_run(app.id, report.run_id, report.run_attempt)
    if deployment is None:
        origin = _origin_of(tx, app, report)
        if origin is None:
            return False  # the run itself will say which pull request it is for
        deployment = begin(tx, app, origin, platform, at)
    if report.status != "completed":
        status = Status.BUILDING if report.status == "in_progress" else Status.QUEUED
        move(tx, deployment, status, at, actor="github")
        return True
    status, error = _end_of_run(tx, deployment, report)
    status, error = _as_it_answers(deployment, status, error, platform)
    moved = move(tx, deployment, status, at, actor="github", error=error)
    _settle(tx, deployment, moved, platform, at)
    return True


def finish(
    tx: Transaction, report: RunReport, outcome: RunOutcome, platform: Platform, at: datetime
) -> Deployment:
    """Record how a run ended, as it says itself.

    Raises:
        NotFound: no app has this repository.
    """
    app = _app_of(tx, report)
    deployment = deployment_of(tx, app, report, platform, at)
    if outcome.conclusion == "success":
        status, error = Status.READY, None
    elif outcome.conclusion == "cancelled":
        status, error = _cancelled(tx, deployment), None
    else:
        status, error = Status.ERROR, _error_text(outcome)
    status, error = _as_it_answers(deployment, status, error, platform)
    # Nothing is ready that never asked where to.
    ended = deployment
    if status is not Status.READY or deployment.status in {Status.DEPLOYING, Status.READY}:
        ended = _end(tx, deployment, status, at, phases=report.phases, error=error)
    _settle(tx, deployment, ended, platform, at)
    return ended


def record_status_changed(
    tx: Transaction, report: DeploymentStatusChanged, platform: Platform, at: datetime
) -> bool:
    """Follow what anybody said of a deployment record of ours; our own words come back as no change."""
    app = held_app(tx, report.repository.id)
    status = _RECORD_STATES.get(report.state)
    if app is None or report.deployment_id is None or status is None:
        return False
    try:
        deployment = tx.deployments.get(report.deployment_id)
    except NotFound:
        return False
    if deployment.app_id != app.id:
        return False
    is_up = deployment.uploaded_at is not None or not platform.has_gateway
    if status is Status.READY and not (is_up and deployment.status is Status.DEPLOYING):
        return True  # nothing was uploaded that could be ready
    if status in FINAL:
        status, _ = _as_it_answers(deployment, status, None, platform)
    moved = move(tx, deployment, status, at, actor="github")
    if moved is not deployment:
        _settle(tx, deployment, moved, platform, at)
    return True


def _as_it_answers(
    deployment: Deployment, status: Status, error: str | None, platform: Platform
) -> tuple[Status, str | None]:
    """Return how a deployment ends: what was put up answers, however its run went on."""
    if not platform.has_gateway:
        return status, error
    if deployment.uploaded_at is not None:
        return Status.READY, None
    if status is Status.READY:
        return Status.ERROR, "The workflow ended without deploying."
    return status, error


def _settle(tx: Transaction, before: Deployment, ended: Deployment, platform: Platform, at: datetime) -> None:
    """Bring what answers in line with how a deployment ended."""
    was_deploying = before.status is Status.DEPLOYING
    if ended.status is Status.READY and not platform.has_gateway:
        show(tx, ended, at)
    elif ended.status is not Status.READY and was_deploying and platform.has_gateway:
        repair(tx, ended, at)
    take_down_again(tx, ended)


def _end(
    tx: Transaction,
    deployment: Deployment,
    status: Status,
    at: datetime,
    *,
    phases: Mapping[str, float],
    error: str | None = None,
) -> Deployment:
    """Move a deployment to its end; what a run says of it counts more than what GitHub said before."""
    moved = move(tx, deployment, status, at, actor="workflow", phases=phases, error=error)
    told = replace(moved, phases=dict(phases) or moved.phases, error=error or moved.error)
    if moved.status is not status or told == moved:
        return moved
    tx.deployments.save(told)
    tell_pull_request(tx, told)
    return told


def _app_of(tx: Transaction, report: RunReport) -> App:
    app = held_app(tx, report.repository_id)
    if app is None:
        raise NotFound(f"deploying: no app has repository {report.repository_id}", code="app:unknown")
    return app


def _newer(
    tx: Transaction, deployment: Deployment, statuses: frozenset[Status] | None = None
) -> Deployment | None:
    """Return the newest run to the same script, if there is one after this."""
    newest = tx.deployments.find(deployment.app_id, script=deployment.script, statuses=statuses, limit=1)
    return newest[0] if newest and newest[0].order > deployment.order else None


def _cancelled(tx: Transaction, deployment: Deployment) -> Status:
    return Status.CANCELLED if _newer(tx, deployment) is None else Status.SUPERSEDED


def take_down_again(tx: Transaction, deployment: Deployment) -> None:
    """Have a preview that is gone taken down when a run ends: however it ended, it may have uploaded."""
    if deployment.environment is not Environment.PREVIEW or not _is_gone(tx, deployment):
        return
    if deployment.pull_request is not None:
        subject: dict[str, Any] = {"pull_request": deployment.pull_request}
    else:
        subject = {"branch": deployment.branch}
    tx.jobs.enqueue(JobType.RETIRE, deployment.app_id, subject)


def _is_gone(tx: Transaction, deployment: Deployment) -> bool:
    """Tell whether its pull request is closed, or whether nothing is left of its branch's preview."""
    if deployment.pull_request is not None:
        pull = tx.pulls.get(deployment.app_id, deployment.pull_request)
        return pull is not None and not pull.is_open
    is_stopped = deployment.status in {Status.REMOVED, Status.CANCELLED}
    script, app_id = deployment.script, deployment.app_id
    return is_stopped and not tx.deployments.find(app_id, script=script, statuses=LIVE_OR_COMING, limit=1)


def _end_of_run(
    tx: Transaction, deployment: Deployment, report: WorkflowRunChanged
) -> tuple[Status, str | None]:
    if report.conclusion == "success":
        if deployment.status is Status.DEPLOYING:
            return Status.READY, None
        return Status.ERROR, "The workflow ended without deploying."
    if report.conclusion in _CANCELLED:
        return _cancelled(tx, deployment), None
    return Status.ERROR, f"The workflow run ended with: {report.conclusion}."


def _is_our_run(report: WorkflowRunChanged) -> bool:
    is_ours = report.workflow_path.partition("@")[0] in {"", PLACES["deploy.yml"]}
    return is_ours and not report.is_from_fork and report.event in _EVENTS


def _origin_of(tx: Transaction, app: App, report: WorkflowRunChanged) -> Origin | None:
    pull_request = _pull_request_of(tx, app, report)
    if report.event == "pull_request" and pull_request is None:
        return None
    run = Run(report.run_id, report.run_number, report.run_attempt, report.html_url)
    return Origin(run, report.head_branch or "", report.head_commit, report.message, pull_request)


def _pull_request_of(tx: Transaction, app: App, report: WorkflowRunChanged) -> int | None:
    if report.event != "pull_request":
        return None
    if len(report.pull_requests) == 1:
        return report.pull_requests[0]
    heads = (report.head_branch, report.head_commit)
    matching = [p.number for p in tx.pulls.open(app.id) if (p.head_branch, p.head_commit) == heads]
    return matching[0] if len(matching) == 1 else None


def _welcome_back(tx: Transaction, app: App, at: datetime) -> None:
    """Take a run for the proof that was missing when provisioning gave up on the repository's Actions."""
    if app.status is AppStatus.FAILED:
        tx.apps.save(replace(app, status=AppStatus.READY, error=None, updated_at=at))
        tx.events.append(Event(Tag.APP_READY, app.id, "github", at, {}))


def _error_text(outcome: RunOutcome) -> str:
    phase = f"{outcome.error_phase} failed" if outcome.error_phase else "The workflow run failed"
    text = f"{phase}: {outcome.error_message}" if outcome.error_message else f"{phase}."
    return text[:_ERROR_CHARACTERS]
