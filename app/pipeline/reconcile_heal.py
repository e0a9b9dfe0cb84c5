"""Heal: what drifted is put right, by the verbs that would have done it if we had heard of it in time.

Every act looks again first, at that moment and at both sides; so healing twice, or late, or what somebody has
put right meanwhile, changes nothing. Most acts are reports such as a webhook would have brought, or jobs that
are level-triggered themselves.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from app.domain.apps import App, Heal, Repository
from app.domain.deployments import Deployment, app_tag
from app.domain.drift import Drift, Kind
from app.domain.jobs import JobType
from app.domain.pulls import PullRequest
from app.domain.reports import (
    PullRequestChanged,
    Pushed,
    Report,
    RepositoryDeleted,
    RepositoryName,
    RepositoryRenamed,
    RepositoryTransferred,
)
from app.errors import NotFound
from app.pipeline import standing
from app.pipeline.accept import hear
from app.pipeline.install import WEBHOOK_EVENTS
from app.pipeline.known import known_app
from app.pipeline.reconcile_files import renew_files
from app.pipeline.reconcile_look import Reconciler, asked_of
from app.pipeline.reconcile_runs import hear_runs, hear_runs_of
from app.pipeline.record import LIVE_OR_COMING
from app.pipeline.release import ask_for_release, request_release
from app.pipeline.workers_putting import request_settling
from app.ports import Sight, Transaction, Unseen

_ZERO: Final = "0" * 40


@dataclass(frozen=True, slots=True)
class Healed:
    """What came of it: what was done, or why it came to nothing and would again, or neither: all was well."""

    did: str | None = None
    outcome: str | None = None


def heal(drift: Drift, app: App, policy: Heal, to: Reconciler) -> Healed:
    """Put one drift of an app right."""
    if drift.kind is Kind.HEAD_UNDEPLOYED:
        return _head_undeployed(drift, app, policy, to)
    if drift.kind in _FILES:
        return Healed(did=renew_files(app, policy, to))
    return Healed(did=_ACTS[drift.kind](drift, app, to))


def heal_script(drift: Drift, to: Reconciler) -> str | None:
    """Put right what drifted of a script, whosever it is; tell what was done."""
    act = {
        Kind.SCRIPT_GONE: _script_gone,
        Kind.SCRIPT_CHANGED: _script_changed,
        Kind.SCRIPT_ORPHAN: _script_orphan,
    }[drift.kind]
    return act(drift, to)


# --------------------------------------------------------------------------------------------- repositories


def _repository_gone(_drift: Drift, app: App, to: Reconciler) -> str | None:
    if _found(app, to) is not None:
        return None
    _tell(RepositoryDeleted(repository=_name(app)), to)
    return "detached the app"


def _repository_moved(_drift: Drift, app: App, to: Reconciler) -> str | None:
    """Follow a repository to its new name, to another owner, or back to us."""
    seen = _look_again(app, to)
    if seen is None:
        return None
    found = to.repositories.find(seen.full_name)
    if found is None or found.id != _name(app).id:
        return None
    named = RepositoryName(found.id, found.full_name, found.owner_id)
    is_ours = found.full_name.partition("/")[0].lower() == to.platform.owner.lower()
    old = app.repository_name
    if is_ours and app.is_reachable:
        _tell(RepositoryRenamed(repository=named, old_full_name=old), to)
        return f"follow it to {found.full_name}"
    _tell(RepositoryTransferred(repository=named, owner_id=found.owner_id or 0), to)
    return f"follow it to {found.full_name}"


def _actions_off(_drift: Drift, app: App, to: Reconciler) -> str | None:
    if to.sights.actions_enabled(app.repository_name):
        return None
    to.repositories.enable_actions(app.repository_name)
    return "switched Actions on"


def _webhook(_drift: Drift, app: App, to: Reconciler) -> str | None:
    """Set the webhook up as it was, and have sent again what it did not bring."""
    if to.webhook_secret is None:
        return None
    to.settings.ensure_webhook(app.repository_name, to.webhook_url, to.webhook_secret, WEBHOOK_EVENTS)
    to.redeliver(app)
    return "set the webhook up again"


# -------------------------------------------------------------------------------- pull requests, branches


def _pull_unheard(drift: Drift, app: App, to: Reconciler) -> str | None:
    number = int(drift.subject.removeprefix("#"))
    sight = _look_again(app, to)
    seen = next((pull for pull in sight.pulls if pull.number == number), None) if sight else None
    if seen is None:
        return None
    report = PullRequestChanged(
        repository=_name(app),
        action="reopened",  # so that it is news even within the second in which it was closed
        number=number,
        is_open=True,
        is_merged=False,
        title=seen.title,
        html_url=seen.html_url,
        head_branch=seen.head_branch,
        head_commit=seen.head.commit,
        head_repository_id=seen.head_repository_id,
        author=seen.author,
        updated_at=seen.updated_at,
    )
    _tell(report, to)
    return f"took note of {drift.subject} at {seen.head.commit[:7]}"


def _pull_closed(drift: Drift, app: App, to: Reconciler) -> str | None:
    number = int(drift.subject.removeprefix("#"))
    sight = _look_again(app, to)
    if sight is None or any(pull.number == number for pull in sight.pulls):
        return None
    with to.records.begin() as tx:
        known = tx.pulls.get(app.id, number)
        deployed = tx.deployments.find(app.id, pull_request=number, limit=1)
        if known is not None and not known.is_open:
            tx.jobs.enqueue(JobType.RETIRE, app.id, {"pull_request": number})
            return f"took the preview of {drift.subject} down"
    opened = known or (_as_opened(app, deployed[0], number) if deployed else None)
    if opened is None:
        return None
    _tell(_closed(opened, _name(app)), to)
    return f"took the preview of {drift.subject} down"


def _closed(known: PullRequest, repository: RepositoryName) -> PullRequestChanged:
    """Return that a pull request was closed; when, we do not know: whatever is heard of it is newer."""
    return PullRequestChanged(
        repository=repository,
        action="closed",
        number=known.number,
        is_open=False,
        is_merged=False,
        title=known.title,
        html_url=known.html_url,
        head_branch=known.head_branch,
        head_commit=known.head_commit,
        head_repository_id=known.head_repository_id,
        author=known.author,
        updated_at=known.updated_at,
    )


def _as_opened(app: App, deployment: Deployment, number: int) -> PullRequest:
    """Return a pull request as far as its deployment tells of it."""
    url = f"{app.repository.html_url}/pull/{number}" if app.repository else ""
    return PullRequest(
        app_id=app.id,
        number=number,
        is_open=True,
        title="",
        html_url=url,
        head_branch=deployment.branch,
        head_commit=deployment.commit,
        is_from_fork=deployment.is_from_fork,
        author="ghost",
        updated_at=deployment.created_at,
        head_repository_id=None if deployment.is_from_fork else _name(app).id,
    )


def _branch_gone(drift: Drift, app: App, to: Reconciler) -> str | None:
    if to.contents.head(app.repository_name, drift.subject) is not None:
        return None
    report = Pushed(
        repository=_name(app),
        ref=f"refs/heads/{drift.subject}",
        branch=drift.subject,
        before=_ZERO,
        after=_ZERO,
        is_created=False,
        is_deleted=True,
        is_forced=False,
        message=None,
        author=None,
        committed_at=None,
        sender="reconcile",
    )
    _tell(report, to)
    return f"took the preview of branch {drift.subject} down"


# --------------------------------------------------------------------------------------------- deployments


def _head_undeployed(drift: Drift, app: App, policy: Heal, to: Reconciler) -> Healed:
    """Hear of the runs for a commit; where there are none, start one if the app's policy is to do all."""
    commit = drift.subject.rpartition("@")[2]
    heard = hear_runs_of(app, commit, to)
    with to.records.read() as tx:
        if (app.id, drift.facts["script"], commit) in tx.survey.deployed([app.id], [commit]):
            return Healed(did=f"heard of {heard} of its runs") if heard else Healed()
    branch = drift.facts.get("branch")
    if heard or branch is None or policy is not Heal.ALL:
        return Healed(outcome="no run that deploys was started for this commit")
    if to.contents.head(app.repository_name, branch) != commit:
        return Healed()
    to.runs.dispatch(app.repository_name, branch)
    return Healed(did=f"started the workflow on {branch}")


