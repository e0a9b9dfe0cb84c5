"""Record: a deployment is followed from its run's first sign until it is live or has failed.

Every function changes our memory in the transaction it is given and asks for the jobs that tell the outside;
none speaks to the outside itself. Reports may come late, twice and in any order: `Deployment.become` and the
order of runs decide, not the order of arrival.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from app.domain.addresses import Address
from app.domain.apps import App, AppStatus
from app.domain.deployments import UNFINISHED, Deployment, Run, Status, tags
from app.domain.environments import Environment, environment_of
from app.domain.events import Event, Tag
from app.domain.jobs import JobType
from app.domain.names import new_id, script_name
from app.domain.platform import Platform
from app.domain.reports import DeploymentStatusChanged, WorkflowRunChanged
from app.domain.runs import RunOutcome, RunReport
from app.errors import Busy, Conflict, NotFound
from app.pipeline.install import PLACES
from app.ports import Transaction

# After this long without a word an upload is taken for dead and the next one may begin: before the run that
# waits for it gives up, which it does after ten minutes.
LEASE: Final = timedelta(minutes=9)
LIVE_OR_COMING: Final = UNFINISHED | {Status.READY}
_BUSY_RETRY_SECONDS: Final = 2
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


@dataclass(frozen=True, slots=True)
class Plan:
    """The answer to a run that is about to deploy: where to, or why not (`refusal`)."""

    deployment: Deployment
    address: Address
    tags: list[str]
    refusal: str | None = None


@dataclass(frozen=True, slots=True)
class _Origin:
    run: Run
    branch: str
    commit: str
    message: str | None
    pull_request: int | None


def run_changed(tx: Transaction, report: WorkflowRunChanged, platform: Platform, at: datetime) -> bool:
    """Follow a run by what GitHub says of it; False when it is no run of ours."""
    app = held_app(tx, report.repository.id)
    if app is None or not _is_our_run(report):
        return False
    _welcome_back(tx, app, at)
    deployment = tx.deployments.by_run(app.id, report.run_id, report.run_attempt)
    if deployment is None:
        origin = _origin_of(tx, app, report)
        if origin is None:
            return False  # the run itself will say which pull request it is for
        deployment = _new_deployment(tx, app, origin, platform, at)
    status, error = _status_of_run(tx, deployment, report)
    moved = move(tx, deployment, status, at, actor="github", error=error)
    if report.status == "completed":
        _take_down_again(tx, moved)
    return True


def start(tx: Transaction, report: RunReport, platform: Platform, at: datetime) -> Plan:
    """Answer a run that has built and wants to deploy.

    Raises:
        Busy: another run is uploading to the same script; ask again.
        NotFound: no app has this repository.
        Conflict: the app is being deleted, or its repository is not ours to follow any more.
    """
    app = _app_of(tx, report)
    if app.status is AppStatus.DELETING:
        raise Conflict(f"deploying {app.name}: the app is being deleted", code="app:deleting")
    if app.status is AppStatus.DETACHED:
        raise Conflict(f"deploying {app.name}: {app.error}", code="app:detached")
    deployment = _deployment_of(tx, app, report, platform, at)
    refusal = _refusal(tx, app, deployment)
    if refusal is None:
        _check_turn(tx, deployment, at)
        deployment = move(tx, deployment, Status.DEPLOYING, at, actor="workflow", phases=report.phases)
    elif not deployment.is_finished:
        deployment = move(tx, deployment, Status.SUPERSEDED, at, actor="workflow", error=refusal)
    address = platform.addresses.of(deployment.script)
    return Plan(deployment, address, tags(deployment, app.slug), refusal)


def finish(
    tx: Transaction, report: RunReport, outcome: RunOutcome, platform: Platform, at: datetime
) -> Deployment:
    """Record how a run ended, as it says itself.

    Raises:
        NotFound: no app has this repository.
    """
    app = _app_of(tx, report)
    deployment = _deployment_of(tx, app, report, platform, at)
    if outcome.conclusion == "success":
        status, error = Status.READY, None
    elif outcome.conclusion == "cancelled":
        status, error = _cancelled(tx, deployment), None
    else:
        status, error = Status.ERROR, _error_text(outcome)
    # Nothing is ready that never asked where to.
    if status is not Status.READY or deployment.status in {Status.DEPLOYING, Status.READY}:
        deployment = _end(tx, deployment, status, at, phases=report.phases, error=error)
    _take_down_again(tx, deployment)
    return deployment


def record_status_changed(tx: Transaction, report: DeploymentStatusChanged, at: datetime) -> bool:
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
    if status is Status.READY and deployment.status is not Status.DEPLOYING:
        return True  # nothing was uploaded that could be ready
    move(tx, deployment, status, at, actor="github")
    return True


def move(
    tx: Transaction, deployment: Deployment, status: Status, at: datetime, *, actor: str, **facts: Any
) -> Deployment:
    """Move a deployment on, write the fact down and have the outside told; a step back changes nothing."""
    moved = deployment.become(status, at, **facts)
    if moved is deployment:
        return deployment
    tx.deployments.save(moved)
    _tell(tx, moved, actor, at)
    return moved


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
    _tell_pull_request(tx, told)
    return told


def _tell(tx: Transaction, deployment: Deployment, actor: str, at: datetime) -> None:
    payload = {
        "app": deployment.app_id,
        "environment": deployment.environment,
        "script": deployment.script,
        "commit": deployment.commit,
        "run": deployment.run.id,
        "error": deployment.error,
    }
    tx.events.append(Event(Tag(f"deployment:{deployment.status}"), deployment.id, actor, at, payload))
    if deployment.status is Status.DEPLOYING:
        return  # to the outside it is still on its way: nothing worth a write of GitHub's hourly budget
    tx.jobs.enqueue(JobType.PUBLISH, deployment.app_id, {"deployment": deployment.id})
    _tell_pull_request(tx, deployment)


def _tell_pull_request(tx: Transaction, deployment: Deployment) -> None:
    if deployment.pull_request is not None:
        tx.jobs.enqueue(JobType.PREVIEW, deployment.app_id, {"pull_request": deployment.pull_request})


def _app_of(tx: Transaction, report: RunReport) -> App:
    app = held_app(tx, report.repository_id)
    if app is None:
        raise NotFound(f"deploying: no app has repository {report.repository_id}", code="app:unknown")
    return app


def _deployment_of(
    tx: Transaction, app: App, report: RunReport, platform: Platform, at: datetime
) -> Deployment:
    known = tx.deployments.by_run(app.id, report.run_id, report.run_attempt)
    if known is not None:
        return known
    run = Run(report.run_id, report.run_number, report.run_attempt, report.run_url)
    origin = _Origin(run, report.branch, report.commit, report.message, report.pull_request)
    return _new_deployment(tx, app, origin, platform, at)


def _new_deployment(
    tx: Transaction, app: App, origin: _Origin, platform: Platform, at: datetime
) -> Deployment:
    environment = environment_of(origin.branch, origin.pull_request, app.branches)
    deployment = Deployment(
        id=new_id("dpl", at),
        app_id=app.id,
        environment=environment,
        namespace=platform.namespaces[environment],
        script=script_name(app.slug, environment, origin.pull_request),
        branch=origin.branch,
        commit=origin.commit,
        message=origin.message,
        pull_request=origin.pull_request,
        run=origin.run,
        status=Status.QUEUED,
        created_at=at,
        updated_at=at,
    )
    tx.deployments.add(deployment)
    _tell(tx, deployment, "github", at)
    _overtake_cancelled(tx, deployment, at)
    return deployment


def _overtake_cancelled(tx: Transaction, deployment: Deployment, at: datetime) -> None:
    """Call older runs that were cancelled superseded: word of them may come before word of this one."""
    cancelled = frozenset({Status.CANCELLED})
    for older in tx.deployments.find(deployment.app_id, script=deployment.script, statuses=cancelled):
        if older.order < deployment.order:
            superseded = replace(older, status=Status.SUPERSEDED, updated_at=at)
            tx.deployments.save(superseded)
            _tell(tx, superseded, "github", at)


def _refusal(tx: Transaction, app: App, deployment: Deployment) -> str | None:
    """Say why this run may not go live, or None."""
    if deployment.is_finished:
        return f"this run is already {deployment.status}"
    if deployment.pull_request is not None:
        pull = tx.pulls.get(app.id, deployment.pull_request)
        if pull is not None and not pull.is_open:
            return f"pull request #{pull.number} is closed"
    newer = _newer(tx, deployment, frozenset({Status.READY}))
    if newer is not None:
        return f"superseded by run {newer.run.number} with commit {newer.commit[:7]}"
    return None


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


def _newer(
    tx: Transaction, deployment: Deployment, statuses: frozenset[Status] | None = None
) -> Deployment | None:
    """Return the newest run to the same script, if there is one after this."""
    newest = tx.deployments.find(deployment.app_id, script=deployment.script, statuses=statuses, limit=1)
    return newest[0] if newest and newest[0].order > deployment.order else None


def _cancelled(tx: Transaction, deployment: Deployment) -> Status:
    return Status.CANCELLED if _newer(tx, deployment) is None else Status.SUPERSEDED


def _take_down_again(tx: Transaction, deployment: Deployment) -> None:
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


def _status_of_run(
    tx: Transaction, deployment: Deployment, report: WorkflowRunChanged
) -> tuple[Status, str | None]:
    if report.status != "completed":
        return (Status.BUILDING if report.status == "in_progress" else Status.QUEUED), None
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


def _origin_of(tx: Transaction, app: App, report: WorkflowRunChanged) -> _Origin | None:
    pull_request = _pull_request_of(tx, app, report)
    if report.event == "pull_request" and pull_request is None:
        return None
    run = Run(report.run_id, report.run_number, report.run_attempt, report.html_url)
    return _Origin(run, report.head_branch or "", report.head_commit, report.message, pull_request)


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


def held_app(tx: Transaction, repository_id: int) -> App | None:
    """Return the app with this repository, held until the transaction ends."""
    app = tx.apps.by_repository(repository_id)
    return known_app(tx, app.id, lock=True) if app else None


def known_app(tx: Transaction, app_id: str, *, lock: bool = False) -> App | None:
    """Return an app, or None when it was deleted meanwhile."""
    try:
        return tx.apps.get(app_id, lock=lock)
    except NotFound:
        return None
