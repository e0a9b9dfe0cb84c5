"""The public keys of who signs the tokens of workflow runs: kept for hours, renewed in the background.

The sender of a token names its key, so asking for an unknown one must not be a way to have us ask the issuer
on demand, nor to keep our threads waiting for it. Nothing here looks at a token.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from jwt import PyJWK, PyJWKClient

from app.errors import RateLimited

LIFESPAN_SECONDS: Final = 2 * 3600.0
# From one look to the next, whatever came of it.
COOLDOWN_SECONDS: Final = 60.0
_TIMEOUT_SECONDS: Final = 4.0
# How long a request may wait for a look that is under way.
_PATIENCE_SECONDS: Final = 1.0
_LOG = logging.getLogger(__name__)


class SigningKeys:
    """The keys of one issuer, for any number of threads.

    Keys that were good stay good while the issuer does not answer; they go when it says that they are gone.
    A new one is found with the first token that names it, or within the cooldown.
    """

    def __init__(self, client: PyJWKClient, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._clock = clock
        self._lock = threading.Lock()
        self._keys: Mapping[str, PyJWK] = {}
        self._looked_at = self._renewed_at = -float("inf")
        self._is_certain = False
        self._look = threading.Event()

    @classmethod
    def of_issuer(cls, issuer: str, *, clock: Callable[[], float] = time.monotonic) -> "SigningKeys":
        """Return the keys of `issuer`; nothing is asked for before the first token comes."""
        # Discovery would name the same address: one request more, and one answer more to be misled by.
        # https://docs.github.com/en/actions/reference/security/oidc
        # A client that keeps nothing: its own cache forgets the keys when an outage outlasts it, and one
        # lock of it is held for as long as the issuer is silent.
        address = f"{issuer}/.well-known/jwks"
        return cls(PyJWKClient(address, cache_jwk_set=False, timeout=_TIMEOUT_SECONDS), clock=clock)

    def find(self, name: str) -> PyJWK | None:
        """Return the key of that name, None when the issuer was just asked and has none.

        Raises:
            RateLimited: nobody knows: the issuer does not answer, or it is too early to ask again.
        """
        key = self._keys.get(name)
        if key is not None:
            if self._clock() - self._renewed_at > LIFESPAN_SECONDS:
                self._renew()
            return key
        look = self._renew()
        if look is not None:
            look.wait(_PATIENCE_SECONDS)
        key = self._keys.get(name)
        if key is None and not (look is not None and look.is_set() and self._is_certain):
            raise self._unknown(look)
        return key

    def _unknown(self, look: threading.Event | None) -> RateLimited:
        """Return the error for a key that may be there, with the time at which we may know."""
        is_under_way = look is not None and not look.is_set()
        left = _TIMEOUT_SECONDS if is_under_way else self._looked_at + COOLDOWN_SECONDS - self._clock()
        return RateLimited(
            "verifying a run's token: its key is unknown, and GitHub cannot be asked for it now; try again",
            retry_at=datetime.now(UTC) + timedelta(seconds=left),
            code="oidc:keys-unavailable",
        )

    def _renew(self) -> threading.Event | None:
        """Look in the background, and return what the look ends with; None shortly after the last one."""
        with self._lock:
            is_due = self._clock() - self._looked_at >= COOLDOWN_SECONDS
            if is_due:
                self._looked_at, self._is_certain, self._look = self._clock(), False, threading.Event()
                threading.Thread(target=self._fetch, args=(self._look,), name="jwks", daemon=True).start()
            return self._look if is_due or not self._look.is_set() else None

    def _fetch(self, look: threading.Event) -> None:
        try:
            found = self._client.get_signing_keys(refresh=True)
        except Exception as error:  # noqa: BLE001 - whatever it is, the keys that we have stay
            _LOG.warning("fetching the keys of %s: %s", self._client.uri, error)
        else:
            self._keys = {str(key.key_id): key for key in found}
            self._renewed_at, self._is_certain = self._clock(), True
        finally:
            look.set()
