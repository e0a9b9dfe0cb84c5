"""Accept: a kept delivery is read and handed to the verb that it concerns.

A delivery's work changes our memory only, in one transaction with marking it processed; what has to be told
to the outside becomes jobs in that same transaction. So a delivery is done once, however often it comes.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from app.domain.apps import App, AppStatus, Repository
from app.domain.deliveries import Delivery, DeliveryStatus
from app.domain.environments import Environment, environment_of
from app.domain.events import Event, Tag
from app.domain.jobs import JobType
from app.domain.names import script_name
from app.domain.platform import Platform
from app.domain.pulls import PullRequest
from app.domain.reports import (
    CommentWritten,
    DeploymentStatusChanged,
    InstallationChanged,
    InstallationRepositoriesChanged,
    Ping,
    PullRequestChanged,
    Pushed,
    Report,
    RepositoryDeleted,
    RepositoryName,
    RepositoryRenamed,
    RepositoryTransferred,
    WorkflowRunChanged,
)
from app.pipeline.approve import comment_written
from app.pipeline.fork_preview import fork_run_changed
from app.pipeline.known import held_app
from app.pipeline.record import LIVE_OR_COMING, record_status_changed, run_changed
from app.ports import Transaction

Parse = Callable[[Delivery], Report | None]
_LOST_ACTIONS = frozenset({"deleted", "suspend"})
_FOUND_ACTIONS = frozenset({"created", "unsuspend"})


def work_off(
    tx: Transaction, delivery: Delivery, *, parse: Parse, platform: Platform, at: datetime
) -> DeliveryStatus:
    """Do what a delivery asks for; IGNORED when it is none of our business."""
    report = parse(delivery)
    if report is None:
        return DeliveryStatus.IGNORED
    _learn_owner(tx, report, at)
    is_ours = hear(tx, report, platform, at)
    return DeliveryStatus.PROCESSED if is_ours else DeliveryStatus.IGNORED


def _learn_owner(tx: Transaction, report: Report, at: datetime) -> None:
    """Keep the owner's id of a repository that was made before owners were kept; its runs need it."""
    named = getattr(report, "repository", None)
    if not isinstance(named, RepositoryName) or named.owner_id is None:
        return
    app = tx.apps.by_repository(named.id)
    repository = app.repository if app else None
    if repository is None or repository.owner_id is not None:
        return
    if repository.full_name.partition("/")[0].lower() == named.full_name.partition("/")[0].lower():
        held = held_app(tx, named.id)
        if held is not None:
            told = replace(repository, owner_id=named.owner_id)
            tx.apps.save(replace(held, repository=told, updated_at=at))


def hear(  # noqa: C901, PLR0911 - one line for each kind of report
    tx: Transaction, report: Report, platform: Platform, at: datetime
) -> bool:
    """Do what a report asks for, be it that no delivery told it; False when it is none of our business."""
    match report:
        case Ping():
            return True
        case Pushed():
            return _pushed(tx, report, at)
        case PullRequestChanged():
            return pull_request_changed(tx, report, at)
        case CommentWritten():
            return comment_written(tx, report)
        case WorkflowRunChanged():
            return run_changed(tx, report, platform, at) or fork_run_changed(tx, report)
        case DeploymentStatusChanged():
            return record_status_changed(tx, report, platform, at)
        case RepositoryRenamed():
            return _renamed(tx, report, at)
        case RepositoryDeleted():
            return _set_attached(tx, (report.repository.id,), is_attached=False, why="deleted", at=at)
        case RepositoryTransferred():
            return _transferred(tx, report, platform, at)
        case InstallationChanged():
            return _installation_changed(tx, report, at)
        case InstallationRepositoriesChanged():
            lost = _set_attached(
                tx, _ids(report.removed), is_attached=False, why="removed from the App", at=at
            )
            found = _set_attached(tx, _ids(report.added), is_attached=True, why="added to the App", at=at)
            return lost or found


def _pushed(tx: Transaction, report: Pushed, at: datetime) -> bool:
    app = tx.apps.by_repository(report.repository.id)
    if app is None or report.branch is None:
        return False
    tag = Tag.BRANCH_DELETED if report.is_deleted else Tag.BRANCH_PUSHED
    payload = {"branch": report.branch, "before": report.before, "after": report.after}
    tx.events.append(Event(tag, app.id, f"github:{report.sender}", at, payload))
    if report.is_deleted and environment_of(report.branch, None, app.branches) is Environment.PREVIEW:
        _retire_branch(tx, app, report.branch)
    return True


def _retire_branch(tx: Transaction, app: App, branch: str) -> None:
    """Take the branch preview down when the branch that it shows was deleted."""
    script = script_name(app.slug, Environment.PREVIEW)
    shown = tx.deployments.find(app.id, script=script, statuses=LIVE_OR_COMING, limit=1)
    if shown and shown[0].branch == branch:
        tx.jobs.enqueue(JobType.RETIRE, app.id, {"branch": branch})


