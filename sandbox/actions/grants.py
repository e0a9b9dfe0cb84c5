"""Tokens that a run is given for as long as it runs, and what each of them stands for.

They are kept in memory only: a run that a restart finds is lost, and so are its tokens.
"""

from __future__ import annotations

import secrets
import threading
from typing import Generic, TypeVar

T = TypeVar("T")


class Grants(Generic[T]):
    """The tokens of the runs in progress. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._granted: dict[str, tuple[int, T]] = {}

    def issue(self, run_id: int, subject: T) -> str:
        """Return a new token that stands for `subject` until the run ends."""
        token = secrets.token_urlsafe(32)
        with self._lock:
            self._granted[token] = (run_id, subject)
        return token

    def subject(self, token: str) -> T | None:
        """Return what a token stands for, None when it is unknown or its run is over."""
        with self._lock:
            found = self._granted.get(token)
        return found[1] if found else None

    def end(self, run_id: int) -> None:
        """Forget every token of a run; may run twice."""
        with self._lock:
            self._granted = {token: held for token, held in self._granted.items() if held[0] != run_id}
