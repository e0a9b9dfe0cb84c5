"""Gathering: what many threads want done at the same moment is done together, by one of them.

Who finds nobody doing it does it; who comes meanwhile waits, and one of those does the next round for all
that have gathered: many cost few rounds, and who is alone waits for nobody. What is done is not known here.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")


def _closed() -> threading.Lock:
    lock = threading.Lock()
    lock.acquire()
    return lock


@dataclass(slots=True, eq=False)
class _Place(Generic[T]):
    """Somebody who waits: until it is done, or until it is for him to do."""

    item: T
    is_done: bool = False
    is_next: bool = False
    wake: threading.Lock = field(default_factory=_closed)


class Gathering(Generic[T]):
    """Calls `act` with up to `at_once` items, never twice at the same time; it keeps its errors to itself."""

    def __init__(self, act: Callable[[Sequence[T]], None], *, at_once: int) -> None:
        self._act = act
        self._at_once = at_once
        self._lock = threading.Lock()
        self._places = deque[_Place[T]]()
        self._is_acting = False

    def __len__(self) -> int:
        """Return how many wait for the next round."""
        return len(self._places)

    def do(self, item: T, timeout_seconds: float) -> bool:
        """Return once `act` was called with `item`; False when nobody came to it in time."""
        place = _Place(item)
        with self._lock:
            self._places.append(place)
            is_mine = not self._is_acting
            self._is_acting = True
        if not is_mine:
            place.wake.acquire(timeout=timeout_seconds)
            if not self._is_mine_now(place):
                return place.is_done
        self._round(place)
        return True

    def _is_mine_now(self, place: _Place[T]) -> bool:
        with self._lock:
            if not (place.is_done or place.is_next) and place in self._places:
                self._places.remove(place)
            return place.is_next

    def _round(self, mine: _Place[T]) -> None:
        """Do what has gathered, which begins with one's own, and let the next one go on."""
        with self._lock:
            places = [self._places.popleft() for _ in range(min(self._at_once, len(self._places)))]
        try:
            self._act([place.item for place in places])
        finally:
            with self._lock:
                self._is_acting = bool(self._places)
                for place in self._places:
                    place.is_next = True
                    place.wake.release()
                    break
                for place in places:
                    place.is_done = True
                    if place is not mine:
                        place.wake.release()
