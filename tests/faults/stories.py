"""The jobs that are killed: each with its stage, and with how all has to stand when it is quiet again.

A check returns complaints in words; a complaint that begins with `twice` is about something that was done a
second time.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import httpx

from app.bootstrap.shared import utc_now
from app.domain.apps import App, AppStatus
from app.domain.deployments import Deployment, Status
from app.domain.environments import Environment
from app.domain.events import Tag
from app.domain.jobs import Job, JobStatus, JobType
from app.domain.pulls import PullRequest
from app.errors import NotFound
from app.pipeline.point import Decision
from app.pipeline.promote import request_promotion
from app.pipeline.reconcile import request_pass
from app.pipeline.retire import request_deletion
from app.pipeline.rollback import rollback
from app.render.comment import marker
from tests.faults.stage import Stage

Complaints = Iterator[str]
_OF_A_JOB = (Tag.JOB_QUEUED, Tag.JOB_STARTED, Tag.JOB_COMPLETED)


@dataclass(frozen=True)
class Scene:
    """A stage that is set: the job that waits, and what its app has to be like at the end."""

    app: App
    job: Job
    end: Callable[[], Complaints]


Story = Callable[[Stage], Scene]


def complaints(stage: Stage, scene: Scene) -> list[str]:
    """Return everything that is not as it has to be."""
    return [*_job_ended_well(stage, scene.job), *scene.end(), *_scripts(stage, scene.app)]


def _job_ended_well(stage: Stage, job: Job) -> Complaints:
    found = stage.job(job)
    if found.status is not JobStatus.COMPLETED:
        yield f"the job is {found.status}: {found.error}"
    with stage.records.read() as tx:
        told = Counter(event.tag for event in tx.events.about(job.id))
        of_app = Counter(event.tag for event in tx.events.about(job.app_id, limit=1000))
    yield from (f"{tag} was told {told[tag]} times" for tag in _OF_A_JOB if told[tag] < 1)
    yield from (f"twice: {tag} {told[tag]} times" for tag in _OF_A_JOB if told[tag] > 1)
    once = (Tag.APP_REQUESTED, Tag.APP_REPOSITORY_FORKED, Tag.APP_READY, Tag.APP_DELETED)
    yield from (f"twice: {tag} {of_app[tag]} times" for tag in once if of_app[tag] > 1)


def _scripts(stage: Stage, app: App) -> Complaints:
    """Compare what stands in the namespaces with what our records say."""
    found = {name for names in stage.remotes.scripts(app.slug).values() for name in names}
    with stage.records.read() as tx:
        aliases, deployments = tx.aliases.of_app(app.id), tx.deployments.find(app.id)
    own = {it.own_script for it in deployments if it.has_own_address and it.status is Status.READY}
    meant = own | {it.script for it in aliases if it.deployment_id and it.expired_at is None}
    yield from (f"{name} is an orphan" for name in sorted(found - meant))
    yield from (f"{name} is gone" for name in sorted(str(it) for it in meant - found))


# -------------------- provision


def provision(stage: Stage) -> Scene:
    app, job = stage.request_app()
    return Scene(app, job, partial(_is_provisioned, stage, app))


def _is_provisioned(stage: Stage, app: App) -> Complaints:
    github, name = stage.remotes.github, f"acme/{app.name}"
    with stage.records.read() as tx:
        kept = tx.apps.get(app.id)
    if kept.status is not AppStatus.READY:
        yield f"the app is {kept.status}: {kept.error}"
    newest = github.get("/orgs/acme/repos", per_page="100", sort="created", direction="desc")
    repositories = [it["name"] for it in newest]
    yield from _once("repositories", [it for it in repositories if it.startswith(app.name)])
    commits = github.get(f"/repos/{name}/commits", per_page="100")
    trailer = f"Branchline-App: {app.id}"
    yield from _once("commits", [it for it in commits if trailer in it["commit"]["message"]])
    yield from _once("webhooks", github.get(f"/repos/{name}/hooks"))
    runs = github.get(f"/repos/{name}/actions/runs", branch="main")["workflow_runs"]
    yield from _once("runs", runs)
    branches = {it["name"] for it in github.get(f"/repos/{name}/branches")}
    if branches != {"main", "staging"}:
        yield f"branches are {branches}"


# -------------------- deploy: publish, preview, release


def publish(stage: Stage) -> Scene:
    app = stage.home()
    deployment = stage.live(app, Environment.PRODUCTION)
    job = _waiting(stage, JobType.PUBLISH, deployment=deployment.id)
    return Scene(app, job, partial(_is_published, stage, app, deployment))


def _is_published(stage: Stage, app: App, deployment: Deployment) -> Complaints:
    github, name = stage.remotes.github, app.repository_name
    with stage.records.read() as tx:
        told = tx.deployments.get(deployment.id).published
    if told is not Status.READY:
        yield f"GitHub was told {told}"
    records = github.get(f"/repos/{name}/deployments", sha=deployment.commit, per_page="100")
    ours = [it for it in records if deployment.id in str(it["payload"])]
    yield from _once("deployment records", ours)
    for record in ours:
        statuses = github.get(f"/repos/{name}/deployments/{record['id']}/statuses")
        if not statuses or statuses[0]["state"] != "success":
            yield f"the record says {statuses[:1]}"
    newest = github.get(f"/repos/{name}/commits/{deployment.commit}/statuses")
    if not newest or newest[0]["state"] != "success":
        yield f"the commit says {newest[:1]}"


def preview(stage: Stage) -> Scene:
    app = stage.home()
    pull = stage.pull_request(app)
    stage.live(app, Environment.PREVIEW, pull)
    job = _waiting(stage, JobType.PREVIEW, pull_request=pull.number)
    return Scene(app, job, partial(_has_one_comment, stage, app, pull, "Ready"))


def _has_one_comment(stage: Stage, app: App, pull: PullRequest, says: str) -> Complaints:
    path = f"/repos/{app.repository_name}/issues/{pull.number}/comments"
    ours = [it for it in stage.remotes.github.get(path) if marker(app.id) in it["body"]]
    yield from _once("comments", ours)
    yield from (f"the comment says {it['body'][:300]!r}" for it in ours if says not in it["body"])


def rolled_back(stage: Stage) -> Scene:
    """Prepare a rollback: its job is `release`, which puts up what an alias points to."""
    app = stage.home()
    first, _second = stage.live(app, Environment.STAGING), stage.live(app, Environment.STAGING)
    decision = _decision(stage)
    done = stage.decide(lambda tx: rollback(tx, app.id, Environment.STAGING, first.id, decision))
    return Scene(app, done.job, partial(_answers, stage, first.script, first.id))


def promoted(stage: Stage) -> Scene:
    app = stage.home()
    source, decision = stage.live(app, Environment.STAGING), _decision(stage)
    done = stage.decide(lambda tx: request_promotion(tx, source.id, Environment.PRODUCTION, decision))
    return Scene(app, done.job, partial(_is_promoted, stage, app, done.deployment, source))


def _is_promoted(stage: Stage, app: App, target: Deployment, source: Deployment) -> Complaints:
    yield from _answers(stage, target.script, source.id)
    yield from _is_published(stage, app, target)


def _answers(stage: Stage, script: str, says: str) -> Complaints:
    found = stage.remotes.visit(script)
    if found != says:
        yield f"{script} answers {found[:200]!r} instead of {says}"
    with stage.records.read() as tx:
        alias = tx.aliases.get(script)
    if alias is None or not alias.is_in_line:
        yield f"the alias is not in line: {alias}"


# -------------------- retire and delete


def retire(stage: Stage) -> Scene:
    app = stage.home()
    pull = stage.pull_request(app)
    stage.live(app, Environment.PREVIEW, pull)
    stage.live(app, Environment.PREVIEW, pull)
    stage.close(pull)
    job = stage.decide(lambda tx: tx.jobs.enqueue(JobType.RETIRE, app.id, {"pull_request": pull.number}))
    return Scene(app, job, partial(_is_retired, stage, app, pull))


def _is_retired(stage: Stage, app: App, pull: PullRequest) -> Complaints:
    with stage.records.read() as tx:
        statuses = {it.status for it in tx.deployments.find(app.id, pull_request=pull.number)}
    if statuses != {Status.REMOVED}:
        yield f"its deployments are {statuses}"
    standing = (it for names in stage.remotes.scripts(app.slug).values() for it in names)
    yield from (f"{name} still stands" for name in standing if f"-pr{pull.number}-" in name)
    yield from _has_one_comment(stage, app, pull, "closed")


def delete(stage: Stage) -> Scene:
    app = stage.app()
    pull = stage.pull_request(app)
    stage.live(app, Environment.PRODUCTION)
    stage.live(app, Environment.STAGING)
    stage.live(app, Environment.PREVIEW, pull)
    job = stage.decide(
        lambda tx: request_deletion(tx, app.id, keep_repository=False, at=utc_now(), actor="token")
    )
    return Scene(app, job, partial(_is_deleted, stage, app))


def _is_deleted(stage: Stage, app: App) -> Complaints:
    try:
        with stage.records.read() as tx:
            yield f"the app is {tx.apps.get(app.id).status}"
    except NotFound:
        pass
    status = stage.remotes.github.client.get(f"/repos/{app.repository_name}").status_code
    if status != httpx.codes.NOT_FOUND:
        yield f"the repository answers {status}"
    yield from (f"{name} stands" for names in stage.remotes.scripts(app.slug).values() for name in names)


# -------------------- reconcile


def reconciled(stage: Stage) -> Scene:
    """Prepare a pass over everything: somebody deleted a webhook, and a script that is live."""
    app = stage.home()
    deployment = stage.live(app, Environment.PRODUCTION)
    hooks = f"/repos/{app.repository_name}/hooks"
    for hook in stage.remotes.github.get(hooks):
        stage.remotes.github.call("DELETE", f"{hooks}/{hook['id']}")
    script = f"/workers/dispatch/namespaces/{deployment.namespace}/scripts/{deployment.script}"
    stage.remotes.cloudflare.call("DELETE", script)
    job = stage.decide(request_pass)
    return Scene(app, job, partial(_is_reconciled, stage, app, deployment))


def _is_reconciled(stage: Stage, app: App, deployment: Deployment) -> Complaints:
    yield from _once("webhooks", stage.remotes.github.get(f"/repos/{app.repository_name}/hooks"))
    yield from _answers(stage, deployment.script, deployment.id)


# -------------------- what they share


def _once(what: str, found: list[Any]) -> Complaints:
    if len(found) > 1:
        yield f"twice: {len(found)} {what}"
    if not found:
        yield f"no {what}"


def _waiting(stage: Stage, kind: JobType, **arguments: Any) -> Job:
    """Return the job of this kind that waits with these arguments."""
    with stage.records.read() as tx:
        waiting = [tx.jobs.get(job.id) for job in tx.jobs.unfinished() if job.type is kind]
    return next(job for job in waiting if arguments.items() <= dict(job.arguments).items())


def _decision(stage: Stage) -> Decision:
    return Decision("ada", utc_now(), stage.plane.shared.platform)


STORIES: dict[str, Story] = {
    "provision": provision,
    "publish": publish,
    "preview": preview,
    "release": rolled_back,
    "promote": promoted,
    "retire": retire,
    "delete": delete,
    "reconcile": reconciled,
}
