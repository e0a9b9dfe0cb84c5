"""Who may ask, how often: bearer tokens, accounts and Cloudflare's rate limit.

https://developers.cloudflare.com/fundamentals/api/reference/limits/
"""

import hmac
import threading
import time
from collections import deque
from collections.abc import Callable

from sandbox.cloudflare import errors
from sandbox.cloudflare.errors import ApiError
from sandbox.cloudflare.names import is_account_id


class RateLimit:
    """At most `requests` in any `seconds`."""

    def __init__(
        self, requests: int = 1200, seconds: int = 300, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.requests = requests
        self.seconds = seconds
        self._clock = clock
        self._times: deque[float] = deque()
        self._lock = threading.Lock()

    def take(self) -> dict[str, str]:
        """Count one request; returns the headers that tell what is left, or refuses."""
        with self._lock:
            present = self._clock()
            while self._times and self._times[0] <= present - self.seconds:
                self._times.popleft()
            if len(self._times) >= self.requests:
                wait = max(1, round(self._times[0] + self.seconds - present))
                raise errors.throttled({"retry-after": str(wait), **self._headers(0, wait)})
            self._times.append(present)
            reset = round(self._times[0] + self.seconds - present)
            return self._headers(self.requests - len(self._times), reset)

    def _headers(self, left: int, reset: int) -> dict[str, str]:
        return {
            "ratelimit": f'"default";r={left};t={reset}',
            "ratelimit-policy": f'"default";q={self.requests};w={self.seconds}',
        }


class Gate:
    """One account, one token."""

    def __init__(self, token: str, account_id: str, limit: RateLimit) -> None:
        self.account_id = account_id
        self.limit = limit
        self._token = token

    def check_token(self, authorization: str | None, refuse: Callable[[], ApiError]) -> None:
        """Refuse a request that does not bear our token."""
        if authorization is None:
            raise errors.no_authorization()
        token = bearer(authorization)
        if not hmac.compare_digest(token.encode(), self._token.encode()):
            raise refuse()

    def check_account(self, account_id: str, path: str) -> None:
        """Refuse what cannot be an account, and accounts of others."""
        if not is_account_id(account_id):
            raise errors.no_route(path)
        if account_id != self.account_id:
            raise errors.account_not_allowed()


def bearer(authorization: str | None) -> str:
    """Return the token of an Authorization header, or refuse the header."""
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise errors.bad_authorization_header()
    return token.strip()
