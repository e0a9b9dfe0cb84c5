"""The token of an upload of assets: a JWT, because wrangler reads its expiry, signed by us for us.

It names the deployment and the manifest; nothing of Cloudflare's is in it. `is_complete` tells the token that
opens an upload from the one that closes it.
"""

# https://developers.cloudflare.com/workers/static-assets/direct-upload/

import hashlib
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import jwt

from app.errors import Unauthenticated

# An upload lives no longer than the grant that a deployment gets.
LIFETIME: Final = timedelta(minutes=15)
_ALGORITHM: Final = "HS256"
_PURPOSE: Final = b"branchline/gateway/asset-upload"
# By which wrangler sends each file as it is, in a request of its own, and how many at once. Versions that do
# not know of it send buckets in base64, which takes a third more, and longer on both sides.
_ONE_BY_ONE: Final = {"wrangler_single_asset_uploads": True, "edge_kv_upload_concurrency": 3}


@dataclass(frozen=True, slots=True)
class AssetSession:
    """One upload: whose it is, and the SHA-256 of the manifest that announced it."""

    deployment_id: str
    manifest: str
    is_complete: bool = False


class AssetSessions:
    """Signs and reads the tokens; its key is for nothing else."""

    def __init__(self, secret_key: str) -> None:
        self._key = hmac.new(secret_key.encode(), _PURPOSE, hashlib.sha256).digest()

    def issue(self, session: AssetSession, at: datetime, *, one_by_one: bool = False) -> str:
        """Return the token of an upload; `one_by_one` asks wrangler not to send buckets."""
        claims = {
            "deployment": session.deployment_id,
            "manifest": session.manifest,
            "complete": session.is_complete,
            "exp": int((at + LIFETIME).timestamp()),
        }
        return jwt.encode(claims | (_ONE_BY_ONE if one_by_one else {}), self._key, _ALGORITHM)

    def read(self, token: str, at: datetime, *, is_complete: bool) -> AssetSession:
        """Return the upload that a token is of.

        Raises:
            Unauthenticated: it is not ours, has expired, or is the other of the two kinds.
        """
        try:
            # Against our own clock, below.
            claims = jwt.decode(token, self._key, [_ALGORITHM], options={"verify_exp": False})
        except jwt.InvalidTokenError:
            raise _refused("the token of the upload is not one that was given out here") from None
        if at >= datetime.fromtimestamp(claims["exp"], UTC):
            raise _refused("the upload has expired: begin it again")
        if claims["complete"] is not is_complete:
            raise _refused(
                "the upload of the assets is not complete" if is_complete else "the upload is over"
            )
        return AssetSession(claims["deployment"], claims["manifest"], is_complete)


def _refused(problem: str) -> Unauthenticated:
    return Unauthenticated(f"uploading assets: {problem}", code="upload:bad-session")
