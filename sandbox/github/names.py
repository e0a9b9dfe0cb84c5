"""Repositories' names and how a repository comes to be."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from sandbox.github import clock, lookups
from sandbox.github.errors import ApiError

if TYPE_CHECKING:
    from sandbox.github.database import Row
    from sandbox.github.site import Site

_ALLOWED = re.compile(r"[A-Za-z0-9._-]{1,100}")
_RESERVED = (".", "..", ".git", ".wiki")


def check(site: Site, owner: Row, name: str, *, except_id: int = 0) -> None:
    """Refuse a name that GitHub would refuse.

    Raises: ApiError 422 with GitHub's body.
    """
    query = "SELECT id FROM repositories WHERE owner_id = ? AND name = ? AND id != ?"
    if not _ALLOWED.fullmatch(name) or name in _RESERVED or name.endswith((".git", ".wiki")):
        raise _refusal("name is invalid")
    if site.database.one(query, owner["id"], name, except_id):
        raise _refusal("name already exists on this account")


def _refusal(message: str) -> ApiError:
    error = {"resource": "Repository", "code": "custom", "field": "name", "message": message}
    return ApiError(422, "Repository creation failed.", [error])


def free(site: Site, owner: Row, wanted: str) -> str:
    """Return the name, with the first number behind it that makes it free."""
    taken = {
        row["name"].lower()
        for row in site.database.all("SELECT name FROM repositories WHERE owner_id = ?", owner["id"])
    }
    candidates = (wanted if number == 0 else f"{wanted}-{number}" for number in range(len(taken) + 1))
    return next(name for name in candidates if name.lower() not in taken)


def insert(site: Site, owner: Row, name: str, **columns: Any) -> Row:
    """Add a repository's row; a former name that is used again no longer redirects."""
    at = clock.now()
    times = {"created_at": at, "updated_at": at, "pushed_at": at}
    with site.database.transaction():
        site.database.execute("DELETE FROM former_names WHERE owner_id = ? AND name = ?", owner["id"], name)
        new_id = site.database.insert("repositories", owner_id=owner["id"], name=name, **times, **columns)
        return lookups.repository(site, new_id)
