"""Finding a repository by its id, its name, or a name that it once had."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sandbox.github.database import Row
    from sandbox.github.site import Site

_BY_NAME = (
    "SELECT r.* FROM repositories r JOIN accounts a ON a.id = r.owner_id WHERE a.login = ? AND r.name = ?"
)
_BY_FORMER_NAME = (
    "SELECT r.* FROM former_names f JOIN accounts a ON a.id = f.owner_id "
    "JOIN repositories r ON r.id = f.repository_id WHERE a.login = ? AND f.name = ?"
)


def repository(site: Site, repository_id: int) -> Row:
    """Return the repository that must be there."""
    return site.database.get("SELECT * FROM repositories WHERE id = ?", repository_id)


def repository_if_any(site: Site, repository_id: int | None) -> Row | None:
    """Return a repository, or None when it is gone or never was."""
    return site.database.one("SELECT * FROM repositories WHERE id = ?", repository_id)


def by_name(site: Site, owner: str, name: str) -> Row | None:
    """Return the repository that bears a name now."""
    return site.database.one(_BY_NAME, owner, name)


def by_former_name(site: Site, owner: str, name: str) -> Row | None:
    """Return the repository that bore a name before it was renamed."""
    return site.database.one(_BY_FORMER_NAME, owner, name)
