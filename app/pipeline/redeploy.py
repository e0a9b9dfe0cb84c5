"""Redeploy: the run that made a deployment runs once more, as its next attempt.

What that makes is a deployment of its own; the code host tells of it like of any run.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from app.domain.apps import App
from app.domain.deployments import Deployment
from app.domain.events import Event, Tag
from app.domain.jobs import Job, JobType
from app.errors import Conflict, RemoteConflict, RemoteMissing
from app.pipeline.known import known_app, standing_app
from app.pipeline.point import Decision, known_deployment
from app.ports import Records, Runs, Steps, Transaction


@dataclass(frozen=True, slots=True)
class Redeployer:
    """The ports that a redeployment needs."""

    records: Records
    runs: Runs


def request_redeploy(tx: Transaction, deployment_id: str, decision: Decision) -> tuple[Deployment, Job]:
    """Ask for a deployment's run to run again.

    Raises:
        NotFound: there is no such deployment.
        Conflict: it has no run of its own, its run goes on, or the app's repository is not there.
    """
    deployment = known_deployment(tx, deployment_id)
    app = standing_app(tx, deployment.app_id, f"redeploying {deployment.id} of")
    _check_has_run(deployment)
    if not app.is_reachable:
        raise Conflict(f"redeploying {deployment.id}: {app.error}", code="app:detached")
    attempts = _attempts(tx, deployment)
    if any(not attempt.is_finished for attempt in attempts):
        raise Conflict(
            f"redeploying {deployment.id}: its run is going on; wait for it", code="deployment:running"
        )
    payload = {"app": app.id, "run": deployment.run.id}
    tag = Tag.DEPLOYMENT_REDEPLOY_REQUESTED
    tx.events.append(Event(tag, deployment.id, decision.actor, decision.at, payload))
    last = max(attempt.run.attempt for attempt in attempts)
    arguments = {"deployment": deployment.id, "attempt": last}
    return deployment, tx.jobs.enqueue(JobType.REDEPLOY, app.id, arguments, actor=decision.actor)


def redeploy(job: Job, steps: Steps, to: Redeployer) -> dict[str, Any]:
    """Run a deployment's run again."""
    with to.records.read() as tx:
        deployment, app = tx.deployments.get(job.arguments["deployment"]), known_app(tx, job.app_id)
    if app is None or not app.is_reachable:
        return {"skipped": "the app has no repository any more"}
    last = job.arguments["attempt"]
    attempt = steps.run("run again", lambda: _run_again(app, deployment, last, to.runs))
    return {"deployment": deployment.id, "run": deployment.run.url, "attempt": attempt}


def _check_has_run(deployment: Deployment) -> None:
    if deployment.promoted_from is not None:
        raise Conflict(
            f"redeploying {deployment.id}: it was promoted without a run; redeploy "
            f"{deployment.promoted_from} and promote that",
            code="deployment:without-run",
            promotedFrom=deployment.promoted_from,
        )
    if deployment.is_from_fork:
        raise Conflict(
            f"redeploying {deployment.id}: it is a fork's; run its workflow again on GitHub",
            code="deployment:from-fork",
        )


def _attempts(tx: Transaction, deployment: Deployment) -> Sequence[Deployment]:
    found = tx.deployments.find(deployment.app_id, script=deployment.script)
    return [it for it in found if it.run.id == deployment.run.id and it.promoted_from is None]


def _run_again(app: App, deployment: Deployment, last: int, runs: Runs) -> int:
    """Run it again, unless there is a later attempt than the `last` that was known: that is this one."""
    name, run_id = app.repository_name, deployment.run.id
    found = next((it for it in runs.of_commit(name, deployment.commit) if it.id == run_id), None)
    if found is not None and found.attempt > last:
        return found.attempt
    try:
        runs.rerun(name, run_id)
    except (RemoteConflict, RemoteMissing) as refused:
        raise RemoteConflict(
            f"{refused.message}; GitHub repeats a run for 30 days, and 50 times: push a commit instead",
            code="run:not-repeatable",
            run=run_id,
        ) from None
    return last + 1
