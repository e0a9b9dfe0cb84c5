"""Repositories as JSON: short, full, and as webhooks carry them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.github import actors, clock, lookups
from sandbox.github.shapes import accounts

if TYPE_CHECKING:
    from sandbox.github.actors import Actor
    from sandbox.github.database import Row
    from sandbox.github.site import Site

_PATHS = {
    "forks_url": "/forks",
    "keys_url": "/keys{/key_id}",
    "collaborators_url": "/collaborators{/collaborator}",
    "teams_url": "/teams",
    "hooks_url": "/hooks",
    "issue_events_url": "/issues/events{/number}",
    "events_url": "/events",
    "assignees_url": "/assignees{/user}",
    "branches_url": "/branches{/branch}",
    "tags_url": "/tags",
    "blobs_url": "/git/blobs{/sha}",
    "git_tags_url": "/git/tags{/sha}",
    "git_refs_url": "/git/refs{/sha}",
    "trees_url": "/git/trees{/sha}",
    "statuses_url": "/statuses/{sha}",
    "languages_url": "/languages",
    "stargazers_url": "/stargazers",
    "contributors_url": "/contributors",
    "subscribers_url": "/subscribers",
    "subscription_url": "/subscription",
    "commits_url": "/commits{/sha}",
    "git_commits_url": "/git/commits{/sha}",
    "comments_url": "/comments{/number}",
    "issue_comment_url": "/issues/comments{/number}",
    "contents_url": "/contents/{+path}",
    "compare_url": "/compare/{base}...{head}",
    "merges_url": "/merges",
    "archive_url": "/{archive_format}{/ref}",
    "downloads_url": "/downloads",
    "issues_url": "/issues{/number}",
    "pulls_url": "/pulls{/number}",
    "milestones_url": "/milestones{/number}",
    "notifications_url": "/notifications{?since,all,participating}",
    "labels_url": "/labels{/name}",
    "releases_url": "/releases{/id}",
    "deployments_url": "/deployments",
}


def full_name(site: Site, row: Row) -> str:
    """Return ``owner/name``."""
    return f"{accounts.account(site, row['owner_id'])['login']}/{row['name']}"


def api_url(site: Site, row: Row) -> str:
    """Return the repository's address in the API."""
    return f"{site.api_url}/repos/{full_name(site, row)}"


def html_url(site: Site, row: Row) -> str:
    """Return the address of the repository's page."""
    return f"{site.url}/{full_name(site, row)}"


def simple(site: Site, row: Row) -> dict[str, Any]:
    """Return what every form of a repository has."""
    url, page = api_url(site, row), html_url(site, row)
    return {
        "id": row["id"],
        "node_id": accounts.node_id("R", row["id"]),
        "name": row["name"],
        "full_name": full_name(site, row),
        "private": bool(row["private"]),
        "owner": accounts.user_by_id(site, row["owner_id"]),
        "html_url": page,
        "description": row["description"],
        "fork": row["parent_id"] is not None,
        "url": url,
        **{name: url + path for name, path in _PATHS.items()},
    }


def common(site: Site, row: Row) -> dict[str, Any]:
    """Return what lists, single repositories and webhooks share."""
    return (
        simple(site, row)
        | _addresses(site, row)
        | _counts(site, row)
        | {
            "created_at": row["created_at"],
            "updated_at": row["updated_at"],
            "pushed_at": row["pushed_at"],
            "homepage": row["homepage"],
            "language": None,
            "has_issues": bool(row["has_issues"]),
            "has_projects": bool(row["has_projects"]),
            "has_downloads": True,
            "has_wiki": bool(row["has_wiki"]),
            "has_pages": False,
            "has_discussions": False,
            "mirror_url": None,
            "archived": bool(row["archived"]),
            "disabled": False,
            "license": None,
            "allow_forking": True,
            "is_template": bool(row["is_template"]),
            "web_commit_signoff_required": False,
            "topics": [],
            "custom_properties": {},
            "visibility": "private" if row["private"] else "public",
            "default_branch": row["default_branch"],
        }
    )


