"""GitHub Apps' JWTs: RS256, at most ten minutes, issued by an App whose public key is registered here.

https://docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import jwt

from sandbox.github.errors import ApiError
from sandbox.github.shapes.apps import client_id

if TYPE_CHECKING:
    from sandbox.github.database import Row
    from sandbox.github.site import Site

LONGEST_SECONDS = 600
CLOCK_DRIFT_SECONDS = 60


def verify(site: Site, token: str) -> Row:
    """Return the App that signed a JWT.

    Raises: ApiError 401, with GitHub's wording of what is wrong.
    """
    row = _issuer(site, token)
    try:
        claims = jwt.decode(
            token,
            row["public_key"],
            algorithms=["RS256"],
            options={"require": ["exp", "iat", "iss"], "verify_aud": False, "verify_iss": False},
            leeway=CLOCK_DRIFT_SECONDS,
        )
    except jwt.ExpiredSignatureError:
        raise ApiError(401, "'Expiration time' claim ('exp') is too far in the past") from None
    except jwt.PyJWTError:
        raise ApiError(401, "A JSON web token could not be decoded") from None
    if claims["exp"] - claims["iat"] > LONGEST_SECONDS + CLOCK_DRIFT_SECONDS:
        raise ApiError(401, "'Expiration time' claim ('exp') is too far in the future")
    return row


def _issuer(site: Site, token: str) -> Row:
    try:
        claims = jwt.decode(token, options={"verify_signature": False})
    except jwt.PyJWTError:
        raise ApiError(401, "A JSON web token could not be decoded") from None
    issuer = str(claims.get("iss"))
    apps = site.database.all("SELECT * FROM apps")
    row = next((one for one in apps if issuer in {str(one["id"]), client_id(one["id"])}), None)
    if row is None:
        raise ApiError(401, "Integration not found")
    return row
