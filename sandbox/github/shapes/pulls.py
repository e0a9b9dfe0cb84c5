"""Pull requests, their issues and their comments as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.github import actors, commits, diffs, lookups
from sandbox.github.shapes import accounts, reactions, repositories

if TYPE_CHECKING:
    from sandbox.github.database import Row
    from sandbox.github.git import Git
    from sandbox.github.site import Site

_BLANK: dict[str, Any] = {
    "assignee": None,
    "assignees": [],
    "requested_reviewers": [],
    "requested_teams": [],
    "labels": [],
    "milestone": None,
    "auto_merge": None,
    "active_lock_reason": None,
    "locked": False,
}


def simple(site: Site, row: Row) -> dict[str, Any]:
    """Return a pull request as lists show it."""
    repository = lookups.repository(site, row["repository_id"])
    links = _links(site, row, repository)
    return (
        links
        | _BLANK
        | {
            "id": row["id"],
            "node_id": accounts.node_id("PR", row["id"]),
            "number": row["number"],
            "state": row["state"],
            "title": row["title"],
            "user": accounts.user_by_id(site, row["user_id"]),
            "body": row["body"],
            "created_at": row["created_at"],
            "updated_at": row["updated_at"],
            "closed_at": row["closed_at"],
            "merged_at": row["merged_at"],
            "merge_commit_sha": row["merge_commit_sha"],
            "draft": bool(row["draft"]),
            "head": _side(site, row["head_repository_id"], row["head_ref"], row["head_sha"]),
            "base": _side(site, row["repository_id"], row["base_ref"], row["base_sha"]),
            "_links": _hal(links),
            "author_association": association(site, row["user_id"], repository),
        }
    )


def _links(site: Site, row: Row, repository: Row) -> dict[str, Any]:
    api, page = repositories.api_url(site, repository), repositories.html_url(site, repository)
    url, html = f"{api}/pulls/{row['number']}", f"{page}/pull/{row['number']}"
    return {
        "url": url,
        "html_url": html,
        "diff_url": f"{html}.diff",
        "patch_url": f"{html}.patch",
        "issue_url": f"{api}/issues/{row['number']}",
        "commits_url": f"{url}/commits",
        "review_comments_url": f"{url}/comments",
        "review_comment_url": f"{api}/pulls/comments{{/number}}",
        "comments_url": f"{api}/issues/{row['number']}/comments",
        "statuses_url": f"{api}/statuses/{row['head_sha']}",
    }


def _hal(links: dict[str, Any]) -> dict[str, Any]:
    names = {
        "self": "url",
        "html": "html_url",
        "issue": "issue_url",
        "comments": "comments_url",
        "review_comments": "review_comments_url",
        "review_comment": "review_comment_url",
        "commits": "commits_url",
        "statuses": "statuses_url",
    }
    return {name: {"href": links[key]} for name, key in names.items()}


def _side(site: Site, repository_id: int | None, ref: str, sha: str) -> dict[str, Any]:
    repository = lookups.repository_if_any(site, repository_id)
    if repository is None:
        return {"label": f"unknown:{ref}", "ref": ref, "sha": sha, "user": None, "repo": None}
    owner = accounts.user_by_id(site, repository["owner_id"])
    shape = repositories.common(site, repository) | repositories.merging(repository)
    return {"label": f"{owner['login']}:{ref}", "ref": ref, "sha": sha, "user": owner, "repo": shape}


def full(site: Site, row: Row) -> dict[str, Any]:
    """Return a pull request as ``GET /pulls/{number}`` shows it."""
    git = site.git(row["repository_id"])
    merger = row["merged_by_id"]
    return (
        simple(site, row)
        | _sizes(git, row)
        | {
            "merged": bool(row["merged"]),
            "mergeable": None if row["state"] == "closed" else bool(row["mergeable"]),
            "rebaseable": None if row["state"] == "closed" else bool(row["mergeable"]),
            "mergeable_state": "unknown"
            if row["state"] == "closed"
            else "clean"
            if row["mergeable"]
            else "dirty",
            "merged_by": accounts.user_by_id(site, merger) if merger else None,
            "comments": site.database.count(
                "SELECT count(*) FROM comments WHERE repository_id = ? AND number = ?",
                row["repository_id"],
                row["number"],
            ),
            "review_comments": 0,
            "maintainer_can_modify": False,
        }
    )


webhook = full


def _sizes(git: Git, row: Row) -> dict[str, int]:
    changes = files(git, row)
    return {
        "commits": len(own_commits(git, row)),
        "additions": sum(change.additions for change in changes),
        "deletions": sum(change.deletions for change in changes),
        "changed_files": len(changes),
    }


def files(git: Git, row: Row) -> list[diffs.FileChange]:
    """Return what a pull request changes, seen from where its branch left the base."""
    base = git.merge_base(row["base_sha"], row["head_sha"])
    return diffs.between(git, base, row["head_sha"])


def own_commits(git: Git, row: Row) -> list[commits.Commit]:
    """Return a pull request's commits, oldest first."""
    return commits.log(git, f"{row['base_sha']}..{row['head_sha']}")[::-1]


