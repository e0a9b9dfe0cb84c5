"""Hooks and their deliveries as JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sandbox.github import lookups
from sandbox.github.shapes import accounts, repositories

if TYPE_CHECKING:
    from sandbox.github.database import Row
    from sandbox.github.site import Site


def config(row: Row) -> dict[str, Any]:
    """Return where and how a hook is sent, without its secret."""
    secret = {"secret": "********"} if row["secret"] else {}
    return {
        "content_type": row["content_type"],
        "insecure_ssl": row["insecure_ssl"],
        "url": row["url"],
    } | secret


def _base(site: Site, row: Row) -> str:
    if row["repository_id"]:
        repository = lookups.repository(site, row["repository_id"])
        return f"{repositories.api_url(site, repository)}/hooks/{row['id']}"
    return f"{site.api_url}/orgs/{accounts.account(site, row['org_id'])['login']}/hooks/{row['id']}"


def hook(site: Site, row: Row) -> dict[str, Any]:
    """Return a hook."""
    url = _base(site, row)
    return {
        "type": "Repository" if row["repository_id"] else "Organization",
        "id": row["id"],
        "name": "web",
        "active": bool(row["active"]),
        "events": json.loads(row["events"]),
        "config": config(row),
        "updated_at": row["updated_at"],
        "created_at": row["created_at"],
        "url": url,
        "test_url": f"{url}/test",
        "ping_url": f"{url}/pings",
        "deliveries_url": f"{url}/deliveries",
        "last_response": {
            "code": row["last_code"],
            "status": row["last_status"],
            "message": row["last_message"],
        },
    }


def pinged(site: Site, row: Row) -> dict[str, Any]:
    """Return a hook as its own ping carries it."""
    return hook(site, row) | {"last_response": {"code": None, "status": "unused", "message": None}}


def delivery(row: Row) -> dict[str, Any]:
    """Return a delivery as lists show it."""
    return {
        "id": row["id"],
        "guid": row["guid"],
        "delivered_at": row["delivered_at"],
        "redelivery": bool(row["redelivery"]),
        "duration": row["duration"],
        "status": row["status"],
        "status_code": row["status_code"],
        "event": row["event"],
        "action": row["action"],
        "installation_id": row["installation_id"],
        "repository_id": row["repository_id"],
        "throttled_at": None,
    }


def full_delivery(row: Row, url: str) -> dict[str, Any]:
    """Return a delivery with what was sent and what came back."""
    return delivery(row) | {
        "url": url,
        "request": {"headers": json.loads(row["request_headers"]), "payload": json.loads(row["body"])},
        "response": {"headers": json.loads(row["response_headers"]), "payload": row["response_body"]},
    }
