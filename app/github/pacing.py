"""The pause between writes, and the silence after a rate limit: one object for the whole process.

GitHub asks for at least a second between writes and for nothing at all after it said "rate limit". Threads
take turns here; the pauses of PyGithub are per client and therefore off.
"""

import threading
import time
from collections.abc import Callable
from datetime import datetime

from app.errors import RateLimited
from app.ports import Clock


class Pacer:
    """Gives each write its turn. Shared by all threads."""

    # https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api
    def __init__(
        self,
        write_pause_seconds: float,
        clock: Clock,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._pause = write_pause_seconds
        self._clock = clock
        self._monotonic = monotonic
        self._sleep = sleep
        self._lock = threading.Lock()
        self._next_turn = 0.0
        self._silent_until: datetime | None = None

    def wait_for_turn(self) -> None:
        """Return when a write may be sent: turns are `write_pause_seconds` apart, in order of arrival.

        Look with `check` afterwards: another thread may have been told to be silent meanwhile.
        """
        with self._lock:
            now = self._monotonic()
            turn = max(now, self._next_turn)
            self._next_turn = turn + self._pause
        if turn > now:
            self._sleep(turn - now)

    def be_silent_until(self, at: datetime) -> None:
        """Let nothing be asked before `at`; an earlier time than the one known changes nothing."""
        with self._lock:
            self._silent_until = max(at, self._silent_until or at)

    def check(self, doing: str) -> None:
        """Return when GitHub may be asked.

        Raises:
            RateLimited: it told us, or another thread, to wait; nothing was sent.
        """
        until = self._silent_until
        if until is not None and self._clock() < until:
            raise RateLimited(f"{doing}: waiting for GitHub's rate limit", retry_at=until)
