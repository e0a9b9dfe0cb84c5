"""Turns: how many uploads a process reads at once, so that webhooks always find a thread.

An upload holds a thread from its first byte until it is live. Half of the server's threads may be held so,
and no deployment holds more than wrangler's own three parallel uploads. Who finds no turn is told to come
again in a moment, which wrangler does by itself. Other processes have turns of their own.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Final

from app.errors import Conflict, Overloaded

MOST: Final = 4
MOST_OF_ONE: Final = 3
_PAUSE_SECONDS: Final = 2


class Turns:
    """Who is uploading in this process, by deployment."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._uploading: Counter[str] = Counter()
        self._finishing: set[str] = set()

    @contextmanager
    def take(self, deployment_id: str) -> Iterator[None]:
        """Hold a turn for one request.

        Raises:
            Overloaded: too many are held.
        """
        with self._lock:
            if self._uploading.total() >= MOST or self._uploading[deployment_id] >= MOST_OF_ONE:
                raise Overloaded(
                    "uploading: too many uploads are under way",
                    retry_after_seconds=_PAUSE_SECONDS,
                    code="upload:busy",
                )
            self._uploading[deployment_id] += 1
        try:
            yield
        finally:
            with self._lock:
                self._uploading[deployment_id] -= 1
                self._uploading += Counter()  # forgets who holds none

    @contextmanager
    def alone(self, deployment_id: str) -> Iterator[None]:
        """Be the only one to put up the script of a deployment.

        Raises:
            Conflict: another request is doing that.
        """
        with self._lock:
            if deployment_id in self._finishing:
                raise Conflict(
                    "uploading: another upload with this grant is under way", code="deployment:uploading"
                )
            self._finishing.add(deployment_id)
        try:
            yield
        finally:
            with self._lock:
                self._finishing.discard(deployment_id)
