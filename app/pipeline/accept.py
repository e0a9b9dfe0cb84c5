"""Accept: a kept delivery is read and handed to the verb that it concerns.

A delivery's work changes our memory only, in one transaction with marking it processed; what has to be told
to the outside becomes jobs in that same transaction. So a delivery is done once, however often it comes.

It may be replayed long after: what it reports is then old, and changes nothing that newer reports have said.
Its facts are told once; the jobs that it asks for look at what is recorded by then.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Final

from app.domain.apps import App
from app.domain.deliveries import Delivery, DeliveryStatus
from app.domain.deployments import Deployment
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
from app.pipeline.branch_preview import branch_preview
from app.pipeline.fork_preview import fork_run_changed
from app.pipeline.known import held_app
from app.pipeline.news import News
from app.pipeline.record import LIVE_OR_COMING, record_status_changed, run_changed
from app.pipeline.relocate import (
    deleted,
    installation_changed,
    installation_repositories_changed,
    renamed,
    transferred,
)
from app.ports import Transaction

# The version of our reading of deliveries, for replays: it grows when something is read or done that was not.
VERSION: Final = 1

Parse = Callable[[Delivery], Report | None]


def work_off(
    tx: Transaction, delivery: Delivery, *, parse: Parse, platform: Platform, at: datetime
) -> DeliveryStatus:
    """Do what a delivery asks for; IGNORED when it is none of our business.

    DUPLICATE when its very body was worked off under another guid, which no signature covers.
    """
    if tx.deliveries.has_twin(delivery):
        return DeliveryStatus.DUPLICATE
    report = parse(delivery)
    is_ours = report is not None and hear(tx, report, platform, at, told_by=delivery)
    # What was done once stays done, be it that its app was deleted since.
    was_ours = delivery.is_replay and delivery.status is DeliveryStatus.PROCESSED
    return DeliveryStatus.PROCESSED if is_ours or was_ours else DeliveryStatus.IGNORED


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


def hear(
    tx: Transaction, report: Report, platform: Platform, at: datetime, *, told_by: Delivery | None = None
) -> bool:
    """Do what a report asks for, be it that no delivery told it; False when it is none of our business."""
    _learn_owner(tx, report, at)
    news = News(tx, at, told_by)
    match report:
        case Pushed():
            return _pushed(news, report)
        case PullRequestChanged():
            return _pull_request_changed(news, report)
        case CommentWritten():
            return not _is_answered(news, report) and comment_written(tx, report)
        case WorkflowRunChanged():
            is_ours = run_changed(tx, report, platform, at, is_news=not news.is_replay)
            return is_ours or fork_run_changed(tx, report)
        case DeploymentStatusChanged():
            return record_status_changed(tx, report, platform, at)
        case _:
            return isinstance(report, Ping) or _relocated(news, report, platform)


def _relocated(news: News, report: Report, platform: Platform) -> bool:
    match report:
        case RepositoryRenamed():
            return renamed(news, report)
        case RepositoryDeleted():
            return deleted(news, report)
        case RepositoryTransferred():
            return transferred(news, report, platform)
        case InstallationChanged():
            return installation_changed(news, report)
        case InstallationRepositoriesChanged():
            return installation_repositories_changed(news, report)
        case _:
            return False


def _pushed(news: News, report: Pushed) -> bool:
    app = news.tx.apps.by_repository(report.repository.id)
    if app is None or report.branch is None:
        return False
    tag = Tag.BRANCH_DELETED if report.is_deleted else Tag.BRANCH_PUSHED
    payload = {"branch": report.branch, "before": report.before, "after": report.after}
    news.tell(Event(tag, app.id, f"github:{report.sender}", news.at, payload))
    if report.is_deleted and environment_of(report.branch, None, app.branches) is Environment.PREVIEW:
        _retire_branch(news, app, report)
    return True


def _is_answered(news: News, report: CommentWritten) -> bool:
    """Tell whether a replayed wish was granted or refused, or something newer than it is there."""
    app = news.tx.apps.by_repository(report.repository.id) if news.is_replay else None
    pull = news.tx.pulls.get(app.id, report.number) if app else None
    if app is None or pull is None:
        return False
    return (
        news.tx.approvals.get(app.id, pull.number, pull.head_commit) is not None
        or pull.refused_commit == pull.head_commit
        or (pull.pushed_at or pull.updated_at) >= report.created_at
    )


def _retire_branch(news: News, app: App, report: Pushed) -> None:
    """Take down what the branch preview has of a branch that was deleted, and not made again since.

    A branch that it does not show, and whose run is not its last one, has nothing there any more.
    """
    script = script_name(app.slug, Environment.PREVIEW)
    preview = branch_preview(news.tx, app.id, script)
    if not preview.concerns(report.branch):
        return
    deployed = news.tx.deployments.find(app.id, script=script, statuses=LIVE_OR_COMING)
    last = next((it for it in deployed if it.branch == report.branch), None)
    is_late = news.is_replay and last is not None and last.created_at > news.first_at
    if last is not None and not is_late and not _has_followed(news.tx, last, report.before):
        news.tx.jobs.enqueue(JobType.RETIRE, app.id, {"branch": report.branch})


def _has_followed(tx: Transaction, last: Deployment, commit: str) -> bool:
    """Tell whether what is there was pushed after a commit: word of that one's end comes late."""
    deployed = tx.deployments.find(last.app_id, script=last.script)
    return any(it.commit == commit and it.order < last.order for it in deployed) and last.commit != commit


def _pull_request_changed(news: News, report: PullRequestChanged) -> bool:
    """Follow a pull request; a closed one is retired, every other change is told in its comment."""
    tx, app = news.tx, held_app(news.tx, report.repository.id)
    if app is None:
        return False
    known = tx.pulls.get(app.id, report.number)
    pull = _pull_request(app, report, known)
    if known is not None and _is_old(news, pull, known, reopens=report.action == "reopened"):
        return True
    tx.pulls.save(pull)
    _note_pull_request(tx, app, report, known, news.at)
    job_type = JobType.PREVIEW if pull.is_open else JobType.RETIRE
    tx.jobs.enqueue(job_type, app.id, {"pull_request": pull.number})
    return True


def _is_old(news: News, pull: PullRequest, known: PullRequest, *, reopens: bool) -> bool:
    """Tell whether this is old news; a replay changes nothing that was told within the same second."""
    if pull.is_older_than(known, reopens=reopens):
        return True
    told, then = ((it.is_open, it.head_commit, it.head_branch, it.title) for it in (pull, known))
    return news.is_replay and pull.updated_at == known.updated_at and told != then


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
