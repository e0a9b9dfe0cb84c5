"""The applications that people may let act for them; one is there from the start.

Its client id and secret are made up once and written to ``oauth.json``. Scopes are told, not enforced.
https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps
"""

from __future__ import annotations

import hmac
import json
import secrets
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from sandbox.github import actors, clock
from sandbox.github.files import write_private

if TYPE_CHECKING:
    from sandbox.github.database import Row
    from sandbox.github.site import Site

NAME = "Branchline"
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


def seed(site: Site) -> None:
    """Have the application; may run at every start."""
    path = site.settings.directory / "oauth.json"
    if path.exists() and site.database.one("SELECT id FROM oauth_clients"):
        return
    client_id, secret = "Ov23li" + secrets.token_hex(7), secrets.token_hex(20)
    site.database.insert(
        "oauth_clients",
        client_id=client_id,
        secret=actors.digest(secret),
        name=NAME,
        callback_url="http://127.0.0.1/",
        created_at=clock.now(),
    )
    write_private(path, json.dumps({"clientId": client_id, "clientSecret": secret}, indent=2))


def by_id(site: Site, client_id: str) -> Row | None:
    """Return an application by its client id."""
    return site.database.one("SELECT * FROM oauth_clients WHERE client_id = ?", client_id)


def has_secret(client: Row, secret: str) -> bool:
    """Tell whether this is the application's secret."""
    return hmac.compare_digest(client["secret"], actors.digest(secret))


def may_return_to(client: Row, address: str) -> bool:
    """Tell whether an address lies below the application's callback; on loopback any port will do."""
    known, asked = urlsplit(client["callback_url"]), urlsplit(address)
    if asked.scheme != known.scheme or ".." in asked.path or asked.username is not None:
        return False
    if known.hostname in LOOPBACK:
        same_place = asked.hostname in LOOPBACK
    else:
        same_place = (asked.hostname, asked.port) == (known.hostname, known.port)
    return same_place and asked.path.startswith(known.path)
