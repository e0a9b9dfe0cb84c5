"""Who is asking, and what they may do to a repository.

An actor is an account that came with a token. Passwords, scopes and single sign-on are not modelled: a
person's token may do what the person may do.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sandbox.github import clock

if TYPE_CHECKING:
    from sandbox.github.database import Row
    from sandbox.github.site import Site

LEVELS = ("none", "read", "write", "admin")
MEMBERS_PERMISSION = "write"
PERSONAL, OAUTH, JOB, INSTALLATION = "personal", "oauth", "job", "installation"
_PREFIXES = {PERSONAL: "ghp_", OAUTH: "gho_", JOB: "ghs_", INSTALLATION: "ghs_"}


@dataclass(frozen=True)
class Actor:
    """An account and the token it showed; the account of an anonymous actor is None."""

    account: Row | None = None
    kind: str = PERSONAL
    token_id: int = 0
    repository_id: int | None = None
    installation_id: int | None = None
    repository_ids: frozenset[int] | None = None
    read_only: bool = False

    @property
    def starts_runs(self) -> bool:
        """Tell whether what this actor does may start workflow runs."""
        return self.kind != JOB


def digest(token: str) -> str:
    """Return what is kept of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def issue_token(site: Site, account_id: int, kind: str, **limits: object) -> str:
    """Make a token for an account and return it; only its digest is kept."""
    token = _PREFIXES[kind] + secrets.token_hex(18)
    site.database.insert("tokens", digest=digest(token), account_id=account_id, kind=kind, **limits)
    return token


def by_token(site: Site, token: str) -> Actor | None:
    """Return who holds a token, or None when it is unknown or has expired."""
    row = site.database.one("SELECT * FROM tokens WHERE digest = ?", digest(token))
    if row is None or (row["expires_at"] and row["expires_at"] < clock.now()):
        return None
    chosen = row["repositories"]
    return Actor(
        account=site.database.get("SELECT * FROM accounts WHERE id = ?", row["account_id"]),
        kind=row["kind"],
        token_id=row["id"],
        repository_id=row["repository_id"],
        installation_id=row["installation_id"],
        repository_ids=frozenset(map(int, chosen.split(","))) if chosen else None,
        read_only=bool(row["read_only"]),
    )


def by_login(site: Site, login: str) -> Actor:
    """Return the actor that somebody is when the site itself acts for them."""
    return Actor(account=site.database.get("SELECT * FROM accounts WHERE login = ?", login))


def permission(site: Site, actor: Actor, repository: Row) -> str:
    """Return none, read, write or admin."""
    granted = _granted(site, actor, repository)
    public = "none" if repository["private"] else "read"
    best = max(granted, public, key=LEVELS.index)
    return min(best, "read", key=LEVELS.index) if actor.read_only else best


def may(site: Site, actor: Actor, repository: Row, needed: str) -> bool:
    """Tell whether the actor has at least this permission."""
    return LEVELS.index(permission(site, actor, repository)) >= LEVELS.index(needed)


def _granted(site: Site, actor: Actor, repository: Row) -> str:
    if actor.account is None:
        return "none"
    if actor.kind == JOB:
        return "write" if actor.repository_id == repository["id"] else "none"
    if actor.kind == INSTALLATION:
        return _installed(site, actor, repository)
    return account_permission(site, actor.account["id"], repository)


def _installed(site: Site, actor: Actor, repository: Row) -> str:
    chosen = actor.repository_ids is None or repository["id"] in actor.repository_ids
    return "admin" if chosen and covers(site, actor, repository["owner_id"]) else "none"


def covers(site: Site, actor: Actor, owner_id: int) -> bool:
    """Tell whether an installation's token is for this owner."""
    installation = site.database.one("SELECT * FROM installations WHERE id = ?", actor.installation_id)
    return installation is not None and bool(installation["account_id"] == owner_id)


def account_permission(site: Site, account_id: int, repository: Row) -> str:
    """Return what an account may do, by ownership, membership or invitation."""
    if repository["owner_id"] == account_id:
        return "admin"
    invited = site.database.one(
        "SELECT permission FROM collaborators WHERE repository_id = ? AND account_id = ?",
        repository["id"],
        account_id,
    )
    role = member_role(site, repository["owner_id"], account_id)
    by_role = {"admin": "admin", "member": MEMBERS_PERMISSION}.get(role or "", "none")
    return max(by_role, invited["permission"] if invited else "none", key=LEVELS.index)


def member_role(site: Site, org_id: int, account_id: int) -> str | None:
    """Return admin or member, or None for an outsider."""
    row = site.database.one(
        "SELECT role FROM members WHERE org_id = ? AND account_id = ?", org_id, account_id
    )
    return row["role"] if row else None
