"""Outages: what a process knows of its database being away, so that not every thread waits for it in turn.

An outage is known once it has outlasted the patience of whoever waited first. From then on everybody is told
at once, and one thread looks every half second whether it is over. How a look is taken is not known here.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from app.errors import RemoteUnavailable

log = logging.getLogger(__name__)

# GitHub gives up after ten seconds: https://docs.github.com/en/webhooks/using-webhooks/handling-failed-webhook-deliveries
PATIENCE_SECONDS: Final = 7.5
_LOOK_SECONDS: Final = 0.5
_CODE: Final = "database:unavailable"


class Outage:
    """Known or not. `look` returns when the database answers writers, and raises RemoteUnavailable else."""

    def __init__(
        self,
        look: Callable[[], None],
        *,
        patience_seconds: float = PATIENCE_SECONDS,
        look_seconds: float = _LOOK_SECONDS,
    ) -> None:
        self._look = look
        self._patience_seconds = patience_seconds
        self._look_seconds = look_seconds
        self._turn = threading.Lock()
        self._began_at: float | None = None
        self._is_known = False

    @property
    def is_known(self) -> bool:
        """It has lasted for longer than anybody has patience."""
        return self._is_known

    def check(self) -> None:
        """Return unless an outage is known.

        Raises:
            RemoteUnavailable: it is.
        """
        if self._is_known:
            raise RemoteUnavailable("using the database: it has not answered for a while", code=_CODE)

    def failed(self, began_at: float) -> None:
        """Note that what began at `began_at` (monotonic seconds) got no answer up to now."""
        with self._turn:
            self._began_at = began_at if self._began_at is None else min(began_at, self._began_at)
            has_lasted = time.monotonic() - self._began_at >= self._patience_seconds
            if self._is_known or not has_lasted:
                return
            self._is_known = True
        log.warning("the database does not answer: webhooks and requests are refused until it does")
        threading.Thread(target=self._look_until_it_is_over, name="branchline-outage", daemon=True).start()

    def ended(self) -> None:
        """Note that something was written."""
        if self._began_at is not None:
            with self._turn:
                self._began_at, self._is_known = None, False

    @contextmanager
    def watch(self) -> Iterator[None]:
        """Let a transaction tell how the database is; refused when an outage is known."""
        self.check()
        began_at = time.monotonic()
        try:
            yield
        except RemoteUnavailable as error:
            if error.error_code == _CODE:
                self.failed(began_at)
            raise
        self.ended()

    def _look_until_it_is_over(self) -> None:
        while self._is_known:
            time.sleep(self._look_seconds)
            try:
                self._look()
            except RemoteUnavailable:
                continue
            self.ended()
            log.warning("the database answers again")
