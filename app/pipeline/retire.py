"""Retire: what is closed, deleted or gone is taken down, with every address that it had.

Scripts go by tag, all of a pull request or of an app in one call. What else bears a name of ours is looked at
first: a script with another's tags is never deleted; one that has none was uploaded past the gateway and not
tagged yet, and one that is gone already is fine. A look that failed is an error and never an absence.
"""

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any, Final

from app.domain.apps import App, AppStatus, Repository
from app.domain.deployments import UNFINISHED, Deployment, Status, app_tag, pull_tag
from app.domain.environments import Environment
from app.domain.events import Event, Tag
from app.domain.jobs import Job, JobType
from app.domain.names import script_name
from app.domain.platform import Platform
from app.domain.pulls import PullRequest
from app.errors import Conflict, RemoteMissing, RemoteRefused
from app.pipeline import standing
from app.pipeline.branch_preview import BranchPreview, branch_preview
from app.pipeline.doomed import doomed_app
from app.pipeline.known import known_app
from app.pipeline.move import move
from app.pipeline.preview import Previewer, write_comment
from app.pipeline.record import LIVE_OR_COMING
from app.pipeline.release import request_release
from app.pipeline.showing import Change, Why, forget
from app.pipeline.start import LEASE
from app.ports import Clock, Comments, Records, Repositories, Runs, Scripts, Steps, Transaction

_LIVE: Final = frozenset({Status.READY})
_UPLOAD_LOOKS: Final = 30
_AT_A_TIME: Final = 20
_UPLOAD_PAUSE_SECONDS: Final = 2


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


@dataclass(frozen=True, slots=True)
class _Reach:
    """Which of a script's deployments are taken down: those there at a time and of a branch, or all."""

    until: datetime | None = None
    branch: str | None = None

    def covers(self, deployment: Deployment) -> bool:
        is_in_time = self.until is None or deployment.created_at <= self.until
        return is_in_time and self.branch in {None, deployment.branch}


_ALL: Final = _Reach()


def retire(job: Job, steps: Steps, to: Retirer) -> dict[str, Any]:
    """Take the preview of a pull request, or of a branch, down and say so."""
    number = job.arguments.get("pull_request")
    with to.records.read() as tx:
        app = known_app(tx, job.app_id)
        if app is None:
            return {"skipped": "the app is deleted"}
        pull = tx.pulls.get(app.id, number) if number is not None else None
    is_from_fork = pull is not None and pull.is_from_fork
    script = script_name(app.slug, Environment.PREVIEW, number, is_from_fork=is_from_fork)
    stays, branch = steps.run("look whether it stays", lambda: _look(job, script, to))
    if stays is not None:
        return {"skipped": stays}
    # What was opened or pushed again in the middle has runs of its own, which are not touched.
    reach = _Reach(until=job.created_at, branch=branch)
    steps.run("cancel runs", lambda: _cancel_runs(app, script, to, reach))
    removed = steps.run("delete scripts", lambda: _delete_preview(app, script, pull, to, reach))
    steps.run("record removal", lambda: _record_removal(app.id, script, to, reach))
    if number is not None:
        previewer = Previewer(to.records, to.comments, to.platform, to.clock)
        steps.run("write comment", lambda: write_comment(app.id, number, previewer))
    return {"script": script, "removed": removed}


def _look(job: Job, script: str, to: Retirer) -> list[str | None]:
    """Return why the script is one to keep by now, or None, and which branch alone goes, if not all does."""
    number, branch = job.arguments.get("pull_request"), job.arguments.get("branch")
    with to.records.read() as tx:
        if number is None:
            return _look_at_branch(branch_preview(tx, job.app_id, script), branch)
        pull = tx.pulls.get(job.app_id, number)
    is_open = pull is not None and pull.is_open
    return [f"pull request #{number} is open again" if is_open else None, None]


def _look_at_branch(preview: BranchPreview, branch: str | None) -> list[str | None]:
    """Branches share one preview: all of it goes with the branch that it shows, if no other came after that.

    One that never went live, or that a pin kept from it, takes no other down.
    """
    if preview.newest is not None and not preview.concerns(branch):
        return [f"it shows branch {preview.branch} now", None]
    return [None, None if preview.shows(branch) and preview.is_newest(branch) else branch]


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
    return tx.jobs.enqueue(JobType.DELETE, app.id, {"keep_repository": keep_repository}, actor=actor)


