"""GitHub's webhook bodies, read into reports.

Pure: bytes in, a value out. Whether the bytes are really GitHub's was found out before (`signature`).
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

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
    RunAction,
    WorkflowRunChanged,
)
from app.github.fields import Fields

# The key under which our deployment's id travels in the payload of GitHub's record.
PAYLOAD_KEY: Final = "branchline"

_BRANCH: Final = "refs/heads/"


def parse(event: str, body: bytes) -> Report | None:
    """Return what a delivery of `event` (X-GitHub-Event) reports; None when we do not handle it.

    Raises:
        Malformed: the body is not a JSON object, or a field that we need has the wrong type;
            `details["path"]` says which.
    """
    # https://docs.github.com/en/webhooks/webhook-events-and-payloads
    fields = Fields.from_body(body, event)
    read = _READERS.get(event)
    return read(fields) if read else None


def _ping(fields: Fields) -> Ping:
    repository = fields.inner_or_none("repository")
    return Ping(hook_id=fields.number("hook_id"), repository=_name(repository) if repository else None)


def _pushed(fields: Fields) -> Pushed:
    ref = fields.text("ref")
    head = fields.inner_or_none("head_commit")
    author = head.inner_or_none("author") if head else None
    return Pushed(
        repository=_repository(fields),
        ref=ref,
        branch=ref.removeprefix(_BRANCH) if ref.startswith(_BRANCH) else None,
        before=fields.text("before"),
        after=fields.text("after"),
        is_created=fields.flag("created"),
        is_deleted=fields.flag("deleted"),
        is_forced=fields.flag("forced"),
        message=head.text("message") if head else None,
        author=author.text_or_none("username") if author else None,
        committed_at=head.time("timestamp") if head else None,
        sender=fields.inner("sender").text("login"),
    )


def _pull_request_changed(fields: Fields) -> PullRequestChanged:
    pull = fields.inner("pull_request")
    head = pull.inner("head")
    return PullRequestChanged(
        repository=_repository(fields),
        action=fields.text("action"),
        number=pull.number("number"),
        is_open=pull.text("state") == "open",
        is_merged=pull.flag("merged"),
        title=pull.text("title"),
        html_url=pull.text("html_url"),
        head_branch=head.text("ref"),
        head_commit=head.text("sha"),
        head_repository_id=_id_or_none(head, "repo"),
        author=_login_or_none(pull, "user"),
        updated_at=pull.time("updated_at"),
    )


def _comment_written(fields: Fields) -> CommentWritten | None:
    """Read a new comment. What somebody makes of one later says nothing: others may edit it."""
    if fields.text("action") != "created":
        return None
    issue, comment = fields.inner("issue"), fields.inner("comment")
    return CommentWritten(
        repository=_repository(fields),
        number=issue.number("number"),
        comment_id=comment.number("id"),
        author=_login_or_none(comment, "user"),
        body=comment.text_or_none("body") or "",
        created_at=comment.time("created_at"),
        is_on_pull_request=issue.has("pull_request"),
    )


def _workflow_run_changed(fields: Fields) -> WorkflowRunChanged | None:
    action = fields.text("action")
    if action not in set(RunAction):
        return None
    run = fields.inner("workflow_run")
    head = run.inner_or_none("head_commit")
    return WorkflowRunChanged(
        repository=_repository(fields),
        action=RunAction(action),
        run_id=run.number("id"),
        run_number=run.number("run_number"),
        run_attempt=run.number("run_attempt"),
        html_url=run.text("html_url"),
        event=run.text("event"),
        status=run.text("status"),
        conclusion=run.text_or_none("conclusion"),
        head_branch=run.text_or_none("head_branch"),
        head_commit=run.text("head_sha"),
        head_repository_id=_id_or_none(run, "head_repository"),
        message=head.text("message") if head else None,
        workflow_path=_workflow_path(fields, run),
        pull_requests=tuple(pull.number("number") for pull in run.each("pull_requests")),
        created_at=run.time("created_at"),
        updated_at=run.time("updated_at"),
    )


def _workflow_path(fields: Fields, run: Fields) -> str:
    """Return the workflow's file; GitHub says it in the run since 2022, and in the workflow beside it."""
    workflow = fields.inner_or_none("workflow")
    beside = workflow.text_or_none("path") if workflow else None
    return (run.text_or_none("path") or beside or "").partition("@")[0]


