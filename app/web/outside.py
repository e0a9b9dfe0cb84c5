"""Requests that ask the code host, or Cloudflare, while their caller waits: only so many at once.

A process has few threads, and one of them must always be free for webhooks. Whoever comes when all places are
taken is told to come again. What is asked is not known here.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from app.errors import Overloaded

# Of the eight threads of a process: all together leave one to everybody else.
CALLS_AT_ONCE: Final = 3
DOWNLOADS_AT_ONCE: Final = 2
DEPLOYS_AT_ONCE: Final = 2
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
