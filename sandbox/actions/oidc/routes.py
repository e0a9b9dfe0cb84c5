"""The issuer's addresses: discovery and keys for everybody, tokens for jobs, rotation for administrators.

Rotating and withdrawing keys is the sandbox's own: GitHub does it when it sees fit, tests when they need it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, abort, jsonify, request

from sandbox.actions.oidc.claims import SUPPORTED
from sandbox.actions.oidc.issuer import ISSUER_PATH, REQUEST_PATH, Issuer, NotGrantedError
from sandbox.actions.oidc.keys import ALGORITHM

if TYPE_CHECKING:
    from collections.abc import Callable

_PUBLISHED = ".well-known/jwks"


def blueprint(issuer: Issuer, *, check_administrator: Callable[[], object]) -> Blueprint:
    """Return the routes, to be mounted at the site's root.

    `check_administrator` raises unless an administrator makes the request.
    """
    own = _Routes(issuer, check_administrator)
    routes = Blueprint("oidc", __name__)
    routes.get(f"{ISSUER_PATH}/.well-known/openid-configuration")(own.configuration)
    routes.get(f"{ISSUER_PATH}/{_PUBLISHED}")(own.keys)
    routes.get(f"{REQUEST_PATH}/<path:place>/idtoken")(own.token)
    routes.post(f"{ISSUER_PATH}/keys")(own.rotate)
    routes.delete(f"{ISSUER_PATH}/keys/<kid>")(own.withdraw)
    return routes


@dataclass(frozen=True)
class _Routes:
    issuer: Issuer
    check_administrator: Callable[[], object]

    def configuration(self) -> Response:
        """Say what there is to know of the issuer."""
        return jsonify(_configuration(self.issuer.url))

    def keys(self) -> Response:
        """List the public keys."""
        return jsonify(keys=self.issuer.keys.published())

    def token(self, place: str) -> Response:
        """Issue a token to the job that asks."""
        try:
            value = self.issuer.issue(_bearer(), place, request.args.get("audience", ""))
        except NotGrantedError:
            abort(401)
        return jsonify(count=len(value), value=value)

    def rotate(self) -> tuple[dict[str, Any], int]:
        """Sign with a new key from now on."""
        self.check_administrator()
        return {"kid": self.issuer.keys.rotate()}, 201

    def withdraw(self, kid: str) -> tuple[str, int]:
        """Publish a key no more."""
        self.check_administrator()
        return ("", 204) if self.issuer.keys.withdraw(kid) else abort(404)


def _configuration(issuer: str) -> dict[str, Any]:
    return {
        "issuer": issuer,
        "jwks_uri": f"{issuer}/{_PUBLISHED}",
        "subject_types_supported": ["public", "pairwise"],
        "response_types_supported": ["id_token"],
        "claims_supported": SUPPORTED,
        "id_token_signing_alg_values_supported": [ALGORITHM],
        "scopes_supported": ["openid"],
    }


def _bearer() -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""
