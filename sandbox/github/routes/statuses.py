"""Commit statuses.

https://docs.github.com/rest/commits/statuses
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Blueprint

from sandbox.github import clock, events
from sandbox.github import commits as plumbing
from sandbox.github.errors import ApiError, invalid, unprocessable
from sandbox.github.pushes import BRANCHES
from sandbox.github.routes import incoming
from sandbox.github.routes.commits import resolved
from sandbox.github.shapes import commits, repositories
from sandbox.github.shapes import deployments as shapes
from sandbox.github.site import current_site

if TYPE_CHECKING:
    from sandbox.github.database import Row

routes = Blueprint("statuses", __name__)
STATES = ("error", "failure", "pending", "success")
MOST_DESCRIPTION_CHARACTERS = 140
MOST_PER_CONTEXT = 1000


@routes.post("/repos/<owner>/<repo>/statuses/<sha>")
def create(owner: str, repo: str, sha: str) -> tuple[dict[str, Any], int]:
    """Say how a commit fares in some context."""
    site, row, given = current_site(), incoming.repository(owner, repo, "write"), incoming.body()
    if not site.git(row["id"]).has_object(sha, "commit"):
        raise unprocessable(f"No commit found for SHA: {sha}")
    columns = _columns(given)
    count = "SELECT count(*) FROM statuses WHERE repository_id = ? AND sha = ? AND context = ?"
    if site.database.count(count, row["id"], sha, columns["context"]) >= MOST_PER_CONTEXT:
        raise ApiError(
            422, "Validation Failed", ["This SHA and context has reached the maximum number of statuses."]
        )
    with site.database.transaction():
        status_id = site.database.insert("statuses", repository_id=row["id"], sha=sha, **columns)
        status = site.database.get("SELECT * FROM statuses WHERE id = ?", status_id)
    _announce(row, status)
    return shapes.status(site, row, status), 201


def _columns(given: dict[str, Any]) -> dict[str, Any]:
    state = incoming.required(given, "state", "Status", str)
    description = incoming.optional(given, "description", "Status", str)
    if state not in STATES:
        raise invalid("Status", "state", "custom", f"state must be one of {', '.join(STATES)}")
    if description and len(description) > MOST_DESCRIPTION_CHARACTERS:
        raise invalid(
            "Status", "description", "custom", "description is too long (maximum is 140 characters)"
        )
    return {
        "state": state,
        "description": description,
        "context": incoming.optional(given, "context", "Status", str) or "default",
        "target_url": incoming.optional(given, "target_url", "Status", str),
        "creator_id": incoming.signed_in()["id"],
        "created_at": clock.now(),
        "updated_at": clock.now(),
    }


def _announce(row: Row, status: Row) -> None:
    site = current_site()
    git, api = site.git(row["id"]), repositories.api_url(site, row)
    commit = commits.commit(site, row, plumbing.read(git, status["sha"]))
    holding = [name for name, sha in git.refs(BRANCHES).items() if sha == status["sha"]]
    names = [name.removeprefix(BRANCHES) for name in holding]
    branch_commit = {"sha": status["sha"], "url": f"{api}/commits/{status['sha']}"}
    same = ("id", "sha", "target_url", "context", "description", "state", "created_at", "updated_at")
    payload = {name: status[name] for name in same} | {
        "name": repositories.full_name(site, row),
        "avatar_url": shapes.status(site, row, status)["avatar_url"],
        "commit": commits.older(commit),
        "branches": [{"name": name, "commit": branch_commit, "protected": False} for name in names],
    }
    events.emit(site, "status", row, payload, incoming.actor())


@routes.get("/repos/<owner>/<repo>/commits/<path:ref>/statuses")
@routes.get("/repos/<owner>/<repo>/statuses/<path:ref>")
def index(owner: str, repo: str, ref: str) -> list[Any]:
    """List a commit's statuses, newest first."""
    site, row = current_site(), incoming.repository(owner, repo)
    return incoming.paged(_of(row, ref)[1], lambda status: shapes.status(site, row, status))


def _of(row: Row, ref: str) -> tuple[str, list[Row]]:
    site = current_site()
    sha = resolved(site.git(row["id"]), ref)
    query = "SELECT * FROM statuses WHERE repository_id = ? AND sha = ? ORDER BY id DESC"
    return sha, site.database.all(query, row["id"], sha)


@routes.get("/repos/<owner>/<repo>/commits/<path:ref>/status")
def combined(owner: str, repo: str, ref: str) -> dict[str, Any]:
    """Sum the latest status of every context up."""
    site, row = current_site(), incoming.repository(owner, repo)
    sha, found = _of(row, ref)
    latest = list({status["context"]: status for status in reversed(found)}.values())
    api = repositories.api_url(site, row)
    return {
        "state": summary({status["state"] for status in latest}),
        "statuses": incoming.paged(latest, lambda status: shapes.status(site, row, status)),
        "sha": sha,
        "total_count": len(latest),
        "repository": repositories.simple(site, row),
        "commit_url": f"{api}/commits/{sha}",
        "url": f"{api}/commits/{sha}/status",
    }


def summary(states: set[str]) -> str:
    """Return GitHub's sum of some states."""
    if states & {"failure", "error"}:
        return "failure"
    return "pending" if not states or "pending" in states else "success"
