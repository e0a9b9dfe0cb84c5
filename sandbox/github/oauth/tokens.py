"""The addresses that applications ask for tokens: the exchange, the device's codes, and the way back.

Answers are form-encoded unless JSON is asked for, as GitHub's are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from flask import Blueprint, Response, jsonify, request

from sandbox.github import actors
from sandbox.github.oauth import clients, codes
from sandbox.github.oauth.codes import GrantError
from sandbox.github.site import current_site

if TYPE_CHECKING:
    from sandbox.github.database import Row

routes = Blueprint("oauth_tokens", __name__)
_DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"


@routes.errorhandler(GrantError)
def _refused(error: GrantError) -> Response:
    return _answer(error.body)


@routes.post("/login/oauth/access_token")
def exchange() -> Response:
    """Give a token for a code."""
    given = _given()
    site, client = current_site(), _client(given)
    if given.get("grant_type") == _DEVICE_GRANT:
        token, scope = codes.use_device_code(site, client, given.get("device_code", ""))
    elif given.get("grant_type", "authorization_code") != "authorization_code":
        raise GrantError("unsupported_grant_type", "The grant type is not supported.")
    else:
        _check_secret(client, given)
        token, scope = codes.use_code(
            site, client, given.get("code", ""), given.get("redirect_uri", ""), given.get("code_verifier", "")
        )
    return _answer({"access_token": token, "token_type": "bearer", "scope": scope})


@routes.post("/login/device/code")
def device_code() -> Response:
    """Begin a device's flow."""
    given = _given()
    client = _client(given)
    device, user = codes.give_device_codes(current_site(), client["client_id"], given.get("scope", ""))
    return _answer(
        {
            "device_code": device,
            "user_code": user,
            "verification_uri": f"{current_site().url}/login/device",
            "expires_in": codes.DEVICE_SECONDS,
            "interval": codes.INTERVAL_SECONDS,
        }
    )


@routes.delete("/api/v3/applications/<client_id>/token")
def revoke(client_id: str) -> tuple[str, int]:
    """Take a token back; the application says who it is by Basic."""
    told, client = request.authorization, clients.by_id(current_site(), client_id)
    secret = (told.password if told else None) or ""
    if told is None or client is None or told.username != client_id or not clients.has_secret(client, secret):
        return "", 404
    token = str((request.get_json(silent=True) or {}).get("access_token", ""))
    current_site().database.execute(
        "DELETE FROM tokens WHERE digest = ? AND kind = ?", actors.digest(token), actors.OAUTH
    )
    return "", 204


def _given() -> dict[str, str]:
    body = request.get_json(silent=True) if request.is_json else None
    given = body if isinstance(body, dict) else request.values.to_dict()
    return {name: str(value) for name, value in given.items()}


def _client(given: dict[str, str]) -> Row:
    client = clients.by_id(current_site(), given.get("client_id", ""))
    if client is None:
        raise _incorrect()
    return client


def _check_secret(client: Row, given: dict[str, str]) -> None:
    if not clients.has_secret(client, given.get("client_secret", "")):
        raise _incorrect()


def _incorrect() -> GrantError:
    return GrantError(
        "incorrect_client_credentials", "The client_id and/or client_secret passed are incorrect."
    )


def _answer(body: dict[str, Any]) -> Response:
    if "json" in request.headers.get("Accept", ""):
        return jsonify(body)
    return Response(urlencode(body), content_type="application/x-www-form-urlencoded; charset=utf-8")
