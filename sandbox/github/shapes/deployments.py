"""Commit statuses, deployments and environments as JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from sandbox.github.shapes import accounts, repositories

if TYPE_CHECKING:
    from sandbox.github.database import Row
    from sandbox.github.site import Site


def status(site: Site, repository: Row, row: Row) -> dict[str, Any]:
    """Return a commit status."""
    creator = accounts.user_by_id(site, row["creator_id"])
    return {
        "url": f"{repositories.api_url(site, repository)}/statuses/{row['sha']}",
        "avatar_url": creator["avatar_url"],
        "id": row["id"],
        "node_id": accounts.node_id("SC", row["id"]),
        "state": row["state"],
        "description": row["description"],
        "target_url": row["target_url"],
        "context": row["context"],
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
        "creator": creator,
    }


def deployment(site: Site, repository: Row, row: Row) -> dict[str, Any]:
    """Return a deployment."""
    api = repositories.api_url(site, repository)
    url = f"{api}/deployments/{row['id']}"
    return {
        "url": url,
        "id": row["id"],
        "node_id": accounts.node_id("DE", row["id"]),
        "sha": row["sha"],
        "ref": row["ref"],
        "task": row["task"],
        "payload": json.loads(row["payload"]),
        "original_environment": row["environment"],
        "environment": row["environment"],
        "description": row["description"],
        "creator": accounts.user_by_id(site, row["creator_id"]),
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
        "statuses_url": f"{url}/statuses",
        "repository_url": api,
        "transient_environment": bool(row["transient"]),
        "production_environment": bool(row["production"]),
        "performed_via_github_app": None,
    }


def deployment_status(site: Site, repository: Row, row: Row) -> dict[str, Any]:
    """Return a deployment's status."""
    api = repositories.api_url(site, repository)
    url = f"{api}/deployments/{row['deployment_id']}"
    return {
        "url": f"{url}/statuses/{row['id']}",
        "id": row["id"],
        "node_id": accounts.node_id("DES", row["id"]),
        "state": row["state"],
        "creator": accounts.user_by_id(site, row["creator_id"]),
        "description": row["description"],
        "environment": row["environment"],
        "target_url": row["log_url"],
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
        "deployment_url": url,
        "repository_url": api,
        "environment_url": row["environment_url"],
        "log_url": row["log_url"],
        "performed_via_github_app": None,
    }


def environment(site: Site, repository: Row, row: Row) -> dict[str, Any]:
    """Return an environment."""
    api, page = repositories.api_url(site, repository), repositories.html_url(site, repository)
    name, rules = quote(row["name"], safe=""), []
    if row["wait_timer"]:
        rules.append({"id": row["id"], "node_id": accounts.node_id("GA", row["id"]), **_wait(row)})
    return {
        "id": row["id"],
        "node_id": accounts.node_id("EN", row["id"]),
        "name": row["name"],
        "url": f"{api}/environments/{name}",
        "html_url": f"{page}/deployments/activity_log?environments_filter={name}",
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
        "can_admins_bypass": True,
        "protection_rules": rules,
        "deployment_branch_policy": json.loads(row["branch_policy"]) if row["branch_policy"] else None,
    }


def _wait(row: Row) -> dict[str, Any]:
    return {"type": "wait_timer", "wait_timer": row["wait_timer"]}
