"""Causes: because of what something is being done, so that every fact can say it without being told.

Whoever works a delivery off, or runs a job, says so once; what is written down meanwhile, in the same thread,
bears that cause. Nothing else depends on it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_CAUSE: ContextVar[str | None] = ContextVar("cause", default=None)


@contextmanager
def because_of(cause: str) -> Iterator[None]:
    """Give everything that is written down inside this cause: a delivery's guid or a job's id."""
    before = _CAUSE.set(cause)
    try:
        yield
    finally:
        _CAUSE.reset(before)


def current_cause() -> str | None:
    """Return the cause of what is being done; None when somebody asked for it directly."""
    return _CAUSE.get()
