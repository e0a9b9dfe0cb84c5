"""What routes that call functions share: how many may, how often, and when calls are written down."""

import logging
import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from app.domain.invocations import Allowance
from app.errors import RemoteUnavailable, TooManyRequests
from app.pipeline.invoke import Invoker
from app.web.outside import Gate

log = logging.getLogger(__name__)

_BURST_SECONDS: Final = 4
_MOST_REMEMBERED: Final = 10_000
WRITE_SECONDS: Final = 5.0


class Rates:
    """How often each worker may be called through this process; each has an allowance of its own."""

    def __init__(self, per_second: float, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._per_second = per_second
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._allowances: dict[str, Allowance] = {}

    def take(self, worker_id: str) -> None:
        """Take one call of a worker.

        Raises:
            TooManyRequests: it has none left.
        """
        with self._lock:
            now = self._monotonic()
            wait = self._allowance(worker_id, now).take(now)
        if wait > 0:
            raise TooManyRequests(
                f"invoking a worker: it takes {self._per_second:g} calls per second here",
                retry_after_seconds=math.ceil(wait),
            )

    def _allowance(self, worker_id: str, now: float) -> Allowance:
        known = self._allowances.get(worker_id)
        if known is not None:
            return known
        if len(self._allowances) >= _MOST_REMEMBERED:
            in_use = {key: it for key, it in self._allowances.items() if not it.is_whole(now)}
            self._allowances = in_use
        burst = max(1.0, self._per_second * _BURST_SECONDS)
        return self._allowances.setdefault(worker_id, Allowance(self._per_second, burst, now))


class Later:
    """Does something once, some seconds after it was asked for."""

    def __init__(self, action: Callable[[], None], seconds: float = WRITE_SECONDS) -> None:
        self._action = action
        self._seconds = seconds
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None

    def ask(self) -> None:
        """Ask for it; to ask again before it is done changes nothing."""
        with self._lock:
            if self._timer is None:
                self._timer = threading.Timer(self._seconds, self.now)
                self._timer.daemon = True
                self._timer.start()

    def now(self) -> None:
        """Do it now, whether it was asked for or not; it is asked for again when a remote is away."""
        with self._lock:
            timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()
        try:
            self._action()
        except RemoteUnavailable as error:
            log.warning("%s", error)


@dataclass(frozen=True, slots=True)
class Invoking:
    """`gate` bounds the threads that all calls hold together, `rates` how often one worker is called."""

    invoker: Invoker
    rates: Rates
    gate: Gate

    @classmethod
    def of(cls, invoker: Invoker, *, at_once: int, per_second: float) -> "Invoking":
        """Return it as an operator set it."""
        return cls(invoker, Rates(per_second), Gate(at_once, "call functions"))
