"""Invocations: calls of functions, the events that a streamed one is told in, and how many there may be.

Nothing here calls, waits or knows the time.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from app.errors import Gone, InvalidInput

MAXIMUM_RETRIES: Final = 10
RESULT: Final = "result"
ERROR: Final = "error"
ENDINGS: Final = frozenset({RESULT, ERROR})

_MOST_EVENTS: Final = 1000
_MOST_CHARS: Final = 256 * 1024
# What an event takes beside its text, roughly.
_EVENT_CHARS: Final = 200
_FIRST_PAUSE_SECONDS: Final = 2.0
_LONGEST_PAUSE_SECONDS: Final = 600.0


@dataclass(frozen=True, slots=True)
class Emitted:
    """One event of an invocation; `data` is JSON in one line."""

    number: int
    name: str
    data: str


class Transcript:
    """The last events of an invocation, numbered from 1, for readers who may come back.

    Half of it is for what nobody has read yet: it `is_full` when that half is, and whoever adds has to wait.
    The rest is what was read last. So what is kept is bounded, and nothing that is unread is ever let go.
    """

    def __init__(self, most_events: int = _MOST_EVENTS, most_chars: int = _MOST_CHARS) -> None:
        self._most_events = most_events
        self._most_chars = most_chars
        self._kept: deque[tuple[Emitted, int]] = deque()  # each with all characters up to its end
        self._read = 0
        self._read_chars = 0
        self._lost_chars = 0
        self._added_chars = 0
        self.last = 0

    @property
    def chars(self) -> int:
        """How much is kept."""
        return self._added_chars - self._lost_chars

    @property
    def first(self) -> int:
        """The number of the first event that is kept, or of the next one."""
        return self.last - len(self._kept) + 1

    @property
    def is_full(self) -> bool:
        """As much waits to be read as may."""
        waiting, waiting_chars = self.last - self._read, self._added_chars - self._read_chars
        return waiting * 2 >= self._most_events or waiting_chars * 2 >= self._most_chars

    def add(self, name: str, data: str) -> None:
        """Keep one more event, whatever its size."""
        self.last += 1
        self._added_chars += len(data) + _EVENT_CHARS
        self._kept.append((Emitted(self.last, name, data), self._added_chars))
        self._let_go()

    def after(self, number: int) -> Sequence[Emitted]:
        """Return what came after the event of a number, of any number for what comes first.

        Raises:
            Gone: something of it is kept no more.
        """
        if number < self.first - 1:
            raise Gone(
                f"reading on after event {number}: the events behind it are kept no more",
                code="invocation:events-gone",
                oldest=self.first,
            )
        behind = self.last - max(number, 0)
        return [event for event, _ in islice(reversed(self._kept), max(behind, 0))][::-1]

    def read_up_to(self, number: int) -> None:
        """Take note that somebody has read so far."""
        if number <= self._read:
            return
        self._read = min(number, self.last)
        behind = self.last - self._read
        self._read_chars = self._kept[len(self._kept) - 1 - behind][1]
        self._let_go()

    def _let_go(self) -> None:
        while len(self._kept) > self._most_events or self.chars > self._most_chars:
            event, chars = self._kept[0]
            if event.number > self._read:
                return
            self._lost_chars = chars
            self._kept.popleft()


def event_id(invocation_id: str, number: int) -> str:
    """Return by which id a reader names the event that it saw last."""
    return f"{invocation_id}:{number}"


def number_of(invocation_id: str, named: str) -> int:
    """Return the number in an event's id.

    Raises:
        InvalidInput: it is no id of this invocation's events.
    """
    owner, _, number = named.strip().rpartition(":")
    if owner != invocation_id or not (number.isascii() and number.isdigit() and len(number) < 10):  # noqa: PLR2004 - no invocation has a billion
        raise InvalidInput("reading on: Last-Event-ID is no id of an event of this invocation")
    return int(number)


def pause_seconds(attempt: int) -> float:
    """Return how long to wait after a failed attempt: twice as long each time, ten minutes at most."""
    return min(_FIRST_PAUSE_SECONDS * 2.0 ** (attempt - 1), _LONGEST_PAUSE_SECONDS)


class Allowance:
    """How often something may be done: `per_second` in the long run, and a burst of so many seconds' worth.

    A token bucket; times are seconds of any clock that does not go back.
    """

    def __init__(self, per_second: float, burst: float, now: float) -> None:
        self._per_second = per_second
        self._burst = burst
        self._left = burst
        self._at = now

    def take(self, now: float) -> float:
        """Take one, or return in how many seconds there will be one; 0 when it was taken."""
        self._left = min(self._burst, self._left + (now - self._at) * self._per_second)
        self._at = now
        if self._left >= 1:
            self._left -= 1
            return 0.0
        return (1 - self._left) / self._per_second

    def is_whole(self, now: float) -> bool:
        """Tell whether it is as if nothing had ever been taken."""
        return self._left + (now - self._at) * self._per_second >= self._burst
