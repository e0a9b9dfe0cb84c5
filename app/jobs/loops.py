"""A thread that does one thing again and again until it is stopped, and survives its failures."""

import logging
import threading
from collections.abc import Callable
from typing import Final

from app.errors import RemoteUnavailable

log = logging.getLogger(__name__)

_SLOWEST_SECONDS: Final = 5.0


class Loop:
    """Calls `action` every `interval_seconds`, less often while it fails."""

    def __init__(self, name: str, interval_seconds: float, action: Callable[[], object]) -> None:
        self._interval_seconds = interval_seconds
        self._action = action
        self._is_stopped = False
        self._wake = threading.Event()
        self._name = name
        self._thread = threading.Thread(target=self._run, name=f"branchline-{name}", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def nudge(self) -> None:
        """Do it now instead of at the end of the interval."""
        self._wake.set()

    def stop(self, timeout_seconds: float = 10.0) -> None:
        """End after the call that runs now, if any; one that never began does not begin any more."""
        self._is_stopped = True
        self._wake.set()
        if self._thread.ident is not None:
            self._thread.join(timeout_seconds)

    def _run(self) -> None:
        pause = self._interval_seconds
        while not self._is_stopped:
            slower = max(self._interval_seconds, min(pause * 2, _SLOWEST_SECONDS))
            pause = self._interval_seconds if self._call() else slower
            self._wake.wait(pause)
            self._wake.clear()

    def _call(self) -> bool:
        try:
            self._action()
        except RemoteUnavailable as error:
            log.warning("%s: %s", self._name, error)
            return False
        except Exception:
            log.exception("%s failed and will be tried again", self._name)
            return False
        return True