def _addresses(site: Site, row: Row) -> dict[str, Any]:
    page = html_url(site, row)
    host = site.url.removeprefix("http://")
    return {
        "git_url": f"git://{host}/{full_name(site, row)}.git",
        "ssh_url": f"git@{host.split(':')[0]}:{full_name(site, row)}.git",
        "clone_url": f"{page}.git",
        "svn_url": page,
    }


def _counts(site: Site, row: Row) -> dict[str, Any]:
    forks = site.database.count("SELECT count(*) FROM repositories WHERE parent_id = ?", row["id"])
    pulls = "SELECT count(*) FROM pulls WHERE repository_id = ? AND state = 'open'"
    issues = site.database.count(pulls, row["id"])
    return {
        "size": site.git(row["id"]).size_kilobytes(),
        "stargazers_count": 0,
        "watchers_count": 0,
        "watchers": 0,
        "forks_count": forks,
        "forks": forks,
        "open_issues_count": issues,
        "open_issues": issues,
    }


def listed(site: Site, row: Row, actor: Actor) -> dict[str, Any]:
    """Return a repository as lists show it to somebody."""
    return common(site, row) | {"permissions": permissions(site, row, actor)}


def permissions(site: Site, row: Row, actor: Actor) -> dict[str, bool]:
    """Return GitHub's five permissions of somebody."""
    level = actors.LEVELS.index(actors.permission(site, actor, row))
    admin, write, read = (level >= actors.LEVELS.index(name) for name in ("admin", "write", "read"))
    return {"admin": admin, "maintain": admin, "push": write, "triage": write, "pull": read}


def full(site: Site, row: Row, actor: Actor) -> dict[str, Any]:
    """Return a repository as ``GET /repos/{owner}/{repo}`` shows it to somebody."""
    owner = accounts.account(site, row["owner_id"])
    result = (
        listed(site, row, actor)
        | merging(row)
        | {
            "network_count": site.database.count(
                "SELECT count(*) FROM repositories WHERE source_id = ?", row["source_id"] or row["id"]
            ),
            "subscribers_count": 0,
            "temp_clone_token": None,
        }
    )
    if owner["type"] == "Organization":
        result["organization"] = accounts.user(site, owner)
    return result | _relatives(site, row)


def merging(row: Row) -> dict[str, Any]:
    """Return the ways in which pull requests may be merged."""
    return {
        "allow_squash_merge": bool(row["allow_squash_merge"]),
        "allow_merge_commit": bool(row["allow_merge_commit"]),
        "allow_rebase_merge": False,
        "allow_auto_merge": False,
        "delete_branch_on_merge": bool(row["delete_branch_on_merge"]),
        "allow_update_branch": False,
        "use_squash_pr_title_as_default": False,
        "squash_merge_commit_title": "COMMIT_OR_PR_TITLE",
        "squash_merge_commit_message": "COMMIT_MESSAGES",
        "merge_commit_title": "MERGE_MESSAGE",
        "merge_commit_message": "PR_TITLE",
    }


def _relatives(site: Site, row: Row) -> dict[str, Any]:
    columns = {"parent": "parent_id", "source": "source_id", "template_repository": "template_id"}
    found = {}
    for name, column in columns.items():
        relative = lookups.repository_if_any(site, row[column])
        if relative:
            found[name] = common(site, relative)
    return found


def webhook(site: Site, row: Row) -> dict[str, Any]:
    """Return a repository as webhooks carry it."""
    return common(site, row)


def push_webhook(site: Site, row: Row) -> dict[str, Any]:
    """Return a repository as push webhooks carry it: times as numbers, an owner with a name."""
    owner = accounts.account(site, row["owner_id"])
    result = common(site, row) | {
        "url": html_url(site, row),
        "created_at": clock.seconds(row["created_at"]),
        "pushed_at": clock.seconds(row["pushed_at"]),
        "stargazers": 0,
        "master_branch": row["default_branch"],
        "owner": {"name": owner["login"], "email": owner["email"]} | accounts.user(site, owner),
    }
    if owner["type"] == "Organization":
        result["organization"] = owner["login"]
    return result
