"""One streamed invocation: written by the thread that reads its worker, followed by any number of others.

The writer waits when the reader that came furthest has not taken enough; while nobody reads, when enough is
there. Then the worker's own queue fills, which drops lines and says so in their place: nothing is lost here.
"""

import asyncio
import threading
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from app.domain.invocations import ENDINGS, ERROR, Emitted, Transcript

HEARTBEAT_SECONDS: Final = 5.0


class LiveInvocation:
    """`ports.Invocation`: events in from the thread of `loop`, and out in whichever thread follows."""

    def __init__(self, invocation_id: str, loop: asyncio.AbstractEventLoop) -> None:
        self._id = invocation_id
        self._loop = loop
        self._changed = threading.Condition()
        self._transcript = Transcript()
        self._room = asyncio.Event()
        self._is_waiting = False
        self._readers = 0
        self._since = time.monotonic()
        self._ending: str | None = None
        self._is_over = False

    @property
    def id(self) -> str:
        """Its id, which the function finds in its headers."""
        return self._id

    @property
    def chars(self) -> int:
        """How much of it is kept."""
        return self._transcript.chars

    @property
    def has_ended(self) -> bool:
        """Its result, or its error, is there."""
        return self._ending is not None

    @property
    def ending(self) -> str:
        """How it ended; one that was cut off failed."""
        return self._ending or ERROR

    def seconds_alone(self) -> float:
        """Return for how long nobody has followed it, 0 while somebody does; after its end, since that."""
        with self._changed:
            return time.monotonic() - self._since if self._is_over or not self._readers else 0.0

    # In the thread of the loop

    async def add(self, name: str, data: str) -> None:
        """Keep an event, once there is room for it."""
        while not self._add(name, data):
            await self._room.wait()

    def end(self, problem: str | None) -> None:
        """Say that nothing more comes; `problem` is the JSON of an error, for one that did not end itself."""
        with self._changed:
            if problem is not None and not self.has_ended:
                self._transcript.add(ERROR, problem)
                self._ending = ERROR
            self._is_over = True
            self._since = time.monotonic()
            self._changed.notify_all()

    def _add(self, name: str, data: str) -> bool:
        with self._changed:
            if self._transcript.is_full:
                self._is_waiting = True
                self._room.clear()
                return False
            self._transcript.add(name, data)
            self._ending = name if name in ENDINGS else None
            self._changed.notify_all()
            return True

    # In any thread

    def follow(self, after: int | None = None) -> Generator[Sequence[Emitted], None, None]:
        """Yield what comes behind an event, or all that is kept; none now and then.

        Raises:
            Gone: something of that is kept no more.
        """
        with self._changed:
            position = self._transcript.first - 1 if after is None else after
            self._transcript.after(position)
        return self._followed(position)

    def _followed(self, position: int) -> Generator[Sequence[Emitted], None, None]:
        with self._attached():
            while (events := self._next(position)) is not None:
                yield events
                if events:
                    position = events[-1].number

    def _next(self, position: int) -> Sequence[Emitted] | None:
        """Wait for events behind `position`, which its reader has taken; None at the end."""
        with self._changed:
            self._take_note(position)
            has_news = self._changed.wait_for(
                lambda: self._transcript.last > position or self._is_over, HEARTBEAT_SECONDS
            )
            events = self._transcript.after(position) if has_news else ()
            return None if has_news and not events else events

    def _take_note(self, position: int) -> None:
        self._transcript.read_up_to(position)
        if self._is_waiting and not self._transcript.is_full:
            self._is_waiting = False
            self._loop.call_soon_threadsafe(self._room.set)

    @contextmanager
    def _attached(self) -> Iterator[None]:
        with self._changed:
            self._readers += 1
        try:
            yield
        finally:
            with self._changed:
                self._readers -= 1
                if not self._is_over:
                    self._since = time.monotonic()
