"""Turns: of those who want to know the same at once, one asks, and the others find what it found."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_LOCKS: Final = 64
# A look takes a tenth of that. While nobody answers, waiting for one another would make each wait longer.
_PATIENCE_SECONDS: Final = 2.0


class Turns:
    """Lets in one at a time by key; a fixed number of locks, so that others seldom wait and nothing grows."""

    def __init__(self, locks: int = _LOCKS, patience_seconds: float = _PATIENCE_SECONDS) -> None:
        self._locks = tuple(threading.Lock() for _ in range(locks))
        self._patience_seconds = patience_seconds

    @contextmanager
    def of(self, key: str) -> Iterator[None]:
        """Wait for those who came before, a moment at most; whoever is in asks for no second turn."""
        lock = self._locks[hash(key) % len(self._locks)]
        is_ours = lock.acquire(timeout=self._patience_seconds)
        try:
            yield
        finally:
            if is_ours:
                lock.release()
