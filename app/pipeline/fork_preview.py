"""Fork preview: what the run of a fork's pull request left behind goes up, once its commit is approved.

The fork's own run built it, with no credential; nothing of the fork's runs here. What it left is read by the
rules of every upload and put up in the namespace of the untrusted. Of which commit and repository a run is,
GitHub says; what is in its artifact, the fork: approved is whatever that commit's run makes.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any, Final

from app.domain.apps import App, AppStatus
from app.domain.deployments import Deployment, Run, Status
from app.domain.jobs import Job, JobType
from app.domain.pulls import PullRequest
from app.domain.reports import WorkflowRunChanged
from app.errors import (
    BranchlineError,
    Busy,
    Conflict,
    DeliveryRejected,
    InvalidInput,
    NotFound,
    RemoteRefused,
    ScriptRefused,
    UserError,
)
from app.pipeline.approve import show_commit
from app.pipeline.begin import Origin, begin
from app.pipeline.install import PLACES
from app.pipeline.known import held_app, known_app
from app.pipeline.move import move
from app.pipeline.putting import Putter
from app.pipeline.record import take_down_again
from app.pipeline.release import repair
from app.pipeline.upload import go_live
from app.ports import Artifacts, Recordings, Runs, Steps, Transaction, WorkflowRun

# As the workflow calls it (`actions_templates/deploy.yml`).
ARTIFACT: Final = "branchline-upload"
_ERROR_CHARACTERS: Final = 2000
_EVENT: Final = "pull_request"
_SUCCESS: Final = "success"
# Nothing is known of a run that was stopped, nor of one that waits for somebody to let it run at all.
_UNDECIDED: Final = frozenset({"cancelled", "skipped", "stale", "action_required"})
_CLOSED: Final = frozenset({AppStatus.DELETING, AppStatus.DETACHED})
# What the author of the pull request, or whoever may start its run again, can mend.
_THEIRS: Final = (UserError, DeliveryRejected, ScriptRefused)
_UPLOADING, _ENDED = "deployment:uploading", "deployment:ended"
# Together longer than a hold that nobody gives back.
_PAUSES: Final = tuple(min(0.25 * 1.5**n, 5.0) for n in range(40))


@dataclass(frozen=True, slots=True)
class ForkPreviewer:
    """The ports that showing a fork's commit needs."""

    runs: Runs
    artifacts: Artifacts
    recordings: Recordings
    putter: Putter


def fork_run_changed(tx: Transaction, report: WorkflowRunChanged) -> bool:
    """Have approved commits of forks shown whose run has ended; False when it is no such run."""
    is_ours = report.workflow_path.partition("@")[0] in {"", PLACES["deploy.yml"]}
    is_over = report.status == "completed" and report.event == _EVENT
    if not (is_ours and is_over and report.is_from_fork):
        return False
    app = held_app(tx, report.repository.id)
    if app is None:
        return False
    known = tx.deployments.by_run(app.id, report.run_id, report.run_attempt)
    if known is not None and known.is_finished:
        return False  # what there was to show of it is shown, or expired since
    commit = report.head_commit
    waiting = [
        pull
        for pull in tx.pulls.open(app.id)
        if _is_of(pull, report.head_repository_id) and tx.approvals.get(app.id, pull.number, commit)
    ]
    for pull in waiting:
        show_commit(tx, pull, commit)
    return bool(waiting)


def fork_preview(job: Job, steps: Steps, to: ForkPreviewer) -> dict[str, Any]:
    """Put up what the run of an approved commit left behind; it is asked again when that run ends."""
    with to.putter.records.read() as tx:
        app = known_app(tx, job.app_id)
    if app is None or not app.is_reachable:
        return {"skipped": "the app is deleted, or its repository is out of reach"}
    found = steps.run("find the run", lambda: _find_run(app, job, to))
    if found is None:
        return {"skipped": "no run of it has ended yet"}
    run = WorkflowRun(**found)
    begun = steps.run("begin", lambda: _begin(job, run, to.putter))
    if begun.get("status") != Status.DEPLOYING:
        return begun
    deployment_id = begun["deployment"]
    try:
        namespace = to.putter.platform.untrusted_namespace
        steps.run("ensure namespace", lambda: to.putter.scripts.ensure_namespace(namespace))
        digest = steps.run("fetch", lambda: _fetch(app, deployment_id, to))
        _put_up(deployment_id, digest, steps, to.putter)
    except BranchlineError as error:
        reason = error.message[:_ERROR_CHARACTERS]
        status = steps.run("record failure", lambda: _end(job, deployment_id, Status.ERROR, to, reason))
        if not isinstance(error, _THEIRS):
            raise
        return {"deployment": deployment_id, "status": status, "error": reason}
    status = steps.run("record", lambda: _end(job, deployment_id, Status.READY, to))
    return {"deployment": deployment_id, "status": status}


def _is_of(pull: PullRequest, head_repository_id: int | None) -> bool:
    """Tell whether a run of a fork is one of the pull request's own; nobody knows of what is gone."""
    known = pull.head_repository_id
    return pull.is_from_fork and (known is None or head_repository_id in {known, None})


def _find_run(app: App, job: Job, to: ForkPreviewer) -> dict[str, Any] | None:
    """Return the newest run that ended well, else the newest that failed while none is under way."""
    with to.putter.records.read() as tx:
        pull = tx.pulls.get(app.id, job.arguments["pull_request"])
    found = to.runs.of_commit(app.repository_name, job.arguments["commit"])
    run = _decisive([it for it in found if pull is not None and _is_run_of(app, pull, it)])
    return None if run is None else asdict(run)


