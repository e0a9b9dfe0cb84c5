"""The invocations of one process: those under way, and those that ended lately."""

import threading
from collections import OrderedDict
from typing import Final

from app.dispatch.live import LiveInvocation
from app.errors import NotFound

_MOST: Final = 1000
_MOST_CHARS: Final = 16 * 1024 * 1024
_Key = tuple[str, str]


class KeptInvocations:
    """Finds them by owner and id; may be asked by any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: dict[_Key, LiveInvocation] = {}
        self._over: OrderedDict[_Key, LiveInvocation] = OrderedDict()

    def add(self, owner: str, live: LiveInvocation) -> None:
        """Keep a new one."""
        with self._lock:
            self._running[owner, live.id] = live

    def get(self, owner: str, invocation_id: str) -> LiveInvocation:
        """Return one. Raises NotFound."""
        key = (owner, invocation_id)
        with self._lock:
            live = self._running.get(key) or self._over.get(key)
        if live is None:
            raise NotFound(
                f"looking for invocation {invocation_id[:64]}: this process streamed none lately",
                code="invocation:not-found",
            )
        return live

    def end(self, owner: str, live: LiveInvocation) -> None:
        """Move one to those that are over; the ones that are over for longest go when they are too many."""
        with self._lock:
            self._running.pop((owner, live.id), None)
            self._over[owner, live.id] = live
            while len(self._over) > _MOST or sum(it.chars for it in self._over.values()) > _MOST_CHARS:
                self._over.popitem(last=False)

    def forget(self, after_seconds: float) -> None:
        """Let go of those that are over for so long."""
        with self._lock:
            while self._over:
                key, oldest = next(iter(self._over.items()))
                if oldest.seconds_alone() < after_seconds:
                    return
                del self._over[key]
