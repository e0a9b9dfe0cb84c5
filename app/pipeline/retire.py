"""Retire: what is closed, deleted or gone is taken down.

A script is deleted only when its tags say that it is this app's; one that is gone already is fine. A look
that failed is an error and never taken for an absence.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

from app.domain.apps import App, AppStatus
from app.domain.deployments import UNFINISHED, Deployment, Status
from app.domain.environments import Environment
from app.domain.events import Event, Tag
from app.domain.jobs import Job, JobType
from app.domain.names import script_name
from app.domain.platform import Platform
from app.errors import Conflict, RemoteRefused
from app.pipeline.preview import Previewer, write_comment
from app.pipeline.record import known_app, move
from app.ports import Clock, Comments, Records, Repositories, Runs, Scripts, Steps, Transaction


@dataclass(frozen=True, slots=True)
class Retirer:
    """The ports that taking down needs."""

    records: Records
    scripts: Scripts
    runs: Runs
    repositories: Repositories
    comments: Comments
    platform: Platform
    clock: Clock


def retire(job: Job, steps: Steps, to: Retirer) -> dict[str, Any]:
    """Take a pull request's preview, or one script, down and say so."""
    number = job.arguments.get("pull_request")
    with to.records.read() as tx:
        app = known_app(tx, job.app_id)
        pull = tx.pulls.get(job.app_id, number) if number is not None else None
    if app is None:
        return {"skipped": "the app is deleted"}
    if pull is not None and pull.is_open:
        return {"skipped": f"pull request #{number} is open again"}
    script = job.arguments.get("script") or script_name(app.slug, Environment.PREVIEW, number)
    steps.run("cancel runs", lambda: _cancel_runs(app, script, to))
    removed = steps.run("delete script", lambda: _delete_script(app, script, Environment.PREVIEW, to))
    steps.run("record removal", lambda: _record_removal(app.id, script, to))
    if number is not None:
        previewer = Previewer(to.records, to.comments, to.platform, to.clock)
        steps.run("write comment", lambda: write_comment(app.id, number, previewer))
    return {"script": script, "removed": removed}


def request_deletion(tx: Transaction, key: str, *, keep_repository: bool, at: datetime, actor: str) -> Job:
    """Ask for an app and all that belongs to it to be deleted.

    Raises:
        NotFound: there is no such app.
        Conflict: it is being provisioned or deleted already.
    """
    app = tx.apps.get(key, lock=True)
    if app.status in {AppStatus.PROVISIONING, AppStatus.DELETING}:
        raise Conflict(f"deleting {app.name}: the app is {app.status}", code=f"app:{app.status}")
    tx.apps.save(replace(app, status=AppStatus.DELETING, updated_at=at))
    payload = {"keepRepository": keep_repository}
    tx.events.append(Event(Tag.APP_DELETION_REQUESTED, app.id, actor, at, payload))
    return tx.jobs.enqueue(JobType.DELETE, app.id, {"keep_repository": keep_repository})


def delete_app(job: Job, steps: Steps, to: Retirer) -> dict[str, Any]:
    """Delete an app: its scripts in every namespace, its repository unless it is to be kept, its row."""
    with to.records.read() as tx:
        app = known_app(tx, job.app_id)
        deployments = tx.deployments.find(job.app_id)
    if app is None:
        return {"scripts": []}  # a process died between the last step and its checkpoint
    scripts = _scripts_of(app, deployments)
    for script in {script for script, _ in scripts}:
        steps.run(f"cancel runs of {script}", partial(_cancel_runs, app, script, to))
    for script, environment in scripts:
        steps.run(f"delete script {script}", partial(_delete_script, app, script, environment, to))
        steps.run(f"record removal of {script}", partial(_record_removal, app.id, script, to))
    if app.repository is not None and not job.arguments["keep_repository"]:
        steps.run("delete repository", partial(to.repositories.delete, app.repository.full_name))
    steps.run("forget app", lambda: _forget(app, to))
    return {"scripts": [script for script, _ in scripts]}


def _scripts_of(app: App, deployments: Sequence[Deployment]) -> list[tuple[str, Environment]]:
    return sorted({(d.script, d.environment) for d in deployments if d.app_id == app.id})


def _cancel_runs(app: App, script: str, to: Retirer) -> list[int]:
    """Stop runs that would upload the script again; what GitHub will not cancel is refused at its start."""
    if not app.is_reachable:
        return []
    with to.records.read() as tx:
        unfinished = tx.deployments.find(app.id, script=script, statuses=UNFINISHED)
    for deployment in unfinished:
        to.runs.cancel(app.repository_name, deployment.run.id)
    return [deployment.run.id for deployment in unfinished]


def _delete_script(app: App, script: str, environment: Environment, to: Retirer) -> bool:
    namespace = to.platform.namespaces[environment]
    found = to.scripts.tags(namespace, script)
    if found is None:
        return False
    if found and f"app-{app.slug}" not in found:
        raise RemoteRefused(
            f"deleting script {script} in {namespace}: its tags say that it is not {app.name}'s",
            code="script:not-ours",
            script=script,
            tags=list(found),
        )
    return to.scripts.delete(namespace, script)


def _record_removal(app_id: str, script: str, to: Retirer) -> list[str]:
    """Mark what was live as removed and what was on its way as cancelled."""
    at = to.clock()
    with to.records.begin() as tx:
        affected = tx.deployments.find(app_id, script=script, statuses=UNFINISHED | {Status.READY})
        for deployment in affected:
            is_live = deployment.status is Status.READY
            status = Status.REMOVED if is_live else Status.CANCELLED
            move(tx, deployment, status, at, actor="job")
    return [deployment.id for deployment in affected]


def _forget(app: App, to: Retirer) -> None:
    with to.records.begin() as tx:
        tx.apps.remove(app.id)
        tx.events.append(Event(Tag.APP_DELETED, app.id, "job", to.clock(), {"name": app.name}))