def association(site: Site, account_id: int, repository: Row) -> str:
    """Return how somebody belongs to a repository."""
    if repository["owner_id"] == account_id:
        return "OWNER"
    if actors.member_role(site, repository["owner_id"], account_id):
        return "MEMBER"
    known = {
        "COLLABORATOR": "SELECT 1 FROM collaborators WHERE repository_id = ? AND account_id = ?",
        "CONTRIBUTOR": "SELECT 1 FROM pulls WHERE repository_id = ? AND user_id = ? AND merged = 1",
    }
    place = (repository["id"], account_id)
    return next((word for word, query in known.items() if site.database.one(query, *place)), "NONE")


_SHARED_WITH_ISSUES = [
    "id",
    "number",
    "title",
    "state",
    "locked",
    "user",
    "body",
    "labels",
    "assignee",
    "assignees",
    "milestone",
    "created_at",
    "updated_at",
    "closed_at",
    "author_association",
    "active_lock_reason",
    "draft",
    "html_url",
]


def issue(site: Site, row: Row) -> dict[str, Any]:
    """Return a pull request as the issue that it also is."""
    pull = full(site, row)
    links = ("url", "html_url", "diff_url", "patch_url", "merged_at")
    url = pull["issue_url"]
    return {name: pull[name] for name in _SHARED_WITH_ISSUES} | {
        "url": url,
        "repository_url": url.rsplit("/issues/", 1)[0],
        "labels_url": f"{url}/labels{{/name}}",
        "comments_url": f"{url}/comments",
        "events_url": f"{url}/events",
        "timeline_url": f"{url}/timeline",
        "node_id": accounts.node_id("I", row["id"]),
        "comments": pull["comments"],
        "reactions": reactions.summary(site, url),
        "performed_via_github_app": None,
        "state_reason": None,
        "pull_request": {name: pull[name] for name in links},
    }


def comment(site: Site, row: Row) -> dict[str, Any]:
    """Return a comment."""
    repository = lookups.repository(site, row["repository_id"])
    api, page = repositories.api_url(site, repository), repositories.html_url(site, repository)
    url = f"{api}/issues/comments/{row['id']}"
    return {
        "url": url,
        "html_url": f"{page}/pull/{row['number']}#issuecomment-{row['id']}",
        "issue_url": f"{api}/issues/{row['number']}",
        "id": row["id"],
        "node_id": accounts.node_id("IC", row["id"]),
        "user": accounts.user_by_id(site, row["user_id"]),
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
        "author_association": association(site, row["user_id"], repository),
        "body": row["body"],
        "reactions": reactions.summary(site, url, row["id"]),
        "performed_via_github_app": None,
    }
