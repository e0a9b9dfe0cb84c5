"""The sweeper: what is due by the clock alone is looked for once a minute.

Every jobs process has one; what a sweep finds is marked in our memory, and jobs do the rest. What is due is
not known here.
"""

from collections.abc import Callable
from typing import Final

from app.jobs.loops import Loop

_INTERVAL_SECONDS: Final = 60.0


class Sweeper:
    """Calls `sweep` from `start` until `stop`. Several may do so at once, in any processes."""

    def __init__(
        self,
        sweep: Callable[[], object],
        *,
        name: str = "sweeper",
        interval_seconds: float = _INTERVAL_SECONDS,
    ) -> None:
        self._loop = Loop(name, interval_seconds, sweep)

    def start(self) -> None:
        """Begin to sweep, at once for the first time."""
        self._loop.start()

    def stop(self) -> None:
        """Stop after the sweep at hand."""
        self._loop.stop()
