"""Pull requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Blueprint, request

from sandbox.github import clock, merging, pulls
from sandbox.github.errors import invalid, not_found
from sandbox.github.routes import incoming
from sandbox.github.shapes import accounts
from sandbox.github.shapes import commits as commit_shapes
from sandbox.github.shapes import pulls as shapes
from sandbox.github.site import current_site

if TYPE_CHECKING:
    from sandbox.github.database import Row

routes = Blueprint("pulls", __name__)


@routes.get("/repos/<owner>/<repo>/pulls")
def index(owner: str, repo: str) -> list[Any]:
    """List pull requests by state, head and base, newest first unless asked otherwise."""
    site, row = current_site(), incoming.repository(owner, repo)
    rows = site.database.all("SELECT * FROM pulls WHERE repository_id = ? ORDER BY number DESC", row["id"])
    if request.args.get("direction") == "asc":
        rows.reverse()
    return incoming.paged([pull for pull in rows if _wanted(pull)], lambda pull: shapes.simple(site, pull))


def _wanted(pull: Row) -> bool:
    state, head, base = (request.args.get(name) for name in ("state", "head", "base"))
    return (
        (state == "all" or pull["state"] == (state or "open"))
        and (not base or pull["base_ref"] == base)
        and (not head or head in {pull["head_ref"], _label(pull)})
    )


def _label(pull: Row) -> str:
    site = current_site()
    head = site.database.one("SELECT owner_id FROM repositories WHERE id = ?", pull["head_repository_id"])
    return f"{accounts.account(site, head['owner_id'])['login']}:{pull['head_ref']}" if head else ""


@routes.post("/repos/<owner>/<repo>/pulls")
def create(owner: str, repo: str) -> tuple[dict[str, Any], int]:
    """Open a pull request."""
    site, row, given = current_site(), incoming.repository(owner, repo), incoming.body()
    incoming.signed_in()
    proposal = pulls.Proposal(
        title=incoming.required(given, "title", "PullRequest", str),
        body=incoming.optional(given, "body", "PullRequest", str),
        head=incoming.required(given, "head", "PullRequest", str),
        base=incoming.required(given, "base", "PullRequest", str),
        draft=incoming.flag(given, "draft", "PullRequest", default=False),
    )
    with site.locks.of(row["id"]):
        pull = pulls.open_pull(site, row, proposal, incoming.actor())
    return shapes.full(site, pull), 201


@routes.get("/repos/<owner>/<repo>/pulls/<int:number>")
def show(owner: str, repo: str, number: int) -> dict[str, Any]:
    """Show a pull request."""
    site, row = current_site(), incoming.repository(owner, repo)
    return shapes.full(site, pulls.get(site, row["id"], number))


@routes.patch("/repos/<owner>/<repo>/pulls/<int:number>")
def change(owner: str, repo: str, number: int) -> dict[str, Any]:
    """Change title and body, close or reopen."""
    site, row, given = current_site(), incoming.repository(owner, repo), incoming.body()
    pull = pulls.get(site, row["id"], number)
    if incoming.signed_in()["id"] != pull["user_id"]:
        incoming.repository(owner, repo, "write")
    with site.locks.of(row["id"]):
        pull = _edit(pull, given)
        pull = _set_state(pull, incoming.optional(given, "state", "PullRequest", str))
    return shapes.full(site, pull)


def _edit(pull: Row, given: dict[str, Any]) -> Row:
    site = current_site()
    texts = {
        name: incoming.optional(given, name, "PullRequest", str)
        for name in ("title", "body")
        if name in given
    }
    changes = {name: {"from": pull[name] or ""} for name, text in texts.items() if text != pull[name]}
    if not changes:
        return pull
    site.database.update("pulls", pull["id"], **texts, updated_at=clock.now())
    pull = pulls.reload(site, pull)
    pulls.announce(site, pull, "edited", incoming.actor(), changes=changes)
    return pull


def _set_state(pull: Row, state: str | None) -> Row:
    if state not in {None, "open", "closed"}:
        raise invalid("PullRequest", "state", "invalid")
    if state is None or state == pull["state"]:
        return pull
    return (pulls.close if state == "closed" else pulls.reopen)(current_site(), pull, incoming.actor())


@routes.get("/repos/<owner>/<repo>/pulls/<int:number>/merge")
def is_merged(owner: str, repo: str, number: int) -> tuple[str, int]:
    """Answer 204 for a merged pull request and 404 for another."""
    site, row = current_site(), incoming.repository(owner, repo)
    if not pulls.get(site, row["id"], number)["merged"]:
        raise not_found()
    return "", 204


@routes.put("/repos/<owner>/<repo>/pulls/<int:number>/merge")
def merge(owner: str, repo: str, number: int) -> dict[str, Any]:
    """Merge a pull request."""
    site, row, given = current_site(), incoming.repository(owner, repo, "write"), incoming.body()
    method = incoming.optional(given, "merge_method", "PullRequest", str) or "merge"
    if method not in merging.METHODS:
        raise invalid("PullRequest", "merge_method", "invalid")
    texts = ("sha", "commit_title", "commit_message")
    head, title, body = (incoming.optional(given, name, "PullRequest", str) for name in texts)
    wish = merging.Wish(method=method, expected_head=head, title=title, body=body)
    sha = merging.merge(site, pulls.get(site, row["id"], number), incoming.actor(), wish)
    return {"sha": sha, "merged": True, "message": "Pull Request successfully merged"}


@routes.get("/repos/<owner>/<repo>/pulls/<int:number>/files")
def files(owner: str, repo: str, number: int) -> list[Any]:
    """List the files that a pull request changes."""
    site, row = current_site(), incoming.repository(owner, repo)
    pull = pulls.get(site, row["id"], number)
    changes = shapes.files(site.git(row["id"]), pull)
    return incoming.paged(
        changes, lambda change: commit_shapes.file_change(site, row, pull["head_sha"], change)
    )


@routes.get("/repos/<owner>/<repo>/pulls/<int:number>/commits")
def commits(owner: str, repo: str, number: int) -> list[Any]:
    """List a pull request's commits, oldest first."""
    site, row = current_site(), incoming.repository(owner, repo)
    found = shapes.own_commits(site.git(row["id"]), pulls.get(site, row["id"], number))
    return incoming.paged(found, lambda commit: commit_shapes.commit(site, row, commit))