def _run(drift: Drift, app: App, to: Reconciler) -> str | None:
    with to.records.read() as tx:
        try:
            deployment = tx.deployments.get(drift.subject)
        except NotFound:
            return None
    if deployment.is_finished:
        return None
    seen = hear_runs(deployment, app, to, is_seen=drift.kind is Kind.RUN_AHEAD)
    return f"heard that its run {seen}" if seen else None


def _alias_unsettled(drift: Drift, _app: App, to: Reconciler) -> str | None:
    with to.records.begin() as tx:
        alias = tx.aliases.get(drift.subject)
        if alias is None or alias.is_in_line or tx.survey.releasing([alias.app_id]):
            return None
        known_app(tx, alias.app_id, lock=True)
        ask_for_release(tx, alias)
    return "asked for a release"


# ------------------------------------------------------------------------------------------------- scripts


def _script_gone(drift: Drift, to: Reconciler) -> str | None:
    namespace, _, script = drift.subject.partition("/")
    if to.scripts.tags(namespace, script) is not None:
        return None
    with to.records.begin() as tx:
        return put_up_again(tx, drift.app_id, script)


def _script_changed(drift: Drift, to: Reconciler) -> str | None:
    _, _, script = drift.subject.partition("/")
    with to.records.begin() as tx:
        return put_up_again(tx, drift.app_id, script)


