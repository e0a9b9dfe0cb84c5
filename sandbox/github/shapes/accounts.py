"""Users and organisations as JSON."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sandbox.github.database import Row
    from sandbox.github.site import Site

_USER_PATHS = {
    "followers_url": "/followers",
    "following_url": "/following{/other_user}",
    "gists_url": "/gists{/gist_id}",
    "starred_url": "/starred{/owner}{/repo}",
    "subscriptions_url": "/subscriptions",
    "organizations_url": "/orgs",
    "repos_url": "/repos",
    "events_url": "/events{/privacy}",
    "received_events_url": "/received_events",
}
_ORGANIZATION_PATHS = {
    "repos_url": "/repos",
    "events_url": "/events",
    "hooks_url": "/hooks",
    "issues_url": "/issues",
    "members_url": "/members{/member}",
    "public_members_url": "/public_members{/member}",
}


def node_id(kind: str, number: int) -> str:
    """Return an opaque global id."""
    return f"{kind}_" + base64.urlsafe_b64encode(f"sandbox:{number}".encode()).decode().rstrip("=")


def account(site: Site, account_id: int) -> Row:
    """Return the row of an account."""
    return site.database.get("SELECT * FROM accounts WHERE id = ?", account_id)


def by_login(site: Site, login: str) -> Row | None:
    """Return the account with this login, or None."""
    return site.database.one("SELECT * FROM accounts WHERE login = ?", login)


def user(site: Site, row: Row) -> dict[str, Any]:
    """Return the short form that stands wherever an account is mentioned."""
    url = f"{site.api_url}/users/{row['login']}"
    page = (
        f"{site.url}/apps/{row['login'].removesuffix('[bot]')}"
        if row["type"] == "Bot"
        else f"{site.url}/{row['login']}"
    )
    return {
        "login": row["login"],
        "id": row["id"],
        "node_id": node_id("O" if row["type"] == "Organization" else "U", row["id"]),
        "avatar_url": f"{site.url}/avatars/u/{row['id']}",
        "gravatar_id": "",
        "url": url,
        "html_url": page,
        **{name: url + path for name, path in _USER_PATHS.items()},
        "type": row["type"],
        "site_admin": False,
    }


def user_by_id(site: Site, account_id: int) -> dict[str, Any]:
    """Return the short form of an account known by its id."""
    return user(site, account(site, account_id))


def user_by_email(site: Site, email: str) -> dict[str, Any] | None:
    """Return the account that owns an address in a commit, or None."""
    row = site.database.one("SELECT * FROM accounts WHERE email = ?", email)
    return user(site, row) if row else None


def organization(site: Site, row: Row) -> dict[str, Any]:
    """Return the short form of an organisation."""
    url = f"{site.api_url}/orgs/{row['login']}"
    return {
        "login": row["login"],
        "id": row["id"],
        "node_id": node_id("O", row["id"]),
        "url": url,
        **{name: url + path for name, path in _ORGANIZATION_PATHS.items()},
        "avatar_url": f"{site.url}/avatars/u/{row['id']}",
        "description": None,
    }


def public_user(site: Site, row: Row) -> dict[str, Any]:
    """Return a user as ``GET /users/{login}`` shows it."""
    blank = dict.fromkeys(("company", "location", "hireable", "bio"))
    return (
        user(site, row)
        | blank
        | {
            "name": row["name"],
            "blog": "",
            "email": row["email"],
            "public_repos": _public_repositories(site, row["id"]),
            "public_gists": 0,
            "followers": 0,
            "following": 0,
            "created_at": row["created_at"],
            "updated_at": row["created_at"],
        }
    )


def private_user(site: Site, row: Row) -> dict[str, Any]:
    """Return a user as they see themselves."""
    count = "SELECT count(*) FROM repositories WHERE owner_id = ? AND private = 1"
    private = site.database.count(count, row["id"])
    return public_user(site, row) | {
        "private_gists": 0,
        "total_private_repos": private,
        "owned_private_repos": private,
        "disk_usage": 0,
        "collaborators": 0,
        "two_factor_authentication": True,
    }


def full_organization(site: Site, row: Row) -> dict[str, Any]:
    """Return an organisation as ``GET /orgs/{org}`` shows it."""
    return organization(site, row) | {
        "html_url": f"{site.url}/{row['login']}",
        "has_organization_projects": True,
        "has_repository_projects": True,
        "public_repos": _public_repositories(site, row["id"]),
        "public_gists": 0,
        "followers": 0,
        "following": 0,
        "type": "Organization",
        "default_repository_permission": "write",
        "created_at": row["created_at"],
        "updated_at": row["created_at"],
        "archived_at": None,
    }


def _public_repositories(site: Site, account_id: int) -> int:
    return site.database.count(
        "SELECT count(*) FROM repositories WHERE owner_id = ? AND private = 0", account_id
    )