def _is_run_of(app: App, pull: PullRequest, run: WorkflowRun) -> bool:
    is_from_fork = app.repository is not None and run.head_repository_id != app.repository.id
    return run.event == _EVENT and is_from_fork and _is_of(pull, run.head_repository_id)


def _decisive(runs: Sequence[WorkflowRun]) -> WorkflowRun | None:
    ended = [run for run in runs if run.status == "completed"]
    good = [run for run in ended if run.conclusion == _SUCCESS]
    if good or len(ended) < len(runs):
        return good[0] if good else None
    return next((run for run in ended if run.conclusion not in _UNDECIDED), None)


def _begin(job: Job, run: WorkflowRun, to: Putter) -> dict[str, Any]:
    """Make a run the deployment that it is, and let it deploy; what was begun before goes on."""
    at, number, commit = to.clock(), job.arguments["pull_request"], job.arguments["commit"]
    with to.records.begin() as tx:
        app, pull = known_app(tx, job.app_id, lock=True), tx.pulls.get(job.app_id, number)
        approval = tx.approvals.get(job.app_id, number, commit)
        if app is None or app.status in _CLOSED or pull is None or not pull.is_open:
            return {"skipped": "the pull request is closed, or its app is going"}
        if approval is None:  # Defensive: who asks for this has written one down.
            return {"skipped": "nobody has approved it"}
        deployment = tx.deployments.by_run(app.id, run.id, run.attempt)
        if deployment is None:
            origin = _origin(pull, run, commit)
            deployment = replace(begin(tx, app, origin, to.platform, at), actor=approval.actor)
            tx.deployments.save(deployment)
        deployment = _let_deploy(tx, job, deployment, run, at)
    return {"deployment": deployment.id, "status": deployment.status}


def _origin(pull: PullRequest, run: WorkflowRun, commit: str) -> Origin:
    known = Run(run.id, run.number, run.attempt, run.url)
    return Origin(known, pull.head_branch, commit, run.message, pull.number, is_from_fork=True)


def _let_deploy(
    tx: Transaction, job: Job, deployment: Deployment, run: WorkflowRun, at: datetime
) -> Deployment:
    """Move a deployment on as its run ended; one that is ready and was taken down for its age comes back."""
    if deployment.status is Status.READY and not deployment.has_own_address:
        arguments = {"deployment": deployment.id, "actor": deployment.actor or job.id}
        tx.jobs.enqueue(JobType.RESTORE, deployment.app_id, arguments)
    if run.conclusion != _SUCCESS:
        error = f"The workflow run ended with: {run.conclusion}."
        return move(tx, deployment, Status.ERROR, at, actor="github", error=error)
    return move(tx, deployment, Status.DEPLOYING, at, actor=job.id)


def _fetch(app: App, deployment_id: str, to: ForkPreviewer) -> str:
    """Download and check what the run left, keep its bytes and return the digest of the bundle.

    Raises:
        NotFound: it left nothing, or no longer.
        InvalidInput, TooLarge: it is nothing that may go up.
    """
    with to.putter.records.read() as tx:
        deployment = tx.deployments.get(deployment_id)
        # Secrets too: code may ask for one, and is given none.
        provided = {it.name for it in tx.variables.of(app.id, deployment.environment)}
    name, run = app.repository_name, deployment.run
    artifact = to.artifacts.of_run(name, run.id, ARTIFACT)
    if artifact is None:
        raise NotFound(
            f"looking for what run {run.number} would have deployed: it left no artifact {ARTIFACT}, or none "
            "that GitHub keeps any more: run it again",
            code="artifact:missing",
        )
    with to.artifacts.download(name, artifact.id) as chunks:
        bundle = to.recordings.read(_as_told(chunks, artifact.sha256), provided)
    return to.putter.bundles.save(bundle)


def _as_told(chunks: Iterable[bytes], sha256: str | None) -> Iterator[bytes]:
    """Yield what comes; at its end it has to be what the run said that it is."""
    content = hashlib.sha256()
    for chunk in chunks:
        content.update(chunk)
        yield chunk
    if sha256 is not None and content.hexdigest() != sha256:
        raise InvalidInput(
            "reading the artifact: its bytes are not those that its run announced", code="artifact:malformed"
        )


def _put_up(deployment_id: str, digest: str, steps: Steps, to: Putter) -> None:
    """Put the bundle up, when nobody else is putting anything up there."""
    for pause_seconds in _PAUSES:
        if steps.run("put up", lambda: _try(deployment_id, digest, to)):
            return
        steps.sleep(pause_seconds)
    raise RemoteRefused(
        f"putting {deployment_id} up: others kept putting its script up", code="release:no-turn"
    )


def _try(deployment_id: str, digest: str, to: Putter) -> bool:
    """Put it up; False when it is not one's turn. One that was ended meanwhile has all that it will have."""
    try:
        go_live(deployment_id, to.bundles.load(digest), to)
    except Busy:
        return False
    except Conflict as error:
        if error.error_code not in {_UPLOADING, _ENDED}:
            raise
        return error.error_code == _ENDED
    return True


def _end(job: Job, deployment_id: str, status: Status, to: ForkPreviewer, error: str | None = None) -> str:
    """Record how it ended: what was put up answers, whatever happened then."""
    at = to.putter.clock()
    with to.putter.records.begin() as tx:
        known_app(tx, job.app_id, lock=True)
        before = tx.deployments.get(deployment_id)
        if before.uploaded_at is not None:
            status, error = Status.READY, None
        ended = move(tx, before, status, at, actor=job.id, error=error)
        if before.status is Status.DEPLOYING and ended.status is not Status.READY:
            repair(tx, ended, at)
        take_down_again(tx, ended)
    return ended.status
