"""Actions secrets of repositories and environments: written sealed, never shown again.

https://docs.github.com/rest/actions/secrets
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from flask import Blueprint

from sandbox.github import clock, sealing
from sandbox.github.errors import not_found, unprocessable
from sandbox.github.routes import environments, incoming
from sandbox.github.site import current_site

if TYPE_CHECKING:
    from sandbox.github.database import Row

routes = Blueprint("secrets", __name__)
REPOSITORY = "/repos/<owner>/<repo>/actions/secrets"
ENVIRONMENT = "/repos/<owner>/<repo>/environments/<environment>/secrets"
MOST_BYTES = 48 * 1024
_NAME = re.compile(r"(?!GITHUB_)[A-Z_][A-Z0-9_]*")


def place(owner: str, repo: str, environment: str | None) -> tuple[int, int]:
    """Return the ids of the repository and of the environment (0 for none) that a URL names."""
    row = incoming.repository(owner, repo, "write")
    return row["id"], environments.found(row, environment)["id"] if environment else 0


def checked_name(name: str) -> str:
    """Return a name in capitals, as GitHub keeps it.

    Raises: ApiError 422 for one that GitHub refuses.
    """
    if not _NAME.fullmatch(name.upper()):
        raise unprocessable(
            f"{name!r} is no good name: letters, digits and _ only, no digit first, no GITHUB_ first"
        )
    return name.upper()


def _shape(row: Row) -> dict[str, Any]:
    return {name: row[name] for name in ("name", "created_at", "updated_at")}


@routes.get(REPOSITORY, defaults={"environment": None})
@routes.get(ENVIRONMENT)
def index(owner: str, repo: str, environment: str | None) -> dict[str, Any]:
    """List the names of the secrets."""
    query = "SELECT * FROM secrets WHERE repository_id = ? AND environment_id = ? ORDER BY name"
    rows = current_site().database.all(query, *place(owner, repo, environment))
    return {"total_count": len(rows), "secrets": incoming.paged(rows, _shape)}


@routes.get(f"{REPOSITORY}/public-key", defaults={"environment": None})
@routes.get(f"{ENVIRONMENT}/public-key")
def show_key(owner: str, repo: str, environment: str | None) -> dict[str, str]:
    """Show the key to seal values with."""
    key = sealing.private_key(current_site(), *place(owner, repo, environment))
    return {"key_id": sealing.key_id(key), "key": sealing.public_key(key)}


@routes.get(f"{REPOSITORY}/<name>", defaults={"environment": None})
@routes.get(f"{ENVIRONMENT}/<name>")
def show(owner: str, repo: str, environment: str | None, name: str) -> dict[str, Any]:
    """Show when a secret was set."""
    return _shape(_found(*place(owner, repo, environment), name))


def _found(repository_id: int, environment_id: int, name: str) -> Row:
    query = "SELECT * FROM secrets WHERE repository_id = ? AND environment_id = ? AND name = ?"
    row = current_site().database.one(query, repository_id, environment_id, name.upper())
    if row is None:
        raise not_found()
    return row


@routes.put(f"{REPOSITORY}/<name>", defaults={"environment": None})
@routes.put(f"{ENVIRONMENT}/<name>")
def put(owner: str, repo: str, environment: str | None, name: str) -> tuple[Any, int]:
    """Keep a secret; 201 for a new one, 204 for a changed one."""
    site, given = current_site(), incoming.body()
    repository_id, environment_id = place(owner, repo, environment)
    name = checked_name(name)
    key = sealing.private_key(site, repository_id, environment_id)
    if incoming.required(given, "key_id", "Secret", str) != sealing.key_id(key):
        raise unprocessable("key_id does not match the repository's public key")
    value = sealing.opened(key, incoming.required(given, "encrypted_value", "Secret", str))
    if len(value.encode()) > MOST_BYTES:
        raise unprocessable("Secrets are limited to 48 KB in size")
    return ("", 204) if keep("secrets", repository_id, environment_id, name, value) else ({}, 201)


def keep(table: str, repository_id: int, environment_id: int, name: str, value: str) -> bool:
    """Set a named value and return whether there was one before."""
    database = current_site().database
    query = f"SELECT id FROM {table} WHERE repository_id = ? AND environment_id = ? AND name = ?"  # noqa: S608 - ours
    place_columns = {"repository_id": repository_id, "environment_id": environment_id}
    with database.transaction():
        row = database.one(query, repository_id, environment_id, name)
        if row:
            database.update(table, row["id"], value=value, updated_at=clock.now())
        else:
            times = {"created_at": clock.now(), "updated_at": clock.now()}
            database.insert(table, **place_columns, name=name, value=value, **times)
    return row is not None


@routes.delete(f"{REPOSITORY}/<name>", defaults={"environment": None})
@routes.delete(f"{ENVIRONMENT}/<name>")
def delete(owner: str, repo: str, environment: str | None, name: str) -> tuple[str, int]:
    """Forget a secret."""
    row = _found(*place(owner, repo, environment), name)
    current_site().database.execute("DELETE FROM secrets WHERE id = ?", row["id"])
    return "", 204
