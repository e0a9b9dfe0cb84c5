"""GitHub Apps and their installations as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.github.shapes import accounts

if TYPE_CHECKING:
    from sandbox.github.database import Row
    from sandbox.github.site import Site

PERMISSIONS = {
    "actions": "write",
    "administration": "write",
    "contents": "write",
    "deployments": "write",
    "environments": "write",
    "issues": "write",
    "metadata": "read",
    "pull_requests": "write",
    "repository_hooks": "write",
    "secrets": "write",
    "statuses": "write",
    "workflows": "write",
    "actions_variables": "write",
}
EVENTS = [
    "create",
    "delete",
    "deployment",
    "deployment_status",
    "issue_comment",
    "pull_request",
    "push",
    "repository",
    "status",
    "workflow_run",
]


def app(site: Site, row: Row) -> dict[str, Any]:
    """Return an App as it sees itself."""
    count = site.database.count("SELECT count(*) FROM installations WHERE app_id = ?", row["id"])
    return {
        "id": row["id"],
        "slug": row["slug"],
        "node_id": accounts.node_id("A", row["id"]),
        "client_id": client_id(row["id"]),
        "owner": accounts.user_by_id(site, row["owner_id"]),
        "name": row["name"],
        "description": None,
        "external_url": site.url,
        "html_url": f"{site.url}/apps/{row['slug']}",
        "created_at": row["created_at"],
        "updated_at": row["created_at"],
        "permissions": PERMISSIONS,
        "events": EVENTS,
        "installations_count": count,
    }


def client_id(app_id: int) -> str:
    """Return the name that a JWT may give as its issuer instead of the id."""
    return f"Iv23li{app_id:014d}"


def installation(site: Site, row: Row) -> dict[str, Any]:
    """Return an App's installation on an account."""
    app_row = site.database.get("SELECT * FROM apps WHERE id = ?", row["app_id"])
    account = accounts.account(site, row["account_id"])
    page = f"{site.url}/organizations/{account['login']}/settings/installations/{row['id']}"
    return {
        "id": row["id"],
        "account": accounts.user(site, account),
        "repository_selection": "all",
        "access_tokens_url": f"{site.api_url}/app/installations/{row['id']}/access_tokens",
        "repositories_url": f"{site.api_url}/installation/repositories",
        "html_url": page,
        "app_id": row["app_id"],
        "client_id": client_id(row["app_id"]),
        "app_slug": app_row["slug"],
        "target_id": account["id"],
        "target_type": account["type"],
        "permissions": PERMISSIONS,
        "events": EVENTS,
        "created_at": row["created_at"],
        "updated_at": row["created_at"],
        "single_file_name": None,
        "suspended_by": None,
        "suspended_at": None,
    }
