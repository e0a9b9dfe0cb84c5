"""What is exchanged for a token: the code of the web flow, and the pair of codes of the device flow.

Errors are GitHub's words, answered with status 200 as GitHub does.
https://docs.github.com/en/apps/oauth-apps/maintaining-oauth-apps/troubleshooting-oauth-app-access-token-request-errors
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sandbox.github import actors

if TYPE_CHECKING:
    from sandbox.github.database import Row
    from sandbox.github.site import Site

CODE_SECONDS = 600
DEVICE_SECONDS = 900
INTERVAL_SECONDS = 5
SLOWER_SECONDS = 5
_LETTERS = "BCDFGHJKLMNPQRSTVWXZ"


class GrantError(Exception):
    """Why there is no token; `word` is GitHub's name of it."""

    def __init__(self, word: str, description: str, **facts: object) -> None:
        super().__init__(description)
        self.body = {"error": word, "error_description": description, **facts}


@dataclass(frozen=True)
class Asked:
    """What an application asked a person for."""

    client_id: str
    redirect_uri: str
    scope: str
    challenge: str


def give_code(site: Site, account: Row, asked: Asked) -> str:
    """Return a code that is good for ten minutes and one use."""
    code = secrets.token_hex(10)
    site.database.insert(
        "oauth_codes",
        digest=actors.digest(code),
        client_id=asked.client_id,
        account_id=account["id"],
        redirect_uri=asked.redirect_uri,
        scope=asked.scope,
        challenge=asked.challenge,
        expires_at=time.time() + CODE_SECONDS,
    )
    return code


def use_code(site: Site, client: Row, code: str, redirect_uri: str, verifier: str) -> tuple[str, str]:
    """Return a token and its scope for a code, once.

    Raises: GrantError.
    """
    with site.database.transaction():
        row = site.database.one("SELECT * FROM oauth_codes WHERE digest = ?", actors.digest(code))
        site.database.execute("DELETE FROM oauth_codes WHERE digest = ?", actors.digest(code))
    bad = GrantError("bad_verification_code", "The code passed is incorrect or expired.")
    if row is None or row["client_id"] != client["client_id"] or row["expires_at"] < time.time():
        raise bad
    if redirect_uri and redirect_uri != row["redirect_uri"]:
        word = "redirect_uri_mismatch"
        raise GrantError(
            word, "The redirect_uri MUST match the registered callback URL for this application."
        )
    if row["challenge"] and not hmac.compare_digest(row["challenge"], _challenge_of(verifier)):
        raise bad  # what GitHub says here is not documented
    return actors.issue_token(site, row["account_id"], actors.OAUTH), row["scope"]


def _challenge_of(verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def give_device_codes(site: Site, client_id: str, scope: str) -> tuple[str, str]:
    """Return the device's code and the one that a person types in."""
    device_code = secrets.token_hex(20)
    letters = "".join(secrets.choice(_LETTERS) for _ in range(8))
    user_code = f"{letters[:4]}-{letters[4:]}"
    site.database.insert(
        "device_codes",
        digest=actors.digest(device_code),
        user_code=user_code,
        client_id=client_id,
        scope=scope,
        state="pending",
        interval=INTERVAL_SECONDS,
        polled_at=0.0,
        expires_at=time.time() + DEVICE_SECONDS,
    )
    return device_code, user_code


def device(site: Site, user_code: str) -> Row | None:
    """Return what waits for a person to type this in."""
    query = "SELECT * FROM device_codes WHERE user_code = ? AND state = 'pending' AND expires_at > ?"
    return site.database.one(query, user_code.strip().upper(), time.time())


def decide(site: Site, row: Row, account: Row, *, is_allowed: bool) -> None:
    """Write down what a person decided about a device."""
    state = "allowed" if is_allowed else "denied"
    site.database.update("device_codes", row["id"], state=state, account_id=account["id"])


def use_device_code(site: Site, client: Row, device_code: str) -> tuple[str, str]:
    """Return a token and its scope once the person has allowed it.

    Raises: GrantError, also while the person has not decided.
    """
    with site.database.transaction():
        row = site.database.one("SELECT * FROM device_codes WHERE digest = ?", actors.digest(device_code))
        if row is None or row["client_id"] != client["client_id"]:
            raise GrantError("incorrect_device_code", "The device_code provided is not valid.")
        if row["expires_at"] < time.time() or row["state"] == "used":
            raise GrantError("expired_token", "The device_code has expired.")
        if row["state"] == "allowed":
            site.database.update("device_codes", row["id"], state="used")
            return actors.issue_token(site, row["account_id"], actors.OAUTH), row["scope"]
    if row["state"] == "denied":
        raise GrantError("access_denied", "The authorization request was denied.")
    raise _pending(site, row)


def _pending(site: Site, row: Row) -> GrantError:
    """Note a question that came before its answer; whoever asks too often has to ask more slowly."""
    now = time.time()
    is_too_soon = now - row["polled_at"] < row["interval"]
    interval = row["interval"] + (SLOWER_SECONDS if is_too_soon else 0)
    site.database.update("device_codes", row["id"], polled_at=now, interval=interval)
    if is_too_soon:
        return GrantError("slow_down", "Too many requests have been made.", interval=interval)
    return GrantError("authorization_pending", "The authorization request is still pending.")
