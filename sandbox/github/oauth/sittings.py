"""Who sits at the browser: a cookie that names an account until somebody signs out."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from flask import request

from sandbox.github import actors, clock
from sandbox.github.site import current_site

if TYPE_CHECKING:
    from flask import Response

    from sandbox.github.database import Row

COOKIE = "sandbox_github_session"


def people() -> list[Row]:
    """Return everybody who may sit down."""
    found = current_site().database.all("SELECT * FROM accounts WHERE type = 'User' ORDER BY login")
    return [row for row in found if row["login"] != current_site().settings.bot]


def sit_down(account: Row, response: Response) -> None:
    """Give the browser a cookie for an account."""
    secret = secrets.token_urlsafe(32)
    current_site().database.insert(
        "sittings", digest=actors.digest(secret), account_id=account["id"], created_at=clock.now()
    )
    response.set_cookie(COOKIE, secret, httponly=True, samesite="Lax")


def sitting() -> Row | None:
    """Return the account of the browser's cookie, or None."""
    digest = actors.digest(request.cookies.get(COOKIE, ""))
    query = "SELECT a.* FROM accounts a JOIN sittings s ON s.account_id = a.id WHERE s.digest = ?"
    return current_site().database.one(query, digest)


def form_key() -> str:
    """Return what a form of this browser carries, so that no other web site can send it."""
    return actors.digest("form:" + request.cookies.get(COOKIE, ""))


def stand_up(response: Response) -> None:
    """Forget the browser."""
    digest = actors.digest(request.cookies.get(COOKIE, ""))
    current_site().database.execute("DELETE FROM sittings WHERE digest = ?", digest)
    response.delete_cookie(COOKIE)
