"""Urgency: whether somebody waits for what is being done, so that it comes before what may wait.

Whoever works for nobody in particular (reconciling, sweeping) says so once; what is asked of remotes
meanwhile, in the same thread, leaves a part of every budget to others. Nothing else depends on it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_IS_URGENT: ContextVar[bool] = ContextVar("is_urgent", default=True)


@contextmanager
def in_background() -> Iterator[None]:
    """Give way to others while inside."""
    before = _IS_URGENT.set(False)
    try:
        yield
    finally:
        _IS_URGENT.reset(before)


def is_urgent() -> bool:
    """Tell whether somebody waits."""
    return _IS_URGENT.get()