def delete_app(job: Job, steps: Steps, to: Retirer) -> dict[str, Any]:
    """Delete an app: its scripts in every namespace, its repository unless it is to be kept, its row."""
    app = doomed_app(job, steps, to.records)
    if app is None:
        return {"scripts": []}
    # A step, because a run may report in the middle: a repeated job has to meet the same steps.
    scripts = steps.run("list scripts", lambda: _scripts_of(app, to))
    for script, _ in scripts:
        steps.run(f"cancel runs of {script}", partial(_cancel_runs, app, script, to))
    _let_uploads_end(app, steps, to)
    for script, environment in scripts:
        namespace = to.platform.namespaces[Environment(environment)]
        steps.run(f"delete script {script}", partial(_delete_script, app, script, namespace, to))
        steps.run(f"record removal of {script}", partial(_record_removal, app.id, script, to))
    for namespace in (*to.platform.namespaces.values(), to.platform.untrusted_namespace):
        delete = partial(_delete_what_is_left, app, namespace, to)
        steps.run(f"delete all that is left in {namespace}", delete)
    if app.repository is not None and not job.arguments["keep_repository"]:
        steps.run("delete repository", partial(_delete_repository, app.repository, to))
    steps.run("forget app", lambda: _forget(app, to))
    return {"scripts": [script for script, _ in scripts]}


def _scripts_of(app: App, to: Retirer) -> list[list[str]]:
    """Return the scripts that the app may have, each with its environment."""
    with to.records.read() as tx:
        pulls = [None, *(pull.number for pull in tx.pulls.open(app.id))]
        named = {(script_name(app.slug, it, number), it) for it in Environment for number in pulls}
        # What stands is looked for by name: it may be older than all that was deployed lately.
        standing = {pair for pair in named if tx.deployments.find(app.id, script=pair[0], limit=1)}
        recent = {(it.script, it.environment) for it in tx.deployments.find(app.id)}
    return [[script, environment.value] for script, environment in sorted(standing | recent)]


def _let_uploads_end(app: App, steps: Steps, to: Retirer) -> None:
    """Give uploads a minute: what arrives after its app is gone is nobody's, and stays."""
    for _ in range(_UPLOAD_LOOKS):
        if not steps.run("wait for uploads", lambda: _is_uploading(app, to)):
            return
        steps.sleep(_UPLOAD_PAUSE_SECONDS)


def _is_uploading(app: App, to: Retirer) -> bool:
    now = to.clock()
    with to.records.read() as tx:
        deploying = tx.deployments.find(app.id, statuses=frozenset({Status.DEPLOYING}))
        is_held = any(alias.is_held(by="", at=now) for alias in tx.aliases.of_app(app.id))
    return is_held or any(now - it.updated_at < LEASE for it in deploying)


def _doomed(
    tx: Transaction, app_id: str, script: str, statuses: frozenset[Status], reach: _Reach
) -> list[Deployment]:
    found = tx.deployments.find(app_id, script=script, statuses=statuses)
    return [deployment for deployment in found if reach.covers(deployment)]


def _cancel_runs(app: App, script: str, to: Retirer, reach: _Reach = _ALL) -> list[int]:
    """Stop runs that would upload the script again; what GitHub will not cancel is refused at its start."""
    if not app.is_reachable:
        return []
    with to.records.read() as tx:
        unfinished = _doomed(tx, app.id, script, UNFINISHED, reach)
    for deployment in unfinished:
        with suppress(RemoteRefused):
            to.runs.cancel(app.repository_name, deployment.run.id)
    return [deployment.run.id for deployment in unfinished]


def _delete_preview(app: App, script: str, pull: PullRequest | None, to: Retirer, reach: _Reach) -> bool:
    """Delete a preview's scripts, unless it shows, or is about to show, what is not to be taken down."""
    with to.records.read() as tx:
        preview = branch_preview(tx, app.id, script)
        live = tx.deployments.find(app.id, script=script, statuses=_LIVE, limit=1)
        uploading = tx.deployments.find(app.id, script=script, statuses=frozenset({Status.DEPLOYING}))
    shown = live if pull is not None or preview.shown is None else [preview.shown]
    if not all(reach.covers(holder) for holder in [*shown, *uploading]):
        return False
    is_from_fork = pull is not None and pull.is_from_fork
    namespace = to.platform.namespace_of(Environment.PREVIEW, is_from_fork=is_from_fork)
    is_deleted = _delete_script(app, script, namespace, to)
    if pull is not None:
        owns = _own_scripts(app, pull.number, to)
        standing.delete_tagged(namespace, pull_tag(app.slug, pull.number), [script, *owns], to)
    return is_deleted