def put_up_again(tx: Transaction, owner_id: str, script: str) -> str | None:
    """Ask for a script to be put up as it is recorded; None when nothing needs it any more."""
    need = tx.survey.needs([script]).get(script)
    if need is None or need.subject is None or need.is_moving:
        return None
    if owner_id.startswith("wrk_"):
        worker = tx.workers.get(owner_id, lock=True)
        tx.workers.save(replace(worker, is_settled=False))
        request_settling(tx, worker, again=script)
        return "asked for the worker to be settled"
    known_app(tx, owner_id, lock=True)
    alias = tx.aliases.get(script)
    if alias is not None:
        request_release(tx, alias)
        return "asked for a release"
    arguments = {"deployment": need.subject, "actor": "job", "again": True}
    tx.jobs.enqueue(JobType.RESTORE, owner_id, arguments)
    return "asked for it to be put up again"


def _script_orphan(drift: Drift, to: Reconciler) -> str | None:
    """Delete a script that bears our tag, if nothing needs it or is about to."""
    namespace, _, script = drift.subject.partition("/")
    found = to.scripts.tags(namespace, script)
    if found is None or not any(tag.startswith(app_tag("")) for tag in found):
        return None
    with to.records.read() as tx:
        need = tx.survey.needs([script]).get(script)
        is_coming = drift.app_id.startswith("app_") and _is_coming(tx, drift.app_id, script)
        is_coming |= bool(tx.survey.releasing([drift.app_id]))  # what is restored is recorded when it is up
    if is_coming or (need is not None and (need.subject is not None or need.is_moving)):
        return None
    standing.delete(namespace, script, to)
    return "deleted it"


def _is_coming(tx: Transaction, app_id: str, script: str) -> bool:
    """Tell whether a run may be putting it up by itself, and nobody knows of the alias yet."""
    return bool(tx.deployments.find(app_id, script=script, statuses=LIVE_OR_COMING, limit=1))


# ---------------------------------------------------------------------------------------------------------


def _tell(report: Report, to: Reconciler) -> None:
    with to.records.begin() as tx:
        hear(tx, report, to.platform, to.clock())


def _name(app: App) -> RepositoryName:
    if app.repository is None:
        raise LookupError(f"app {app.name} has no repository yet")
    return RepositoryName(app.repository.id, app.repository.full_name, app.repository.owner_id)


def _found(app: App, to: Reconciler) -> Repository | None:
    found = to.repositories.find(app.repository_name)
    return found if found is not None and found.id == _name(app).id else None


def _look_again(app: App, to: Reconciler) -> Sight | None:
    """Look at the app's repository once more. Raises what it could not be shown for."""
    with to.records.read() as tx:
        asked = asked_of(tx.survey.recorded([app])[app.id])
    seen = to.sights.look([asked])[asked.repository_id]
    if isinstance(seen, Unseen):
        raise seen.error
    return seen


_FILES: Final = frozenset({Kind.WORKFLOW_OUTDATED, Kind.WORKFLOW_EDITED, Kind.WORKFLOW_MISSING})
_ACTS: Final[Mapping[Kind, Callable[[Drift, App, Reconciler], str | None]]] = {
    Kind.REPOSITORY_GONE: _repository_gone,
    Kind.REPOSITORY_BACK: _repository_moved,
    Kind.REPOSITORY_MOVED: _repository_moved,
    Kind.ACTIONS_OFF: _actions_off,
    Kind.WEBHOOK_MISSING: _webhook,
    Kind.WEBHOOK_CHANGED: _webhook,
    Kind.PULL_UNHEARD: _pull_unheard,
    Kind.PULL_CLOSED: _pull_closed,
    Kind.BRANCH_GONE: _branch_gone,
    Kind.RUN_AHEAD: _run,
    Kind.DEPLOYMENT_STUCK: _run,
    Kind.ALIAS_UNSETTLED: _alias_unsettled,
}
