"""Signatures of our own workflow: Standard Webhooks 1.0.0, without I/O.

The sender signs `id.timestamp.body` with the app's key. Whether an id was used before is for the receiver's
memory to say.
"""

# https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from app.errors import BadSignature, Stale

TOLERANCE: Final = timedelta(minutes=5)
_MAXIMUM_ID: Final = 128
# The same for an unknown app and a wrong key: which apps there are is nobody's business.
NOT_OURS: Final = "verifying a deployment message: no app's key signed it"


@dataclass(frozen=True, slots=True)
class Envelope:
    """The signed headers of a message."""

    id: str
    timestamp: str
    signatures: tuple[str, ...]

    @classmethod
    def from_headers(cls, headers: Mapping[str, str]) -> "Envelope":
        """Read the three headers.

        Raises:
            BadSignature: one is missing or malformed.
        """
        given = {name.lower(): value for name, value in headers.items()}
        message_id, timestamp = given.get("webhook-id", ""), given.get("webhook-timestamp", "")
        signatures = tuple(s[3:] for s in given.get("webhook-signature", "").split() if s.startswith("v1,"))
        is_id = 0 < len(message_id) <= _MAXIMUM_ID and message_id.isascii() and message_id.isprintable()
        if not (is_id and timestamp.isascii() and timestamp.isdigit() and signatures):
            raise BadSignature("verifying a deployment message: a webhook header is missing or malformed")
        return cls(message_id, timestamp, signatures)


def sign(secret: str, message_id: str, timestamp: str, body: bytes) -> str:
    """Return the signature, base64 without its version; `secret` is `whsec_` and base64."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = b".".join((message_id.encode(), timestamp.encode(), body))
    return base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def verify(secret: str, envelope: Envelope, body: bytes, now: datetime) -> datetime:
    """Return when the bearer of `secret` signed a message: within five minutes of `now`.

    Raises:
        BadSignature: nobody who knows the key signed these bytes.
        Stale: the signature is right and too old, or from the future.
    """
    expected = sign(secret, envelope.id, envelope.timestamp, body).encode()
    if not any(hmac.compare_digest(expected, given.encode()) for given in envelope.signatures):
        raise BadSignature(NOT_OURS)
    try:
        sent_at = datetime.fromtimestamp(int(envelope.timestamp), UTC)
    except (OverflowError, OSError, ValueError):
        raise BadSignature("verifying a deployment message: the timestamp is out of range") from None
    if abs(now - sent_at) > TOLERANCE:
        raise Stale("verifying a deployment message: its time is more than five minutes from ours")
    return sent_at