def pull_request_changed(tx: Transaction, report: PullRequestChanged, at: datetime) -> bool:
    """Follow a pull request; a closed one is retired, every other change is told in its comment."""
    app = held_app(tx, report.repository.id)
    if app is None:
        return False
    known = tx.pulls.get(app.id, report.number)
    pull = _pull_request(app, report, known)
    if known is not None and pull.is_older_than(known, reopens=report.action == "reopened"):
        return True
    tx.pulls.save(pull)
    _note_pull_request(tx, app, report, known, at)
    if pull.is_open:
        tx.jobs.enqueue(JobType.PREVIEW, app.id, {"pull_request": pull.number})
    else:
        tx.jobs.enqueue(JobType.RETIRE, app.id, {"pull_request": pull.number})
    return True


def _pull_request(app: App, report: PullRequestChanged, known: PullRequest | None) -> PullRequest:
    told = PullRequest(
        app_id=app.id,
        number=report.number,
        is_open=report.is_open,
        title=report.title,
        html_url=report.html_url,
        head_branch=report.head_branch,
        head_commit=report.head_commit,
        is_from_fork=report.is_from_fork,
        author=report.author or "ghost",
        updated_at=report.updated_at,
        head_repository_id=report.head_repository_id,
        pushed_at=report.updated_at,
    )
    if known is None:
        return told
    return replace(
        told,
        comment_id=known.comment_id,
        comment_digest=known.comment_digest,
        pushed_at=known.pushed_at if known.head_commit == told.head_commit else told.pushed_at,
        refusal=known.refusal,
        refused_commit=known.refused_commit,
    )


def _note_pull_request(
    tx: Transaction, app: App, report: PullRequestChanged, known: PullRequest | None, at: datetime
) -> None:
    was_open = known is not None and known.is_open
    if report.is_open and not was_open:
        tag = Tag.PULL_REQUEST_OPENED
    elif report.is_open and known is not None and known.head_commit != report.head_commit:
        tag = Tag.PULL_REQUEST_PUSHED
    elif not report.is_open and (was_open or known is None):
        tag = Tag.PULL_REQUEST_CLOSED
    else:
        return
    payload = {"number": report.number, "commit": report.head_commit, "merged": report.is_merged}
    tx.events.append(Event(tag, app.id, f"github:{report.author or 'ghost'}", at, payload))


def _renamed(tx: Transaction, report: RepositoryRenamed, at: datetime) -> bool:
    app = held_app(tx, report.repository.id)
    if app is None or app.repository is None:
        return False
    old, new = app.repository, report.repository.full_name
    if old.full_name == new:
        return True
    tx.apps.save(replace(app, repository=_moved(old, new, old.owner_id), updated_at=at))
    payload = {"from": old.full_name, "to": new}
    tx.events.append(Event(Tag.APP_REPOSITORY_RENAMED, app.id, "github", at, payload))
    return True


def _transferred(tx: Transaction, report: RepositoryTransferred, platform: Platform, at: datetime) -> bool:
    """Detach an app whose repository went to another owner, and take it back from there."""
    name = report.repository.full_name
    is_back = name.partition("/")[0].lower() == platform.owner.lower()
    app = held_app(tx, report.repository.id)
    if is_back and app is not None and app.repository is not None:
        # Who owns it now is what its runs' tokens are compared with.
        repository = _moved(app.repository, name, report.owner_id)
        tx.apps.save(replace(app, repository=repository, updated_at=at))
    return _set_attached(
        tx, (report.repository.id,), is_attached=is_back, why=f"transferred to {name}", at=at
    )


def _moved(repository: Repository, full_name: str, owner_id: int | None) -> Repository:
    """Return a repository under another name, or with another owner."""
    old = repository.full_name
    return replace(
        repository,
        full_name=full_name,
        html_url=repository.html_url.replace(old, full_name),
        clone_url=repository.clone_url.replace(old, full_name),
        owner_id=owner_id,
    )


def _ids(repositories: tuple[RepositoryName, ...]) -> tuple[int, ...]:
    return tuple(repository.id for repository in repositories)


def _installation_changed(tx: Transaction, report: InstallationChanged, at: datetime) -> bool:
    if report.action in _LOST_ACTIONS:
        why = f"the App's installation: {report.action}"
        return _set_attached(tx, _ids(report.repositories), is_attached=False, why=why, at=at)
    if report.action in _FOUND_ACTIONS:
        why = f"the App's installation: {report.action}"
        return _set_attached(tx, _ids(report.repositories), is_attached=True, why=why, at=at)
    return True


def _set_attached(
    tx: Transaction, repository_ids: tuple[int, ...], *, is_attached: bool, why: str, at: datetime
) -> bool:
    """Mark the apps of these repositories as detached, or as found again; nothing is deleted."""
    before, after = AppStatus.READY, AppStatus.DETACHED
    tag, error = Tag.APP_REPOSITORY_LOST, f"its repository is out of reach: {why}"
    if is_attached:
        before, after, tag, error = after, before, Tag.APP_REPOSITORY_FOUND, ""
    changed = False
    for repository_id in repository_ids:
        app = held_app(tx, repository_id)
        if app is not None and app.status is before:
            tx.apps.save(replace(app, status=after, error=error or None, updated_at=at))
            tx.events.append(Event(tag, app.id, "github", at, {"why": why}))
            changed = True
    return changed
