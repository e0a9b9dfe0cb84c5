"""Looks at others that many people share: what GitHub and Cloudflare told a moment ago is not asked again.

What cannot change any more is kept until there is newer; what still goes on, for seconds. Each web process
remembers for itself. Nothing here knows what it keeps.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar

V = TypeVar("V")
GOING_ON_SECONDS: Final = 4.0
_MOST: Final = 256
_FOR_EVER: Final = float("inf")


class Recent(Generic[V]):
    """Values by key, the newest of them; of several who want the same, one asks and the others wait."""

    def __init__(self, most: int = _MOST, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._monotonic = monotonic
        self._kept: OrderedDict[Hashable, tuple[V, float]] = OrderedDict()
        self._asking: dict[Hashable, threading.Lock] = {}
        self._lock = threading.Lock()

    def get(self, key: Hashable, ask: Callable[[], V], is_final: Callable[[V], bool]) -> V:
        """Return what is kept, else what `ask` says, which is kept for ever when it `is_final`."""
        with self._lock:
            asking = self._asking.setdefault(key, threading.Lock())
        with asking:
            try:
                return self._known(key)
            except KeyError:
                return self._asked(key, ask, is_final)

    def _asked(self, key: Hashable, ask: Callable[[], V], is_final: Callable[[V], bool]) -> V:
        try:
            value = ask()
        except BaseException:
            with self._lock:
                self._asking.pop(key, None)
            raise
        self._keep(key, value, is_final=is_final(value))
        return value

    def _known(self, key: Hashable) -> V:
        with self._lock:
            value, until = self._kept[key]
            if self._monotonic() >= until:
                raise KeyError(key)
            self._kept.move_to_end(key)
            return value

    def _keep(self, key: Hashable, value: V, *, is_final: bool) -> None:
        until = _FOR_EVER if is_final else self._monotonic() + GOING_ON_SECONDS
        with self._lock:
            self._kept[key] = (value, until)
            self._kept.move_to_end(key)
            while len(self._kept) > self._most:
                self._asking.pop(self._kept.popitem(last=False)[0], None)


@dataclass(frozen=True, slots=True)
class Looks:
    """What this process saw of builds, of changes and of what scripts said."""

    jobs: Recent[Any] = field(default_factory=Recent)
    changes: Recent[Any] = field(default_factory=Recent)
    runtime: Recent[Any] = field(default_factory=Recent)
