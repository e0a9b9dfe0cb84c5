"""Actions variables of repositories and environments.

https://docs.github.com/rest/actions/variables
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Blueprint

from sandbox.github import clock
from sandbox.github.errors import conflict, not_found
from sandbox.github.routes import incoming
from sandbox.github.routes.secrets import checked_name, keep, place
from sandbox.github.site import current_site

if TYPE_CHECKING:
    from sandbox.github.database import Row

routes = Blueprint("variables", __name__)
REPOSITORY = "/repos/<owner>/<repo>/actions/variables"
ENVIRONMENT = "/repos/<owner>/<repo>/environments/<environment>/variables"


def _shape(row: Row) -> dict[str, Any]:
    return {name: row[name] for name in ("name", "value", "created_at", "updated_at")}


@routes.get(REPOSITORY, defaults={"environment": None})
@routes.get(ENVIRONMENT)
def index(owner: str, repo: str, environment: str | None) -> dict[str, Any]:
    """List the variables."""
    query = "SELECT * FROM variables WHERE repository_id = ? AND environment_id = ? ORDER BY name"
    rows = current_site().database.all(query, *place(owner, repo, environment))
    return {"total_count": len(rows), "variables": incoming.paged(rows, _shape)}


@routes.post(REPOSITORY, defaults={"environment": None})
@routes.post(ENVIRONMENT)
def create(owner: str, repo: str, environment: str | None) -> tuple[dict[str, Any], int]:
    """Set a new variable."""
    given, where = incoming.body(), place(owner, repo, environment)
    name = checked_name(incoming.required(given, "name", "Variable", str))
    value = incoming.required(given, "value", "Variable", str)
    if _row(*where, name):
        raise conflict("Already exists - Variable already exists")
    keep("variables", *where, name, value)
    return {}, 201


def _row(repository_id: int, environment_id: int, name: str) -> Row | None:
    query = "SELECT * FROM variables WHERE repository_id = ? AND environment_id = ? AND name = ?"
    return current_site().database.one(query, repository_id, environment_id, name.upper())


def _found(owner: str, repo: str, environment: str | None, name: str) -> Row:
    row = _row(*place(owner, repo, environment), name)
    if row is None:
        raise not_found()
    return row


@routes.get(f"{REPOSITORY}/<name>", defaults={"environment": None})
@routes.get(f"{ENVIRONMENT}/<name>")
def show(owner: str, repo: str, environment: str | None, name: str) -> dict[str, Any]:
    """Show a variable."""
    return _shape(_found(owner, repo, environment, name))


@routes.patch(f"{REPOSITORY}/<name>", defaults={"environment": None})
@routes.patch(f"{ENVIRONMENT}/<name>")
def change(owner: str, repo: str, environment: str | None, name: str) -> tuple[str, int]:
    """Change a variable's value or name."""
    given, row = incoming.body(), _found(owner, repo, environment, name)
    value = incoming.optional(given, "value", "Variable", str)
    new_name = checked_name(incoming.optional(given, "name", "Variable", str) or row["name"])
    columns = {"value": row["value"] if value is None else value, "name": new_name, "updated_at": clock.now()}
    current_site().database.update("variables", row["id"], **columns)
    return "", 204


@routes.delete(f"{REPOSITORY}/<name>", defaults={"environment": None})
@routes.delete(f"{ENVIRONMENT}/<name>")
def delete(owner: str, repo: str, environment: str | None, name: str) -> tuple[str, int]:
    """Forget a variable."""
    current_site().database.execute(
        "DELETE FROM variables WHERE id = ?", _found(owner, repo, environment, name)["id"]
    )
    return "", 204
