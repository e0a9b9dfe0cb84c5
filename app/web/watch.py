"""Whose facts the reader of one stream may see, looked at again for as long as they listen.

What comes of an app, or a worker, that was made since the last look is held back until that is looked up. How
it is looked up is not known here.
"""

import threading
import time
from collections.abc import Callable, Collection, Sequence
from itertools import takewhile
from typing import Final

from app.domain.events import Event
from app.web.following import HEARTBEAT_SECONDS, Told

# Apps and workers by id, or None for everything.
Owners = Collection[str] | None

_LOOK_SECONDS: Final = 60.0 - HEARTBEAT_SECONDS
_READ_SECONDS: Final = 1.0
_MOST_REMEMBERED: Final = 100_000


class Heard:
    """Numbers the apps and workers that this process hears of, in the order in which it first does.

    What it had heard of before somebody looked was there by then: that look said all of it. So only what is
    new, and is so once, has a stream look out of turn, however much the others tell.
    """

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._lock = threading.Lock()
        self.count = 0

    def number(self, owner_id: str) -> int:
        """Return which one it was."""
        known = self._numbers.get(owner_id)
        return known if known is not None else self._heard(owner_id)

    def _heard(self, owner_id: str) -> int:
        with self._lock:
            if len(self._numbers) >= _MOST_REMEMBERED:
                self._numbers.clear()  # they are new once more
            if owner_id not in self._numbers:
                self.count += 1
                self._numbers[owner_id] = self.count
            return self._numbers[owner_id]


class Watch:
    """Looks whose facts a reader may see: now, and every minute for as long as they listen.

    `look` returns apps and workers by id, or None for everything; it raises what a new request would be
    refused with. `read` returns the same of what is known here, and asks nobody else: it is called when
    something is heard of that is new, once a second at most. None is for whom no app and no worker can be
    added.
    """

    def __init__(
        self,
        look: Callable[[], Owners],
        read: Callable[[], Owners] | None,
        heard: Heard,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._look, self._read, self._heard, self._monotonic = look, read, heard, monotonic
        self._held = list[Told]()
        self._see(look)
        self._looked_at = monotonic()

    @property
    def wait_seconds(self) -> float | None:
        """How long what is held back has to wait, at most a second; None when nothing is."""
        return max(0.0, self._read_at + _READ_SECONDS - self._monotonic()) if self._held else None

    def pick(self, news: Sequence[Told]) -> Sequence[Told]:
        """Return what of this, and of what was held back, they are told now.

        What comes behind something that is held back is held back too: they come back behind what they have.
        """
        self._look_again()
        self._held += [it for it in news if self._sees(it.event) or self._is_new(it.event)]
        if self._held and not self.wait_seconds and self._read and not all(map(self._is_decided, self._held)):
            self._see(self._read)
        ready = list(takewhile(self._is_decided, self._held))
        del self._held[: len(ready)]
        return [it for it in ready if self._sees(it.event)]

    def _look_again(self) -> None:
        """Look, when the last time is almost a minute ago: nobody comes by here in every second."""
        if self._monotonic() - self._looked_at >= _LOOK_SECONDS:
            self._see(self._look)
            self._looked_at = self._monotonic()

    def _see(self, look: Callable[[], Owners]) -> None:
        # In this order: what is heard of meanwhile may not be in what is found.
        self._had_heard, self._read_at = self._heard.count, self._monotonic()
        self._owners = look()

    def _sees(self, event: Event) -> bool:
        return self._owners is None or event.app_id in self._owners

    def _is_new(self, event: Event) -> bool:
        """Tell whether a fact that they do not see is of what nobody had heard of at the last look."""
        if self._read is None or event.app_id is None:
            return False
        return self._heard.number(event.app_id) > self._had_heard

    def _is_decided(self, told: Told) -> bool:
        return self._sees(told.event) or not self._is_new(told.event)
