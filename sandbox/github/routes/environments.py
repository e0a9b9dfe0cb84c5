"""Environments; reviewers are not modelled."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from flask import Blueprint

from sandbox.github import clock
from sandbox.github.errors import invalid, not_found
from sandbox.github.routes import incoming
from sandbox.github.shapes import deployments as shapes
from sandbox.github.site import current_site

if TYPE_CHECKING:
    from sandbox.github.database import Row

routes = Blueprint("environments", __name__)
MOST_WAIT_MINUTES = 43200


def found(row: Row, name: str) -> Row:
    """Return an environment.

    Raises: ApiError 404.
    """
    query = "SELECT * FROM environments WHERE repository_id = ? AND name = ?"
    environment = current_site().database.one(query, row["id"], name)
    if environment is None:
        raise not_found()
    return environment


def ensure(row: Row, name: str) -> None:
    """Have an environment; deployments create theirs by naming them."""
    times = {"created_at": clock.now(), "updated_at": clock.now()}
    database = current_site().database
    if not database.one("SELECT id FROM environments WHERE repository_id = ? AND name = ?", row["id"], name):
        database.insert("environments", repository_id=row["id"], name=name, **times)


@routes.get("/repos/<owner>/<repo>/environments")
def index(owner: str, repo: str) -> dict[str, Any]:
    """List the environments."""
    site, row = current_site(), incoming.repository(owner, repo)
    rows = site.database.all("SELECT * FROM environments WHERE repository_id = ? ORDER BY name", row["id"])
    page = incoming.paged(rows, lambda environment: shapes.environment(site, row, environment))
    return {"total_count": len(rows), "environments": page}


@routes.get("/repos/<owner>/<repo>/environments/<name>")
def show(owner: str, repo: str, name: str) -> dict[str, Any]:
    """Show an environment."""
    row = incoming.repository(owner, repo)
    return shapes.environment(current_site(), row, found(row, name))


@routes.put("/repos/<owner>/<repo>/environments/<name>")
def put(owner: str, repo: str, name: str) -> dict[str, Any]:
    """Create or change an environment."""
    site, row, given = current_site(), incoming.repository(owner, repo, "admin"), incoming.body()
    policy = incoming.optional(given, "deployment_branch_policy", "Environment", dict)
    wait = incoming.optional(given, "wait_timer", "Environment", int) or 0
    if not 0 <= wait <= MOST_WAIT_MINUTES:
        raise invalid("Environment", "wait_timer", "invalid")
    if policy and policy.get("protected_branches") == policy.get("custom_branch_policies"):
        raise invalid("Environment", "deployment_branch_policy", "invalid")
    with site.database.transaction():
        ensure(row, name)
        kept = json.dumps(policy) if policy else None
        environment_id = found(row, name)["id"]
        columns = {"wait_timer": wait, "branch_policy": kept, "updated_at": clock.now()}
        site.database.update("environments", environment_id, **columns)
    return shapes.environment(site, row, found(row, name))


@routes.delete("/repos/<owner>/<repo>/environments/<name>")
def delete(owner: str, repo: str, name: str) -> tuple[str, int]:
    """Delete an environment with its secrets and variables."""
    database, row = current_site().database, incoming.repository(owner, repo, "admin")
    environment = found(row, name)
    with database.transaction():
        database.execute("DELETE FROM secrets WHERE environment_id = ?", environment["id"])
        database.execute("DELETE FROM variables WHERE environment_id = ?", environment["id"])
        database.execute("DELETE FROM sealing_keys WHERE environment_id = ?", environment["id"])
        database.execute("DELETE FROM environments WHERE id = ?", environment["id"])
    return "", 204
