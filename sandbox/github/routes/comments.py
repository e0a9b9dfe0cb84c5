"""Pull requests seen as issues, and their comments. Plain issues are not kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Blueprint, request

from sandbox.github import clock, events, pulls
from sandbox.github.errors import forbidden, invalid, not_found
from sandbox.github.routes import incoming
from sandbox.github.shapes import pulls as shapes
from sandbox.github.site import current_site

if TYPE_CHECKING:
    from sandbox.github.database import Row

routes = Blueprint("comments", __name__)
MOST_CHARACTERS = 65536


@routes.get("/repos/<owner>/<repo>/issues")
def issues(owner: str, repo: str) -> list[Any]:
    """List the open pull requests as issues."""
    site, row = current_site(), incoming.repository(owner, repo)
    query = "SELECT * FROM pulls WHERE repository_id = ? ORDER BY number DESC"
    state = request.args.get("state", "open")
    wanted = [pull for pull in site.database.all(query, row["id"]) if state in {"all", pull["state"]}]
    return incoming.paged(wanted, lambda pull: shapes.issue(site, pull))


@routes.get("/repos/<owner>/<repo>/issues/<int:number>")
def issue(owner: str, repo: str, number: int) -> dict[str, Any]:
    """Show a pull request as an issue."""
    site, row = current_site(), incoming.repository(owner, repo)
    return shapes.issue(site, pulls.get(site, row["id"], number))


@routes.get("/repos/<owner>/<repo>/issues/<int:number>/comments")
def index(owner: str, repo: str, number: int) -> list[Any]:
    """List a pull request's comments, oldest first."""
    site, row = current_site(), incoming.repository(owner, repo)
    pulls.get(site, row["id"], number)
    query = "SELECT * FROM comments WHERE repository_id = ? AND number = ? ORDER BY id"
    since = request.args.get("since", "")
    recent = [
        comment for comment in site.database.all(query, row["id"], number) if comment["updated_at"] >= since
    ]
    return incoming.paged(recent, lambda comment: shapes.comment(site, comment))


@routes.get("/repos/<owner>/<repo>/issues/comments")
def of_repository(owner: str, repo: str) -> list[Any]:
    """List every comment of a repository."""
    site, row = current_site(), incoming.repository(owner, repo)
    every = site.database.all("SELECT * FROM comments WHERE repository_id = ? ORDER BY id", row["id"])
    return incoming.paged(every, lambda comment: shapes.comment(site, comment))


@routes.post("/repos/<owner>/<repo>/issues/<int:number>/comments")
def create(owner: str, repo: str, number: int) -> tuple[dict[str, Any], int]:
    """Comment on a pull request."""
    site, row = current_site(), incoming.repository(owner, repo)
    pulls.get(site, row["id"], number)
    author, text = incoming.signed_in(), _text()
    times = {"created_at": clock.now(), "updated_at": clock.now()}
    with site.database.transaction():
        comment_id = site.database.insert(
            "comments", repository_id=row["id"], number=number, user_id=author["id"], body=text, **times
        )
        comment = found(row, comment_id)
        _announce(row, comment, "created")
    return shapes.comment(site, comment), 201


def _text() -> str:
    text = incoming.required(incoming.body(), "body", "IssueComment", str)
    if len(text) > MOST_CHARACTERS:
        message = f"body is too long (maximum is {MOST_CHARACTERS} characters)"
        raise invalid("IssueComment", "body", "unprocessable", message)
    return text


def found(row: Row, comment_id: int) -> Row:
    """Return a comment of a repository.

    Raises: ApiError 404.
    """
    query = "SELECT * FROM comments WHERE repository_id = ? AND id = ?"
    comment = current_site().database.one(query, row["id"], comment_id)
    if comment is None:
        raise not_found()
    return comment


def _announce(row: Row, comment: Row, action: str, **more: Any) -> None:
    site = current_site()
    pull = pulls.get(site, row["id"], comment["number"])
    payload = {
        "action": action,
        **more,
        "issue": shapes.issue(site, pull),
        "comment": shapes.comment(site, comment),
    }
    events.emit(site, "issue_comment", row, payload, incoming.actor())


@routes.get("/repos/<owner>/<repo>/issues/comments/<int:comment_id>")
def show(owner: str, repo: str, comment_id: int) -> dict[str, Any]:
    """Show a comment."""
    return shapes.comment(current_site(), found(incoming.repository(owner, repo), comment_id))


@routes.patch("/repos/<owner>/<repo>/issues/comments/<int:comment_id>")
def edit(owner: str, repo: str, comment_id: int) -> dict[str, Any]:
    """Change a comment's text."""
    site, (row, comment) = current_site(), _owned(owner, repo, comment_id)
    text = _text()
    with site.database.transaction():
        site.database.update("comments", comment_id, body=text, updated_at=clock.now())
        changed = found(row, comment_id)
        _announce(row, changed, "edited", changes={"body": {"from": comment["body"]}})
    return shapes.comment(site, changed)


@routes.delete("/repos/<owner>/<repo>/issues/comments/<int:comment_id>")
def delete(owner: str, repo: str, comment_id: int) -> tuple[str, int]:
    """Delete a comment."""
    site, (row, comment) = current_site(), _owned(owner, repo, comment_id)
    with site.database.transaction():
        site.database.execute("DELETE FROM comments WHERE id = ?", comment_id)
        _announce(row, comment, "deleted")
    return "", 204


def _owned(owner: str, repo: str, comment_id: int) -> tuple[Row, Row]:
    """Return a comment that the actor wrote or, with write access, may change anyway."""
    row = incoming.repository(owner, repo)
    comment, account = found(row, comment_id), incoming.signed_in()
    if comment["user_id"] != account["id"]:
        incoming.repository(owner, repo, "write")
    elif incoming.actor().read_only:
        raise forbidden("Resource not accessible by integration")
    return row, comment
