"""Commit: many files of an app's repository in one commit, perhaps on a new branch with a pull request.

At once for callers who wait, as a job when much has to be uploaded first. Both may be repeated: what is there
already is not committed again, and a pull request is opened once.
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from app.domain.apps import App
from app.domain.git import EntryKind, blob_name, check_branch, is_text
from app.domain.jobs import Job, JobType
from app.errors import BranchlineError, Conflict, InvalidInput, NotFound
from app.pipeline.files import (
    branch_head,
    check_message,
    check_place,
    commit_of,
    default_branch,
    note_commit,
    write_on_top,
)
from app.pipeline.generate import GivenFile, check_files, check_path
from app.pipeline.reach import reached_app
from app.ports import Clock, CodeHost, Entry, File, Proposal, Records, Steps, Transaction

# What is not text is uploaded in a request of its own before, and writes are a second apart.
_UPLOADS_AT_ONCE: Final = 4
_LONGEST_TITLE: Final = 250
_TRAILER: Final = "Branchline-Job"


@dataclass(frozen=True, slots=True)
class ProposalText:
    """What a pull request says."""

    title: str
    body: str = ""


@dataclass(frozen=True, slots=True)
class CommitOrder:
    """A commit as it is asked for; a branch of None is the default one."""

    message: str
    files: Sequence[GivenFile] = ()
    deleted: Sequence[str] = ()
    branch: str | None = None
    parent: str | None = None
    is_new_branch: bool = False
    proposal: ProposalText | None = None


@dataclass(frozen=True, slots=True)
class Changes:
    """A commit as it will be made; every part of it was checked."""

    message: str
    files: Sequence[File]
    deleted: Sequence[str]
    branch: str
    parent: str | None
    is_new_branch: bool
    proposal: ProposalText | None

    @property
    def paths(self) -> list[str]:
        """Every path that it touches."""
        return sorted([*(file.path for file in self.files), *self.deleted])

    @property
    def takes_long(self) -> bool:
        """It should be a job: a caller would wait for many uploads."""
        return sum(not is_text(file.content) for file in self.files) > _UPLOADS_AT_ONCE


@dataclass(frozen=True, slots=True)
class Committed:
    """What a commit came to; without `is_changed` everything was so already, at `commit`."""

    branch: str
    commit: str
    is_changed: bool
    proposal: Proposal | None = None


@dataclass(frozen=True, slots=True)
class Committer:
    """The ports that a commit as a job needs."""

    records: Records
    host: CodeHost
    clock: Clock


@dataclass(frozen=True, slots=True)
class _Start:
    """Where a commit goes: on top of `commit`, where the branch is or, when it `is_new`, will be made."""

    commit: str
    is_new: bool = False
    is_done: bool = False


def check_changes(app: App, order: CommitOrder) -> Changes:
    """Return the commit that an order asks for.

    Raises:
        InvalidInput: message, branch, a path or a content is not acceptable, a path is given twice, nothing
            is to be changed, or the default branch is to be proposed for itself.
    """
    files, deleted = check_files(order.files), [check_path(path) for path in order.deleted]
    branch = check_branch(order.branch or default_branch(app))
    written = [file.path for file in files]
    if len({*written, *deleted}) < len(written) + len(deleted):
        raise InvalidInput("checking files: a path is given twice", code="app:invalid-files")
    if not written and not deleted:
        raise InvalidInput("committing nothing: give at least one file", code="commit:empty")
    if branch == default_branch(app) and (order.proposal or order.is_new_branch):
        raise InvalidInput(
            f"proposing {branch}: name another branch than the default one", code="branch:is-default"
        )
    return Changes(
        message=check_message(order.message),
        files=files,
        deleted=deleted,
        branch=branch,
        parent=order.parent,
        is_new_branch=order.is_new_branch,
        proposal=_check_text(order.proposal),
    )


def commit_files(app: App, changes: Changes, host: CodeHost) -> Committed:
    """Commit at once, and open the pull request.

    Raises:
        NotFound: there is no such branch or parent, or a file that is to be deleted is not there.
        Conflict: the branch moved away from the parent, or exists already and was to be new; or a path is
            not one of a file.
    """
    committed = write_on_top(
        lambda: _start(app, changes, host), lambda start: _commit(app, changes, start, host)
    )
    if changes.proposal is None:
        return committed
    try:
        return replace(committed, proposal=_propose(app, changes, host))
    except BranchlineError as error:
        # What is done is done: a repeated request finds the commit and only proposes.
        error.details |= {"branch": committed.branch, "commit": committed.commit}
        raise


def request_commit(tx: Transaction, app: App, changes: Changes, *, actor: str) -> Job:
    """Ask for a commit as a job."""
    return tx.jobs.enqueue(JobType.COMMIT, app.id, {**_stored(changes), "actor": actor}, actor=actor)


def run_commit(job: Job, steps: Steps, to: Committer) -> dict[str, Any]:
    """Make the commit that a job holds; a commit of an earlier try is found by its trailer."""
    with to.records.read() as tx:
        app = reached_app(tx, job.app_id)
    changes = _restored(job)
    trailer = f"{_TRAILER}: {job.id}"
    commit = steps.run("commit files", lambda: _commit_once(app, changes, trailer, to.host))
    result: dict[str, Any] = {"branch": changes.branch, "commit": commit, "pullRequest": None}
    if changes.proposal is not None:
        opened = steps.run("open pull request", lambda: _opened(app, changes, to.host))
        result["pullRequest"] = opened
    steps.run("write it down", lambda: _note_once(app, changes, commit, job, to))
    return result


def _start(app: App, changes: Changes, host: CodeHost) -> _Start:
    if changes.is_new_branch:
        return _new_start(app, changes, host)
    head = branch_head(app, changes.branch, host)
    if changes.parent not in {None, head}:
        raise Conflict(
            f"committing to {changes.branch}: it is not at {changes.parent} any more",
            code="branch:moved",
            branch=changes.branch,
            head=head,
        )
    return _Start(head)


def _new_start(app: App, changes: Changes, host: CodeHost) -> _Start:
    """Return where a new branch begins; one that holds just these changes was made by an earlier try."""
    head = host.contents.head(app.repository_name, changes.branch)
    if head is None:
        return _Start(commit_of(app, changes.parent, host), is_new=True)
    entries = host.trees.entries(app.repository_name, head, changes.paths)
    if any(path in entries for path in changes.deleted) or _differing(changes, entries):
        raise Conflict(
            f"creating branch {changes.branch}: it exists already",
            code="branch:exists",
            branch=changes.branch,
            head=head,
        )
    return _Start(head, is_done=True)


def _commit(app: App, changes: Changes, start: _Start, host: CodeHost) -> Committed:
    unchanged = Committed(changes.branch, start.commit, is_changed=False)
    if start.is_done:
        return unchanged
    entries = host.trees.entries(app.repository_name, start.commit, changes.paths)
    for path in changes.deleted:
        _check_deletable(path, entries)
    files = _differing(changes, entries)
    if not files and not changes.deleted:
        if start.is_new:
            raise Conflict(
                f"committing to {changes.branch}: the files are so already at {start.commit[:7]}",
                code="commit:empty",
            )
        return unchanged
    commit = host.contents.commit(
        app.repository_name,
        changes.branch,
        files,
        changes.message,
        parent=start.commit,
        deleted=changes.deleted,
        is_new=start.is_new,
    )
    return Committed(changes.branch, commit, is_changed=True)


def _differing(changes: Changes, entries: Mapping[str, Entry]) -> list[File]:
    """Return the files that are not so yet, each with the mode that it has."""
    differing = []
    for file in changes.files:
        check_place(file.path, entries)
        known = entries.get(file.path)
        if known is None or known.sha != blob_name(file.content):
            differing.append(replace(file, mode=known.mode) if known else file)
    return differing


def _check_deletable(path: str, entries: Mapping[str, Entry]) -> None:
    found = entries.get(path)
    if found is None:
        raise NotFound(f"deleting {path}: there is no such file", code="file:not-found", path=path)
    if found.kind is EntryKind.FOLDER:
        raise Conflict(f"deleting {path}: it is a folder and no file", code="file:not-a-file", path=path)


def _propose(app: App, changes: Changes, host: CodeHost) -> Proposal:
    text = changes.proposal or ProposalText(changes.message)
    return host.proposals.open(
        app.repository_name, head=changes.branch, base=default_branch(app), title=text.title, body=text.body
    )


def _check_text(text: ProposalText | None) -> ProposalText | None:
    if text is not None and not 0 < len(text.title.strip()) <= _LONGEST_TITLE:
        raise InvalidInput(
            f"reading the pull request: its title has to be 1 to {_LONGEST_TITLE} characters",
            code="commit:invalid-message",
        )
    return text


def _commit_once(app: App, changes: Changes, trailer: str, host: CodeHost) -> str:
    known = host.contents.find_commit(app.repository_name, changes.branch, trailer)
    if known is not None:
        return known
    marked = replace(changes, message=f"{changes.message}\n\n{trailer}", proposal=None)
    return commit_files(app, marked, host).commit


def _opened(app: App, changes: Changes, host: CodeHost) -> dict[str, Any]:
    proposal = _propose(app, changes, host)
    return {"number": proposal.number, "htmlUrl": proposal.html_url}


def _note_once(app: App, changes: Changes, commit: str, job: Job, to: Committer) -> None:
    actor, at = str(job.arguments["actor"]), to.clock()
    with to.records.begin() as tx:
        if not any(event.payload.get("commit") == commit for event in tx.events.about(app.id)):
            note_commit(
                tx, app, branch=changes.branch, commit=commit, paths=changes.paths, actor=actor, at=at
            )


def _stored(changes: Changes) -> dict[str, Any]:
    text = changes.proposal
    return {
        "message": changes.message,
        "files": [
            {"path": it.path, "content": base64.b64encode(it.content).decode()} for it in changes.files
        ],
        "deleted": list(changes.deleted),
        "branch": changes.branch,
        "parent": changes.parent,
        "is_new_branch": changes.is_new_branch,
        "proposal": {"title": text.title, "body": text.body} if text else None,
    }


def _restored(job: Job) -> Changes:
    stored = job.arguments
    return Changes(
        message=stored["message"],
        files=[File(it["path"], base64.b64decode(it["content"])) for it in stored["files"]],
        deleted=stored["deleted"],
        branch=stored["branch"],
        parent=stored["parent"],
        is_new_branch=stored["is_new_branch"],
        proposal=ProposalText(**stored["proposal"]) if stored["proposal"] else None,
    )
