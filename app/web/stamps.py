"""Values that we give out and believe again when they come back: signed, and stamped with when that was.

Anybody can read them. How long they are good for is for whoever reads them to say.
"""

from hashlib import sha256
from typing import Any

from itsdangerous import TimestampSigner, URLSafeTimedSerializer

from app.ports import Clock


def stamps(secret_key: str, purpose: str, clock: Clock) -> URLSafeTimedSerializer:
    """Return what writes and reads values for one purpose; no other reads them."""
    return URLSafeTimedSerializer(
        secret_key,
        salt=purpose,
        signer=_Signer,
        signer_kwargs={"clock": clock, "key_derivation": "hmac", "digest_method": sha256},
    )


class _Signer(TimestampSigner):
    """Stamps by the clock that the rest of the process goes by."""

    def __init__(self, *args: Any, clock: Clock, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._clock = clock

    def get_timestamp(self) -> int:
        """Return the time in seconds."""
        return int(self._clock().timestamp())
