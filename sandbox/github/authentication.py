"""Reading the Authorization header: a token as token, bearer or Basic password, or an App's own JWT."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING

from sandbox.github import actors, appkeys
from sandbox.github.actors import Actor
from sandbox.github.errors import ApiError

if TYPE_CHECKING:
    from sandbox.github.database import Row
    from sandbox.github.site import Site


def actor(site: Site, header: str | None) -> Actor:
    """Return who the header says is asking; nobody in particular without one.

    Raises: ApiError 401 for a token that is unknown or has expired.
    """
    token = credential(header)
    if token is None:
        return Actor()
    found = actors.by_token(site, token)
    if found is None:
        raise ApiError(401, "Bad credentials")
    return found


def app(site: Site, header: str | None) -> Row:
    """Return the App whose JWT the header carries.

    Raises: ApiError 401 when it is not signed by a registered App, or expired.
    """
    return appkeys.verify(site, credential(header) or "")


def credential(header: str | None) -> str | None:
    """Return the token in a header, or None when there is no header.

    Raises: ApiError 401 for a header that cannot be read.
    """
    if not header:
        return None
    scheme, _, rest = header.partition(" ")
    if scheme.lower() in {"token", "bearer"}:
        return rest.strip()
    if scheme.lower() == "basic":
        return _password(rest)
    raise ApiError(401, "Bad credentials")


def _password(encoded: str) -> str:
    try:
        text = base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise ApiError(401, "Bad credentials") from None
    name, _, password = text.partition(":")
    return name if password in {"", "x-oauth-basic"} else password
