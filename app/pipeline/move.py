"""Move: a deployment goes on to its next status, the fact is written down, and the outside will be told.

Nothing is told here: jobs are asked for in the same transaction.
"""

from datetime import datetime
from typing import Any

from app.domain.deployments import Deployment, Status
from app.domain.events import Event, Tag
from app.domain.jobs import JobType
from app.pipeline.known import origin_of
from app.ports import Transaction


def move(
    tx: Transaction, deployment: Deployment, status: Status, at: datetime, *, actor: str, **facts: Any
) -> Deployment:
    """Move a deployment on, write the fact down and have the outside told; a step back changes nothing."""
    moved = deployment.become(status, at, **facts)
    if moved is deployment:
        return deployment
    tx.deployments.save(moved)
    tell(tx, moved, actor, at)
    return moved


def tell(tx: Transaction, deployment: Deployment, actor: str, at: datetime) -> None:
    """Write down how a deployment stands, and have GitHub and its pull request told."""
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
    tell_pull_request(tx, deployment)


def tell_again(tx: Transaction, deployment: Deployment) -> None:
    """Have GitHub told once more of a deployment that did not move, because what is live did."""
    if deployment.status is Status.READY:
        tx.jobs.enqueue(JobType.PUBLISH, deployment.app_id, {"deployment": deployment.id, "again": True})
        tell_pull_request(tx, deployment)


def tell_pull_request(tx: Transaction, deployment: Deployment) -> None:
    """Have the comment brought up to date, when there is one: also that of what was promoted."""
    number = origin_of(tx, deployment).pull_request
    if number is not None:
        tx.jobs.enqueue(JobType.PREVIEW, deployment.app_id, {"pull_request": number})
