"""Branches and tags as lists; making and moving them is ``git_refs``' part."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from flask import Blueprint

from sandbox.github.errors import ApiError
from sandbox.github.pushes import BRANCHES, TAGS
from sandbox.github.routes import incoming
from sandbox.github.shapes import commits as shapes
from sandbox.github.shapes import repositories
from sandbox.github.site import current_site

if TYPE_CHECKING:
    from sandbox.github.database import Row

routes = Blueprint("branches", __name__)


def _refs(row: Row, prefix: str) -> list[tuple[str, str]]:
    git = current_site().git(row["id"])
    return sorted(git.refs(prefix).items()) if git.directory.exists() else []


@routes.get("/repos/<owner>/<repo>/branches")
def index(owner: str, repo: str) -> list[Any]:
    """List the branches."""
    row = incoming.repository(owner, repo)
    api = repositories.api_url(current_site(), row)
    return incoming.paged(_refs(row, BRANCHES), lambda pair: _short(api, *pair))


def _short(api: str, name: str, sha: str) -> dict[str, Any]:
    branch = name.removeprefix(BRANCHES)
    return {
        "name": branch,
        "commit": {"sha": sha, "url": f"{api}/commits/{sha}"},
        "protected": False,
        "protection": _UNPROTECTED,
        "protection_url": f"{api}/branches/{quote(branch)}/protection",
    }


_UNPROTECTED = {
    "enabled": False,
    "required_status_checks": {"enforcement_level": "off", "contexts": [], "checks": []},
}


@routes.get("/repos/<owner>/<repo>/branches/<path:branch>")
def show(owner: str, repo: str, branch: str) -> dict[str, Any]:
    """Show a branch with its commit."""
    site, row = current_site(), incoming.repository(owner, repo)
    sha = dict(_refs(row, BRANCHES)).get(BRANCHES + branch)
    if sha is None:
        raise ApiError(404, "Branch not found")
    api, page = repositories.api_url(site, row), repositories.html_url(site, row)
    return _short(api, branch, sha) | {
        "commit": shapes.commit_by_sha(site, row, sha),
        "_links": {"self": f"{api}/branches/{quote(branch)}", "html": f"{page}/tree/{quote(branch)}"},
    }


@routes.get("/repos/<owner>/<repo>/tags")
def tags(owner: str, repo: str) -> list[Any]:
    """List the tags."""
    row = incoming.repository(owner, repo)
    api = repositories.api_url(current_site(), row)
    return incoming.paged(_refs(row, TAGS), lambda pair: _tag(api, *pair))


def _tag(api: str, name: str, sha: str) -> dict[str, Any]:
    tag = name.removeprefix(TAGS)
    return {
        "name": tag,
        "commit": {"sha": sha, "url": f"{api}/commits/{sha}"},
        "zipball_url": f"{api}/zipball/{name}",
        "tarball_url": f"{api}/tarball/{name}",
        "node_id": f"T_{sha}",
    }
