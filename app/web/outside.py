"""Requests that ask the code host, or Cloudflare, while their caller waits: only so many at once.

A process has few threads, and one of them must always be free for webhooks. Whoever comes when all places are
taken is told to come again. What is asked is not known here.
"""

import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from app.domain.invocations import Allowance
from app.errors import Overloaded, TooManyRequests

# Of the eight threads of a process: all together leave one to everybody else.
CALLS_AT_ONCE: Final = 3
DOWNLOADS_AT_ONCE: Final = 2
DEPLOYS_AT_ONCE: Final = 2
# The code host lets us ask some thousand times an hour, and deployments are to have most of them.
LOOKS_A_MINUTE: Final = 10
_RETRY_AFTER_SECONDS: Final = 1


class Gate:
    """Lets so many in at once, and turns the others away without letting them wait.

    `what` those who are in do, in words for those who are not.
    """

    def __init__(self, places: int, what: str = "wait for the code host") -> None:
        self._places = threading.BoundedSemaphore(places)
        self._what = what

    @contextmanager
    def entered(self, doing: str) -> Iterator[None]:
        """Take a place until the end.

        Raises:
            Overloaded: all are taken.
        """
        if not self._places.acquire(blocking=False):
            raise Overloaded(
                f"{doing}: too many callers {self._what} already; ask again in a moment",
                retry_after_seconds=_RETRY_AFTER_SECONDS,
            )
        try:
            yield
        finally:
            self._places.release()


class Shares:
    """Gates of as many places each, one for everybody who is in."""

    def __init__(self, places: int, what: str) -> None:
        self._places, self._what = places, what
        self._taken: Counter[str] = Counter()
        self._lock = threading.Lock()

    @contextmanager
    def entered(self, whose: str) -> Iterator[None]:
        """Take one of somebody's places until the end. Raises TooManyRequests when they have no more."""
        with self._lock:
            if self._taken[whose] >= self._places:
                raise TooManyRequests(
                    f"asking to {self._what}: whoever asks does so {self._places} times already",
                    retry_after_seconds=_RETRY_AFTER_SECONDS,
                )
            self._taken[whose] += 1
        try:
            yield
        finally:
            self._leave(whose)

    def _leave(self, whose: str) -> None:
        with self._lock:
            self._taken[whose] -= 1
            if not self._taken[whose]:
                del self._taken[whose]


class Ration:
    """Lets what can be put off happen so many times a minute, and in a burst of as many."""

    def __init__(self, per_minute: int, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic, self._lock = monotonic, threading.Lock()
        self._allowance = Allowance(per_minute / 60, per_minute, monotonic())

    def take(self, doing: str) -> None:
        """Take one. Raises Overloaded when none is left."""
        with self._lock:
            wait = self._allowance.take(self._monotonic())
        if wait > 0:
            seconds = math.ceil(wait)
            raise Overloaded(f"{doing}: not again so soon", retry_after_seconds=seconds)
