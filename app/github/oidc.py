"""Tokens by which GitHub says which workflow run is speaking: verified, each within a millisecond.

A token is believed when GitHub signed it for us, just now. Whether it was used before, and which app it is
about, is for the receiver's memory to say.
"""

# https://docs.github.com/en/actions/concepts/security/openid-connect

import logging
from typing import Any, Final

import jwt

from app.domain.runs import RunClaims
from app.github.claims import CHECKED_BY_LIBRARY, refused, run_claims, unsorted
from app.github.keys import SigningKeys

_ALGORITHM: Final = "RS256"
_MAXIMUM_BYTES: Final = 8 * 1024
_MAXIMUM_LIFETIME_SECONDS: Final = 3600
_LEEWAY_SECONDS: Final = 30
_LOG = logging.getLogger(__name__)


class OidcVerifier:
    """Verifies the tokens that `issuer` made for `audience`."""

    def __init__(self, issuer: str, audience: str, keys: SigningKeys) -> None:
        self._issuer = issuer
        self._audience = audience
        self._keys = keys
        self._reported: frozenset[str] = frozenset()

    def verify(self, token: str) -> RunClaims:
        """Return what a token says about its run.

        Raises:
            Unauthenticated: GitHub did not make it for us just now, or its run is not one that deploys.
            RemoteUnavailable: GitHub's keys are not to be had; try again.
        """
        if len(token) > _MAXIMUM_BYTES:
            raise refused(f"it is longer than {_MAXIMUM_BYTES} bytes", code="oidc:malformed")
        claims = self._decode(token)
        if int(claims["exp"]) - int(claims["iat"]) > _MAXIMUM_LIFETIME_SECONDS:
            raise refused("it is meant to live for more than an hour", code="oidc:malformed")
        self._report(unsorted(claims))
        return run_claims(claims)

    def _decode(self, token: str) -> dict[str, Any]:
        try:
            return self._decoded(token)
        except (jwt.ExpiredSignatureError, jwt.ImmatureSignatureError):
            why = "its time is over or yet to come: ask GitHub for a new one right before each message"
            raise refused(why, code="oidc:expired") from None
        except jwt.InvalidAudienceError:
            why = f"it is for somebody else: ask GitHub for one with the audience {self._audience}"
            raise refused(why, code="oidc:wrong-audience") from None
        except jwt.InvalidIssuerError:
            raise refused(f"its issuer is not {self._issuer}", code="oidc:wrong-issuer") from None
        except jwt.InvalidSignatureError:
            raise refused("GitHub did not sign it", code="oidc:bad-signature") from None
        except jwt.PyJWTError as error:
            raise refused(f"it cannot be read ({error})", code="oidc:malformed") from None

    def _decoded(self, token: str) -> dict[str, Any]:
        header = jwt.get_unverified_header(token)
        # Where a header says that its key is to be found is not for us to read.
        name = header.get("kid")
        if header.get("alg") != _ALGORITHM or not isinstance(name, str):
            raise refused(
                f"it is not signed with {_ALGORITHM} and a key that it names", code="oidc:malformed"
            )
        key = self._keys.find(name)
        if key is None:
            raise refused("GitHub has no key of the name that it gives", code="oidc:bad-signature")
        decoded: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=[_ALGORITHM],
            issuer=self._issuer,
            audience=self._audience,
            leeway=_LEEWAY_SECONDS,
            options={"require": sorted(CHECKED_BY_LIBRARY), "strict_aud": True},
        )
        return decoded

    def _report(self, names: frozenset[str]) -> None:
        """Say once that GitHub vouches for more than we have decided about."""
        if new := names - self._reported:
            self._reported |= new
            _LOG.warning(
                "GitHub's tokens have claims that are sorted into no table: %s", ", ".join(sorted(new))
            )
