"""Deployments and their statuses.

https://docs.github.com/rest/deployments
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from flask import Blueprint, request

from sandbox.github import clock, events
from sandbox.github.errors import ApiError, invalid, not_found
from sandbox.github.routes import incoming
from sandbox.github.routes.environments import ensure
from sandbox.github.routes.statuses import summary
from sandbox.github.shapes import deployments as shapes
from sandbox.github.site import current_site

if TYPE_CHECKING:
    from sandbox.github.database import Row

routes = Blueprint("deployments", __name__)
STATES = ("error", "failure", "inactive", "in_progress", "queued", "pending", "success")
_FILTERS = ("sha", "ref", "task", "environment")


@routes.get("/repos/<owner>/<repo>/deployments")
def index(owner: str, repo: str) -> list[Any]:
    """List deployments, newest first."""
    site, row = current_site(), incoming.repository(owner, repo)
    found = site.database.all("SELECT * FROM deployments WHERE repository_id = ? ORDER BY id DESC", row["id"])
    wanted = {name: request.args[name] for name in _FILTERS if request.args.get(name, "none") != "none"}
    matching = [one for one in found if all(one[name] == value for name, value in wanted.items())]
    return incoming.paged(matching, lambda one: shapes.deployment(site, row, one))


@routes.post("/repos/<owner>/<repo>/deployments")
def create(owner: str, repo: str) -> tuple[dict[str, Any], int]:
    """Ask for a deployment of a ref."""
    site, row, given = current_site(), incoming.repository(owner, repo, "write"), incoming.body()
    ref = incoming.required(given, "ref", "Deployment", str)
    sha = site.git(row["id"]).commit_of(ref)
    if sha is None:
        raise ApiError(422, f"No ref found for: {ref}")
    _check_contexts(row, sha, given)
    columns = _columns(given)
    with site.database.transaction():
        ensure(row, columns["environment"])
        new_id = site.database.insert("deployments", repository_id=row["id"], ref=ref, sha=sha, **columns)
        deployment = _by_id(row, new_id)
        shape = shapes.deployment(site, row, deployment)
        payload = {"action": "created", "deployment": shape, "workflow": None, "workflow_run": None}
        events.emit(site, "deployment", row, payload, incoming.actor())
    return shape, 201


def _check_contexts(row: Row, sha: str, given: dict[str, Any]) -> None:
    """Refuse a commit whose statuses are not green, unless the caller asks for other contexts or none."""
    contexts = incoming.optional(given, "required_contexts", "Deployment", list)
    query = "SELECT context, state FROM statuses WHERE repository_id = ? AND sha = ? ORDER BY id"
    latest = {one["context"]: one["state"] for one in current_site().database.all(query, row["id"], sha)}
    states = set(latest.values()) if contexts is None else {latest.get(name, "missing") for name in contexts}
    if states and (summary(states) != "success" or "missing" in states):
        error = {
            "contexts": sorted(latest),
            "resource": "Deployment",
            "field": "required_contexts",
            "code": "invalid",
        }
        raise ApiError(409, "Conflict: Commit status checks failed for the ref.", [error])


def _columns(given: dict[str, Any]) -> dict[str, Any]:
    environment = incoming.optional(given, "environment", "Deployment", str) or "production"
    is_production = environment == "production"
    return {
        "task": incoming.optional(given, "task", "Deployment", str) or "deploy",
        "payload": json.dumps(given.get("payload") or {}),
        "environment": environment,
        "description": incoming.optional(given, "description", "Deployment", str),
        "transient": incoming.flag(given, "transient_environment", "Deployment", default=False),
        "production": incoming.flag(given, "production_environment", "Deployment", default=is_production),
        "creator_id": incoming.signed_in()["id"],
        "created_at": clock.now(),
        "updated_at": clock.now(),
    }


def _by_id(row: Row, deployment_id: int) -> Row:
    query = "SELECT * FROM deployments WHERE repository_id = ? AND id = ?"
    found = current_site().database.one(query, row["id"], deployment_id)
    if found is None:
        raise not_found()
    return found


@routes.get("/repos/<owner>/<repo>/deployments/<int:deployment_id>")
def show(owner: str, repo: str, deployment_id: int) -> dict[str, Any]:
    """Show a deployment."""
    row = incoming.repository(owner, repo)
    return shapes.deployment(current_site(), row, _by_id(row, deployment_id))


@routes.delete("/repos/<owner>/<repo>/deployments/<int:deployment_id>")
def delete(owner: str, repo: str, deployment_id: int) -> tuple[str, int]:
    """Delete a deployment that is not active, or the only one there is."""
    site, row = current_site(), incoming.repository(owner, repo, "write")
    deployment = _by_id(row, deployment_id)
    others = site.database.count("SELECT count(*) FROM deployments WHERE repository_id = ?", row["id"]) > 1
    if others and _latest_state(deployment) not in {None, "inactive", "error", "failure"}:
        reason = "We cannot delete an active deployment unless it is the only one in its environment."
        raise ApiError(422, "Validation Failed", [reason])
    site.database.execute("DELETE FROM deployments WHERE id = ?", deployment["id"])
    return "", 204


def _latest_state(deployment: Row) -> str | None:
    query = "SELECT state FROM deployment_statuses WHERE deployment_id = ? ORDER BY id DESC LIMIT 1"
    found = current_site().database.one(query, deployment["id"])
    return found["state"] if found else None


@routes.get("/repos/<owner>/<repo>/deployments/<int:deployment_id>/statuses")
def statuses(owner: str, repo: str, deployment_id: int) -> list[Any]:
    """List a deployment's statuses, newest first."""
    site, row = current_site(), incoming.repository(owner, repo)
    query = "SELECT * FROM deployment_statuses WHERE deployment_id = ? ORDER BY id DESC"
    found = site.database.all(query, _by_id(row, deployment_id)["id"])
    return incoming.paged(found, lambda status: shapes.deployment_status(site, row, status))


