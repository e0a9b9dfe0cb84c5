"""Waiting on a condition, with a timeout that tells what was seen meanwhile."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

POLL_SECONDS = 0.1


class NeverHappened(Exception):
    """The time is over; the message lists each state that was seen, with the second it began."""


def wait_for(
    what: str, look: Callable[[], tuple[T | None, object]], seconds: float, *, every: float = POLL_SECONDS
) -> T:
    """Call `look` until its first value is not None, and return that.

    Its second value says what the state is, for the history.

    Raises:
        NeverHappened: after `seconds`.
    """
    started_at = time.monotonic()
    history: list[tuple[float, str]] = []
    while True:
        found, state = look()
        elapsed = time.monotonic() - started_at
        if not history or history[-1][1] != str(state):
            history.append((elapsed, str(state)))
        if found is not None:
            return found
        if elapsed > seconds:
            lines = "\n".join(f"  {at:6.1f} s  {text}" for at, text in history)
            raise NeverHappened(f"{what}: not after {seconds:.0f} s; seen:\n{lines}")
        time.sleep(every)
