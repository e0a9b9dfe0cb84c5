"""Approve: somebody's word that one commit of a fork may be shown is checked and written down.

It comes as a comment or over the API. Who may push to the repository may say it; what others say is written
down and not answered. Nothing is shown here: a job is asked for that does.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from app.domain.approvals import Approval, Wish, commit_asked_for
from app.domain.events import Event, Tag
from app.domain.jobs import Job, JobType
from app.domain.pulls import PullRequest
from app.domain.reports import CommentWritten
from app.errors import Conflict, NotFound
from app.pipeline.known import held_app, known_app, standing_app
from app.ports import Clock, Members, PullHeads, Records, Steps, Transaction


@dataclass(frozen=True, slots=True)
class Approver:
    """The ports that checking an approval needs."""

    records: Records
    members: Members
    pull_heads: PullHeads
    clock: Clock


def comment_written(tx: Transaction, report: CommentWritten) -> bool:
    """Have a comment looked at that wants a fork's pull request shown; False when it is no such."""
    asked = commit_asked_for(report.body) if report.is_on_pull_request else None
    app = held_app(tx, report.repository.id) if asked is not None else None
    pull = tx.pulls.get(app.id, report.number) if app else None
    if app is None or pull is None or not (pull.is_open and pull.is_from_fork):
        return False
    if report.author is None or report.comment_id == pull.comment_id:
        return False
    arguments = {
        "pull_request": pull.number,
        "comment": report.comment_id,
        "author": report.author,
        "written_at": report.created_at.isoformat(),
        "commit": asked,
        "head": pull.head_commit,
    }
    tx.jobs.enqueue(JobType.APPROVE, app.id, arguments)
    return True


def request_preview(
    tx: Transaction, key: str, number: int, commit: str, *, actor: str, at: datetime
) -> tuple[Approval, Job]:
    """Approve a commit, named in full, of a fork's pull request; asked again, it answers the same.

    Raises:
        NotFound: there is no such app or pull request.
        Conflict: it is no fork's, is closed, or has another newest commit; or the app is being deleted.
    """
    app = standing_app(tx, key, "showing a pull request of")
    pull = tx.pulls.get(app.id, number)
    doing = f"showing pull request #{number} of {app.name}"
    if pull is None:
        raise NotFound(f"{doing}: there is none", code="pull-request:not-found", pullRequest=number)
    if not pull.is_from_fork:
        raise Conflict(f"{doing}: it is no fork's, and is shown as it is", code="pull-request:not-a-fork")
    if not pull.is_open:
        raise Conflict(f"{doing}: it is closed", code="pull-request:closed")
    if pull.head_commit != commit:
        raise Conflict(
            f"{doing}: its newest commit is {pull.head_commit}",
            code="pull-request:other-commit",
            commit=pull.head_commit,
        )
    return _grant(tx, pull, Approval(app.id, number, commit, actor, at), actor)


def approve(job: Job, steps: Steps, to: Approver) -> dict[str, Any]:
    """Decide whether a comment has a commit shown, and which one."""
    wish, number = _wish(job), job.arguments["pull_request"]
    with to.records.read() as tx:
        app = known_app(tx, job.app_id)
    if app is None or not app.is_reachable:
        return {"skipped": "the app is deleted, or its repository is out of reach"}
    name = app.repository_name
    if not steps.run("look who it is", lambda: to.members.may_write(name, wish.author)):
        steps.run("write down", lambda: _ignore(job, to))
        return {"refused": f"{wish.author} may not write to {name}"}
    head = steps.run("look at the newest commit", lambda: to.pull_heads.of_open(name, number))
    return steps.run("decide", lambda: _decide(job, wish, head, to))


def _wish(job: Job) -> Wish:
    told = job.arguments
    return Wish(told["author"], datetime.fromisoformat(told["written_at"]), told["commit"], told["head"])


def _ignore(job: Job, to: Approver) -> None:
    with to.records.begin() as tx:
        _note_refusal(tx, job, "may not write to the repository", to.clock())


def _decide(job: Job, wish: Wish, head: str | None, to: Approver) -> dict[str, Any]:
    """Grant a wish, or have the comment say why not. `head` is what the pull request proposes now."""
    at = to.clock()
    with to.records.begin() as tx:
        app = known_app(tx, job.app_id, lock=True)
        pull = tx.pulls.get(app.id, job.arguments["pull_request"]) if app else None
        if head is None or pull is None or not pull.is_open:
            return {"skipped": "the pull request is closed"}
        refusal = wish.refusal(head, pull.pushed_at or pull.updated_at)
        if refusal is not None:
            _refuse(tx, job, replace(pull, refusal=refusal, refused_commit=head), at)
            return {"refused": refusal}
        asked = Approval(pull.app_id, pull.number, head, wish.author, at)
        approval, follower = _grant(tx, pull, asked, f"github:{wish.author}")
        return {"approved": head, "by": approval.actor, "job": follower.id}


def _grant(tx: Transaction, pull: PullRequest, asked: Approval, actor: str) -> tuple[Approval, Job]:
    """Write an approval down, once, and ask for what was approved to be shown."""
    if tx.approvals.add(asked):
        payload = {"number": pull.number, "commit": asked.commit}
        tx.events.append(Event(Tag.PREVIEW_APPROVED, pull.app_id, actor, asked.approved_at, payload))
    tx.pulls.save(replace(pull, refusal=None, refused_commit=None))
    tx.jobs.enqueue(JobType.PREVIEW, pull.app_id, {"pull_request": pull.number}, actor=actor)
    approval = tx.approvals.get(pull.app_id, pull.number, asked.commit) or asked
    return approval, show_commit(tx, pull, asked.commit, actor=actor)


def show_commit(tx: Transaction, pull: PullRequest, commit: str, *, actor: str | None = None) -> Job:
    """Ask for an approved commit to be shown, as soon as its run has ended well."""
    arguments = {"pull_request": pull.number, "commit": commit}
    return tx.jobs.enqueue(JobType.FORK_PREVIEW, pull.app_id, arguments, actor=actor)


def _refuse(tx: Transaction, job: Job, refused: PullRequest, at: datetime) -> None:
    """Have the comment say why a wish was not granted."""
    if tx.pulls.get(refused.app_id, refused.number) != refused:
        tx.pulls.save(refused)
        _note_refusal(tx, job, str(refused.refusal), at)
    tx.jobs.enqueue(JobType.PREVIEW, refused.app_id, {"pull_request": refused.number})


def _note_refusal(tx: Transaction, job: Job, why: str, at: datetime) -> None:
    told = job.arguments
    payload = {"number": told["pull_request"], "comment": told["comment"], "why": why}
    actor, key = f"github:{told['author']}", f"{job.app_id}:{told['comment']}:{Tag.PREVIEW_REFUSED}"
    tx.events.append(Event(Tag.PREVIEW_REFUSED, job.app_id, actor, at, payload, key=key))
