"""Publish: GitHub is told how a deployment stands, by a commit status and a deployment record.

Level-triggered: what is told is what is recorded at the moment of telling. Several changes in quick
succession become one, and doing it twice writes nothing new. Only what has become live, or is live no more,
without having moved is told again on request.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from app.domain.apps import App
from app.domain.deployments import Deployment, Status
from app.domain.environments import Environment
from app.domain.jobs import Job
from app.domain.platform import Platform
from app.pipeline.known import known_app, live
from app.pipeline.overview import Standing, standing
from app.ports import Publications, Records, Steps
from app.render.text import by_whom, one_line

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


@dataclass(frozen=True, slots=True)
class _Facts:
    """All that is told of a deployment: how it stands, and what its alias shows."""

    app: App
    standing: Standing
    live: Deployment | None

    @property
    def deployment(self) -> Deployment:
        return self.standing.deployment


def publish(job: Job, steps: Steps, to: Publisher) -> dict[str, Any]:
    """Tell GitHub what is recorded of the job's deployment, unless it was told and nobody asks again."""
    deployment_id, is_again = job.arguments["deployment"], job.arguments.get("again", False)
    told = steps.run("tell GitHub", lambda: _tell(deployment_id, to, is_again=is_again))
    return {"deployment": deployment_id, "told": told}


def _tell(deployment_id: str, to: Publisher, *, is_again: bool) -> str | None:
    with to.records.read() as tx:
        deployment = tx.deployments.get(deployment_id)
        app = known_app(tx, deployment.app_id)
        live_now, around = live(tx, deployment.script), standing(tx, deployment)
    if app is None or not app.is_reachable or (_sounds_alike(deployment) and not is_again):
        return None
    facts = _Facts(app, around, live_now)
    # The commit first: told again after a failure it says the same, while a record's history has it twice.
    _tell_commit(facts, to)
    record_id = _tell_record(facts, to)
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


def _tell_record(facts: _Facts, to: Publisher) -> int:
    """Tell the record; what is ready and not live is inactive, so that what is live is shown as active."""
    name, deployment = facts.app.repository_name, facts.deployment
    record_id = deployment.github_deployment_id or to.publications.ensure_deployment(name, deployment)
    is_hidden = deployment.status is Status.READY and not facts.standing.is_live
    to.publications.set_deployment_status(
        name,
        record_id,
        state="inactive" if is_hidden else WORDS[deployment.status].record_state,
        environment=deployment.environment,
        description=_description(facts),
        environment_url=_address(facts, to.platform),
        log_url=deployment.run.url,
    )
    return record_id


def _tell_commit(facts: _Facts, to: Publisher) -> None:
    deployment = facts.deployment
    state = WORDS[deployment.status].commit_state
    told = WORDS[deployment.published].commit_state if deployment.published else None
    if state in {None, told}:
        return
    to.publications.set_commit_status(
        facts.app.repository_name,
        deployment.commit,
        state=state,
        context=_context(deployment),
        description=_description(facts),
        target_url=_address(facts, to.platform) or deployment.run.url,
    )


def _address(facts: _Facts, platform: Platform) -> str | None:
    """Return where a deployment answers: the environment's address when it is live, else its own."""
    deployment = facts.deployment
    if deployment.status is not Status.READY:
        return None
    if facts.standing.is_live:
        return platform.addresses.of(deployment.script).url
    own = deployment.own_script if deployment.has_own_address else None
    return platform.addresses.of(own).url if own else None


def _context(deployment: Deployment) -> str:
    if deployment.environment is Environment.PREVIEW and deployment.pull_request is not None:
        return f"branchline/preview-pr{deployment.pull_request}"
    return f"branchline/{deployment.environment}"


def _description(facts: _Facts) -> str:
    deployment = facts.deployment
    text = WORDS[deployment.status].description
    if deployment.status is Status.ERROR and deployment.error:
        text = f"{text}: {deployment.error}"
    elif deployment.status is Status.READY:
        text = _description_of_ready(facts)
    return one_line(text, _DESCRIPTION_CHARACTERS)


def _description_of_ready(facts: _Facts) -> str:
    around, deployment = facts.standing, facts.deployment
    if around.is_pinned and around.alias is not None:
        return f"Live, pinned {by_whom(around.alias.actor)}"
    if around.is_live:
        return f"Live, promoted {by_whom(deployment.actor)}" if deployment.promoted_from else "Live"
    if facts.live is None or around.alias is None:
        return "Ready, not live"
    verb = "is pinned to" if around.alias.is_pinned else "shows"
    return f"Ready, not live: {deployment.environment} {verb} {facts.live.commit[:7]}"