def _own_scripts(app: App, number: int, to: Retirer) -> list[str]:
    with to.records.read() as tx:
        deployed = tx.deployments.find(app.id, pull_request=number)
    return [it.own_script for it in deployed if it.own_script is not None]


def _delete_script(app: App, script: str, namespace: str, to: Retirer) -> bool:
    found = to.scripts.tags(namespace, script)
    if found is None:
        standing.forget(namespace, [script], to)
        return False
    if found and app_tag(app.slug) not in found:
        raise RemoteRefused(
            f"deleting script {script} in {namespace}: its tags say that it is not {app.name}'s",
            code="script:not-ours",
            script=script,
            tags=list(found),
        )
    return standing.delete(namespace, script, to)


def _delete_what_is_left(app: App, namespace: str, to: Retirer) -> None:
    """Delete all that is the app's; a namespace that no provisioning came to yet holds nothing of it."""
    try:
        standing.delete_all(app.id, namespace, app_tag(app.slug), to)
    except RemoteMissing:
        with to.records.read() as tx:
            if tx.standing.of(app.id, namespace):
                raise


def _delete_repository(repository: Repository, to: Retirer) -> bool:
    found = to.repositories.find(repository.full_name)
    if found is None:
        return False
    if found.id != repository.id:
        raise RemoteRefused(
            f"deleting {repository.full_name}: it is another repository than the one that was made",
            code="repository:not-ours",
            repository=repository.full_name,
        )
    to.repositories.delete(repository.full_name)
    return True


def _record_removal(app_id: str, script: str, to: Retirer, reach: _Reach = _ALL) -> list[str]:
    """Mark what was live as removed and what was on its way as cancelled.

    A few at a time: a preview of many pushes must not hold the database while webhooks come in.
    """
    ended: list[str] = []
    while True:
        with to.records.begin() as tx:
            known_app(tx, app_id, lock=True)
            affected = _doomed(tx, app_id, script, LIVE_OR_COMING, reach)[:_AT_A_TIME]
            for deployment in affected:
                _remove(tx, deployment, to.clock())
            if not affected:
                _show_nothing(tx, script, to.clock())
        if not affected:
            return ended
        ended += [deployment.id for deployment in affected]


def _remove(tx: Transaction, deployment: Deployment, at: datetime) -> None:
    """Call a deployment removed, or cancelled when it was on its way; its own address is to be gone too."""
    if deployment.has_own_address:
        deployment = replace(deployment, retired_at=at)
        tx.deployments.save(deployment)
        if deployment.pull_request is None:  # all of a pull request go by its tag
            tx.jobs.enqueue(JobType.EXPIRE, deployment.app_id, {"deployment": deployment.id})
    status = Status.REMOVED if deployment.status is Status.READY else Status.CANCELLED
    move(tx, deployment, status, at, actor="job")


def _show_nothing(tx: Transaction, script: str, at: datetime) -> None:
    """Let the alias show nothing when what it showed is removed."""
    alias = tx.aliases.get(script)
    if alias is None or alias.deployment_id is None:
        return
    if tx.deployments.get(alias.deployment_id).status is Status.REMOVED:
        ended = replace(alias, deployment_id=None, expires_at=None, is_pinned=False, updated_at=at)
        # Somebody may have put it up again since it was deleted.
        request_release(tx, ended, Change(Why.REMOVED, "job", at))


def _forget(app: App, to: Retirer) -> None:
    """Let the app's row go, and end what was heard of since its scripts were listed."""
    at = to.clock()
    with to.records.begin() as tx:
        if known_app(tx, app.id, lock=True) is None:
            return  # a process died between this step and its checkpoint
        for deployment in tx.deployments.find(app.id, statuses=UNFINISHED):
            move(tx, deployment, Status.CANCELLED, at, actor="job")
        forget(tx, app.id, Change(Why.DELETED, "job", at))
        tx.variables.forget(app.id)
        tx.apps.remove(app.id)
        tx.events.append(Event(Tag.APP_DELETED, app.id, "job", at, {"name": app.name}))
