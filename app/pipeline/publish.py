"""Publish: GitHub is told how a deployment stands, by a commit status and a deployment record.

Level-triggered: what is told is what is recorded at the moment of telling. Several changes in quick
succession become one, and doing it twice writes nothing new.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from app.domain.apps import App
from app.domain.deployments import Deployment, Status
from app.domain.environments import Environment
from app.domain.jobs import Job
from app.domain.platform import Platform
from app.pipeline.known import known_app
from app.ports import Publications, Records, Steps
from app.render.text import one_line

_DESCRIPTION_CHARACTERS: Final = 140


@dataclass(frozen=True, slots=True)
class Words:
    """What GitHub calls a status: on the commit (None: leave it as it is) and on the deployment record."""

    commit_state: str | None
    record_state: str
    description: str


# https://docs.github.com/en/rest/deployments/statuses#create-a-deployment-status
WORDS: Final[Mapping[Status, Words]] = {
    Status.QUEUED: Words("pending", "queued", "Waiting for a runner"),
    Status.BUILDING: Words("pending", "in_progress", "Building"),
    Status.DEPLOYING: Words("pending", "in_progress", "Deploying"),
    Status.READY: Words("success", "success", "Live"),
    Status.ERROR: Words("failure", "failure", "Failed"),
    Status.CANCELLED: Words("error", "inactive", "Cancelled"),
    Status.SUPERSEDED: Words("success", "inactive", "Superseded by a newer commit"),
    Status.REMOVED: Words(None, "inactive", "Removed"),
}


@dataclass(frozen=True, slots=True)
class Publisher:
    """The ports that publishing needs."""

    records: Records
    publications: Publications
    platform: Platform


def publish(job: Job, steps: Steps, to: Publisher) -> dict[str, Any]:
    """Tell GitHub what is recorded of the job's deployment, if it was not told yet."""
    deployment_id = job.arguments["deployment"]
    told = steps.run("tell GitHub", lambda: _tell(deployment_id, to))
    return {"deployment": deployment_id, "told": told}


def _tell(deployment_id: str, to: Publisher) -> str | None:
    with to.records.read() as tx:
        deployment = tx.deployments.get(deployment_id)
        app = known_app(tx, deployment.app_id)
    if app is None or not app.is_reachable or _sounds_alike(deployment):
        return None
    # The commit first: told again after a failure it says the same, while a record's history has it twice.
    _tell_commit(app, deployment, to)
    record_id = _tell_record(app, deployment, to)
    with to.records.begin() as tx:
        known_app(tx, app.id, lock=True)
        current = tx.deployments.get(deployment_id)
        tx.deployments.save(replace(current, published=deployment.status, github_deployment_id=record_id))
    return deployment.status


def _sounds_alike(deployment: Deployment) -> bool:
    """Tell whether GitHub has the same words for both: not worth two writes of the hourly budget."""
    if deployment.published is None:
        return False
    told, telling = WORDS[deployment.published], WORDS[deployment.status]
    return (told.commit_state, told.record_state) == (telling.commit_state, telling.record_state)


def _tell_record(app: App, deployment: Deployment, to: Publisher) -> int:
    name, words = app.repository_name, WORDS[deployment.status]
    record_id = deployment.github_deployment_id or to.publications.ensure_deployment(name, deployment)
    is_live = deployment.status is Status.READY
    to.publications.set_deployment_status(
        name,
        record_id,
        state=words.record_state,
        environment=deployment.environment,
        description=_description(deployment),
        environment_url=to.platform.addresses.of(deployment.script).url if is_live else None,
        log_url=deployment.run.url,
    )
    return record_id


def _tell_commit(app: App, deployment: Deployment, to: Publisher) -> None:
    state = WORDS[deployment.status].commit_state
    told = WORDS[deployment.published].commit_state if deployment.published else None
    if state in {None, told}:
        return
    is_live = deployment.status is Status.READY
    to.publications.set_commit_status(
        app.repository_name,
        deployment.commit,
        state=state,
        context=_context(deployment),
        description=_description(deployment),
        target_url=to.platform.addresses.of(deployment.script).url if is_live else deployment.run.url,
    )


def _context(deployment: Deployment) -> str:
    if deployment.environment is Environment.PREVIEW and deployment.pull_request is not None:
        return f"branchline/preview-pr{deployment.pull_request}"
    return f"branchline/{deployment.environment}"


def _description(deployment: Deployment) -> str:
    text = WORDS[deployment.status].description
    if deployment.status is Status.ERROR and deployment.error:
        text = f"{text}: {deployment.error}"
    return one_line(text, _DESCRIPTION_CHARACTERS)