def _deployment_status_changed(fields: Fields) -> DeploymentStatusChanged:
    status = fields.inner("deployment_status")
    record = fields.inner("deployment")
    return DeploymentStatusChanged(
        repository=_repository(fields),
        record_id=record.number("id"),
        deployment_id=deployment_id(record.raw("payload")),
        state=status.text("state"),
        environment=status.text("environment"),
        environment_url=status.text_or_none("environment_url"),
        log_url=status.text_or_none("log_url") or status.text_or_none("target_url"),
    )


def deployment_id(payload: Any) -> str | None:
    """Return our deployment's id from a record's payload, which may be an object or a string of JSON."""
    if isinstance(payload, str):
        try:
            payload = json.loads(payload)
        except (ValueError, RecursionError):
            return None
    found = payload.get(PAYLOAD_KEY) if isinstance(payload, dict) else None
    return found if isinstance(found, str) else None


def _installation_changed(fields: Fields) -> InstallationChanged:
    installation = fields.inner("installation")
    return InstallationChanged(
        action=fields.text("action"),
        installation_id=installation.number("id"),
        account=installation.inner("account").text("login"),
        repositories=_names(fields, "repositories"),
    )


def _installation_repositories_changed(fields: Fields) -> InstallationRepositoriesChanged:
    installation = fields.inner("installation")
    return InstallationRepositoriesChanged(
        installation_id=installation.number("id"),
        account=installation.inner("account").text("login"),
        added=_names(fields, "repositories_added"),
        removed=_names(fields, "repositories_removed"),
    )


def _repository_changed(
    fields: Fields,
) -> RepositoryRenamed | RepositoryDeleted | RepositoryTransferred | None:
    repository = _repository(fields)
    match fields.text("action"):
        case "renamed":
            owner = repository.full_name.partition("/")[0]
            old_name = fields.inner("changes").inner("repository").inner("name").text("from")
            return RepositoryRenamed(repository=repository, old_full_name=f"{owner}/{old_name}")
        case "deleted":
            return RepositoryDeleted(repository=repository)
        case "transferred":
            owner_id = fields.inner("repository").inner("owner").number("id")
            return RepositoryTransferred(repository=repository, owner_id=owner_id)
        case _:
            return None


def _repository(fields: Fields) -> RepositoryName:
    return _name(fields.inner("repository"))


def _name(repository: Fields) -> RepositoryName:
    owner = repository.inner_or_none("owner")
    return RepositoryName(
        id=repository.number("id"),
        full_name=repository.text("full_name"),
        owner_id=owner.number("id") if owner and owner.has("id") else None,
    )


def _names(fields: Fields, name: str) -> tuple[RepositoryName, ...]:
    return tuple(_name(repository) for repository in fields.each(name))


def _id_or_none(fields: Fields, name: str) -> int | None:
    inner = fields.inner_or_none(name)
    return inner.number("id") if inner else None


def _login_or_none(fields: Fields, name: str) -> str | None:
    account = fields.inner_or_none(name)
    return account.text_or_none("login") if account else None


_READERS: Final[Mapping[str, Callable[[Fields], Report | None]]] = {
    "ping": _ping,
    "push": _pushed,
    "pull_request": _pull_request_changed,
    "issue_comment": _comment_written,
    "workflow_run": _workflow_run_changed,
    "deployment_status": _deployment_status_changed,
    "installation": _installation_changed,
    "installation_repositories": _installation_repositories_changed,
    "repository": _repository_changed,
}
