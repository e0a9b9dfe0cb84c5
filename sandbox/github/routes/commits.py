"""Commits and comparisons."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Blueprint, request

from sandbox.github import commits, diffs
from sandbox.github.errors import ApiError, conflict, not_found, unprocessable
from sandbox.github.routes import incoming
from sandbox.github.shapes import commits as shapes
from sandbox.github.shapes import repositories
from sandbox.github.site import current_site

if TYPE_CHECKING:
    from sandbox.github.database import Row
    from sandbox.github.git import Git

routes = Blueprint("commits", __name__)


@routes.get("/repos/<owner>/<repo>/commits")
def index(owner: str, repo: str) -> list[Any]:
    """List commits, newest first, of a branch and perhaps of one path."""
    site, row = current_site(), incoming.repository(owner, repo)
    git = site.git(row["id"])
    if not git.directory.exists() or not git.refs():
        raise conflict("Git Repository is empty.")
    start = resolved(git, request.args.get("sha") or row["default_branch"])
    found = commits.log(git, start, limit=1000, path=request.args.get("path"))
    return incoming.paged(found, lambda commit: shapes.commit(site, row, commit))


def resolved(git: Git, name: str) -> str:
    """Return the commit that a name means.

    Raises: ApiError 404 for an unknown name.
    """
    sha = git.commit_of(name)
    if sha is None:
        raise ApiError(404, "Not Found")
    return sha


@routes.get("/repos/<owner>/<repo>/commits/<path:ref>")
def show(owner: str, repo: str, ref: str) -> Any:
    """Show a commit with its files."""
    site, row = current_site(), incoming.repository(owner, repo)
    git = site.git(row["id"])
    sha = git.commit_of(ref)
    if sha is None:
        raise unprocessable(f"No commit found for SHA: {ref}")
    if "sha" in request.headers.get("Accept", "").split("application/vnd.github.")[-1].split("+")[0].split(
        "."
    ):
        return sha, 200, {"Content-Type": "application/vnd.github.sha"}
    commit = commits.read(git, sha)
    changes = diffs.between(git, commit.parents[0] if commit.parents else None, sha)
    added, deleted = sum(change.additions for change in changes), sum(change.deletions for change in changes)
    return shapes.commit(site, row, commit) | {
        "stats": {"total": added + deleted, "additions": added, "deletions": deleted},
        "files": [shapes.file_change(site, row, sha, change) for change in changes],
    }


@routes.get("/repos/<owner>/<repo>/compare/<path:basehead>")
def compare(owner: str, repo: str, basehead: str) -> dict[str, Any]:
    """Compare two commits, from where they parted."""
    row = incoming.repository(owner, repo)
    git = current_site().git(row["id"])
    base_name, dots, head_name = basehead.partition("...")
    if not dots:
        raise not_found()
    base, head = resolved(git, base_name.split(":")[-1]), resolved(git, head_name.split(":")[-1])
    fork_point = git.merge_base(base, head)
    if fork_point is None:
        raise ApiError(404, f"No common ancestor between {base_name} and {head_name}.")
    return _comparison(row, git, base, head, fork_point) | _addresses(row, basehead)


def _addresses(row: Row, basehead: str) -> dict[str, Any]:
    site = current_site()
    page = f"{repositories.html_url(site, row)}/compare/{basehead}"
    return {
        "url": f"{repositories.api_url(site, row)}/compare/{basehead}",
        "html_url": page,
        "permalink_url": page,
        "diff_url": f"{page}.diff",
        "patch_url": f"{page}.patch",
    }


def _comparison(row: Row, git: Git, base: str, head: str, fork_point: str) -> dict[str, Any]:
    site = current_site()
    ahead, behind = commits.count(git, f"{base}..{head}"), commits.count(git, f"{head}..{base}")
    words = {(False, False): "identical", (True, False): "ahead", (False, True): "behind"}
    return {
        "base_commit": shapes.commit_by_sha(site, row, base),
        "merge_base_commit": shapes.commit_by_sha(site, row, fork_point),
        "status": words.get((bool(ahead), bool(behind)), "diverged"),
        "ahead_by": ahead,
        "behind_by": behind,
        "total_commits": ahead,
        "commits": [shapes.commit(site, row, found) for found in commits.log(git, f"{base}..{head}")[::-1]],
        "files": [
            shapes.file_change(site, row, head, change) for change in diffs.between(git, fork_point, head)
        ],
    }