@routes.get("/repos/<owner>/<repo>/deployments/<int:deployment_id>/statuses/<int:status_id>")
def show_status(owner: str, repo: str, deployment_id: int, status_id: int) -> dict[str, Any]:
    """Show one status of a deployment."""
    site, row = current_site(), incoming.repository(owner, repo)
    query = "SELECT * FROM deployment_statuses WHERE deployment_id = ? AND id = ?"
    found = site.database.one(query, _by_id(row, deployment_id)["id"], status_id)
    if found is None:
        raise not_found()
    return shapes.deployment_status(site, row, found)


@routes.post("/repos/<owner>/<repo>/deployments/<int:deployment_id>/statuses")
def create_status(owner: str, repo: str, deployment_id: int) -> tuple[dict[str, Any], int]:
    """Say how a deployment fares; success makes earlier ones in its environment inactive."""
    site, row, given = current_site(), incoming.repository(owner, repo, "write"), incoming.body()
    deployment = _by_id(row, deployment_id)
    columns = _status_columns(deployment, given)
    auto = incoming.flag(given, "auto_inactive", "DeploymentStatus", default=True)
    with site.database.transaction():
        environment = columns["environment"]
        if environment != deployment["environment"]:
            ensure(row, environment)
        site.database.update("deployments", deployment["id"], environment=environment, updated_at=clock.now())
        status = _add_status(row, deployment["id"], columns)
        if auto and columns["state"] == "success":
            _retire_earlier(row, _by_id(row, deployment_id))
    return shapes.deployment_status(site, row, status), 201


def _status_columns(deployment: Row, given: dict[str, Any]) -> dict[str, Any]:
    state = incoming.required(given, "state", "DeploymentStatus", str)
    if state not in STATES:
        raise invalid("DeploymentStatus", "state", "custom", f"state must be one of {', '.join(STATES)}")
    log_url = given.get("log_url") or given.get("target_url") or ""
    texts = {name: incoming.optional(given, name, "DeploymentStatus", str) or "" for name in _TEXTS}
    environment = (
        incoming.optional(given, "environment", "DeploymentStatus", str) or deployment["environment"]
    )
    account = incoming.signed_in()
    return {
        "state": state,
        "log_url": log_url,
        "environment": environment,
        "creator_id": account["id"],
        **texts,
    }


_TEXTS = ("description", "environment_url")


def _add_status(row: Row, deployment_id: int, columns: dict[str, Any]) -> Row:
    site = current_site()
    times = {"created_at": clock.now(), "updated_at": clock.now()}
    new_id = site.database.insert("deployment_statuses", deployment_id=deployment_id, **columns, **times)
    status = site.database.get("SELECT * FROM deployment_statuses WHERE id = ?", new_id)
    payload = {
        "action": "created",
        "deployment_status": shapes.deployment_status(site, row, status),
        "deployment": shapes.deployment(site, row, _by_id(row, deployment_id)),
    }
    events.emit(site, "deployment_status", row, payload, incoming.actor())
    return status


def _retire_earlier(row: Row, deployment: Row) -> None:
    """Make the earlier non-transient deployments of an environment inactive."""
    query = (
        "SELECT * FROM deployments WHERE repository_id = ? AND environment = ? AND id < ? AND transient = 0 "
        "ORDER BY id"
    )
    earlier = current_site().database.all(query, row["id"], deployment["environment"], deployment["id"])
    for one in earlier:
        if _latest_state(one) == "success":
            columns = {"state": "inactive", "description": "", "environment_url": "", "log_url": ""}
            creator = {"environment": one["environment"], "creator_id": incoming.signed_in()["id"]}
            _add_status(row, one["id"], columns | creator)
