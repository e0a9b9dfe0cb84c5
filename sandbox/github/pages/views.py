"""What the pages show, gathered from the database and git."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.github import commits, lookups, trees
from sandbox.github.pushes import BRANCHES
from sandbox.github.routes.statuses import summary
from sandbox.github.shapes import pulls as pull_shapes
from sandbox.github.shapes import repositories

if TYPE_CHECKING:
    from sandbox.github.commits import Commit
    from sandbox.github.database import Row
    from sandbox.github.git import Git
    from sandbox.github.site import Site

SHOWN = 10
_DEPLOYMENTS = (
    "SELECT d.*, s.state, s.environment_url, s.log_url, s.created_at AS changed_at FROM deployments d "
    "LEFT JOIN deployment_statuses s ON s.id = "
    "(SELECT max(id) FROM deployment_statuses WHERE deployment_id = d.id) "
    "WHERE d.repository_id = ? ORDER BY d.id DESC LIMIT ?"
)
_PULLS = (
    "SELECT p.*, a.login AS author FROM pulls p JOIN accounts a ON a.id = p.user_id "
    "WHERE p.repository_id = ? ORDER BY p.number DESC"
)
_COMMENTS = (
    "SELECT c.*, a.login AS author FROM comments c JOIN accounts a ON a.id = c.user_id "
    "WHERE c.repository_id = ? AND c.number = ? ORDER BY c.id"
)


def owners(site: Site) -> list[dict[str, Any]]:
    """Return every owner of a repository with all of them, latest pushed first."""
    query = (
        "SELECT r.*, a.login AS owner FROM repositories r JOIN accounts a ON a.id = r.owner_id "
        "ORDER BY a.login, r.pushed_at DESC, r.id DESC"
    )
    grouped: dict[str, list[Row]] = {}
    for row in site.database.all(query):
        grouped.setdefault(row["owner"], []).append(row)
    return [{"login": login, "repositories": rows} for login, rows in grouped.items()]


def overview(site: Site, row: Row) -> dict[str, Any]:
    """Return what a repository's first page shows; an empty repository has no listing."""
    git = site.git(row["id"])
    branches = git.refs(BRANCHES) if git.directory.exists() else {}
    head = branches.get(BRANCHES + row["default_branch"])
    found = commits.log(git, head, limit=SHOWN) if head else []
    return {
        "branches": {name.removeprefix(BRANCHES): sha for name, sha in branches.items()},
        "listing": listing(site, row, head) if head else [],
        "readme": _readme(git, head) if head else None,
        "commits": with_statuses(site, row, found),
        "deployments": deployments(site, row, limit=SHOWN),
        "pulls": [pull for pull in pull_requests(site, row) if pull["state"] == "open"],
        "clone_url": f"{site.url}/{row['owner']}/{row['name']}.git",
        "parent": _full_name(site, row["parent_id"]),
        "template_name": _full_name(site, row["template_id"]),
    }


def _full_name(site: Site, repository_id: int | None) -> str | None:
    row = lookups.repository_if_any(site, repository_id)
    return repositories.full_name(site, row) if row else None


def _readme(git: Git, head: str) -> str | None:
    entry = trees.at(git, head, "README.md")
    return git.blob(str(entry.sha)).decode(errors="replace") if entry and entry.kind == "blob" else None


def listing(site: Site, row: Row, treeish: str) -> list[trees.Entry]:
    """Return a directory's entries, directories first."""
    return sorted(
        trees.read(site.git(row["id"]), treeish), key=lambda entry: (entry.kind != "tree", entry.path)
    )


def statuses(site: Site, row: Row, sha: str) -> list[Row]:
    """Return the latest status of each context of a commit."""
    query = (
        "SELECT * FROM statuses WHERE id IN "
        "(SELECT max(id) FROM statuses WHERE repository_id = ? AND sha = ? GROUP BY context) ORDER BY context"
    )
    return site.database.all(query, row["id"], sha)


def with_statuses(site: Site, row: Row, found: list[Commit]) -> list[tuple[Commit, str | None]]:
    """Return commits, each with the sum of its statuses or None without any."""
    return [(commit, _sum(statuses(site, row, commit.sha))) for commit in found]


def _sum(rows: list[Row]) -> str | None:
    return summary({row["state"] for row in rows}) if rows else None


def deployments(site: Site, row: Row, *, limit: int) -> list[Row]:
    """Return deployments with their latest status, newest first."""
    return site.database.all(_DEPLOYMENTS, row["id"], limit)


def pull_requests(site: Site, row: Row) -> list[Row]:
    """Return every pull request with its author's login, newest first."""
    return site.database.all(_PULLS, row["id"])


def conversation(site: Site, row: Row, pull: Row) -> dict[str, Any]:
    """Return what a pull request's page shows."""
    git = site.git(row["id"])
    author = site.database.get("SELECT login FROM accounts WHERE id = ?", pull["user_id"])["login"]
    own = pull_shapes.own_commits(git, pull)
    return {
        "pull": pull | {"author": author},
        "comments": site.database.all(_COMMENTS, row["id"], pull["number"]),
        "commits": with_statuses(site, row, own),
        "statuses": statuses(site, row, pull["head_sha"]),
        "changes": pull_shapes.files(git, pull),
    }
