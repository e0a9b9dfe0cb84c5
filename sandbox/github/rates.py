"""The hourly budgets of each token: requests, and points of GraphQL. Secondary limits are not modelled."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

HOUR_SECONDS = 3600


@dataclass(frozen=True)
class Rate:
    """What a token has left of a ``resource`` in its hour; ``reset`` is a Unix time."""

    resource: str
    limit: int
    used: int
    reset: int

    @property
    def remaining(self) -> int:
        """Return how many requests are left."""
        return max(0, self.limit - self.used)

    @property
    def exceeded(self) -> bool:
        """Tell whether the last request was one too many."""
        return self.used > self.limit

    def headers(self) -> dict[str, str]:
        """Return GitHub's headers."""
        return {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(self.remaining),
            "X-RateLimit-Reset": str(self.reset),
            "X-RateLimit-Used": str(min(self.used, self.limit)),
            "X-RateLimit-Resource": self.resource,
        }


class Budgets:
    """Counts what each token spends of a resource; forgets with the process."""

    def __init__(self, limit: int, resource: str = "core") -> None:
        self._limit = limit
        self._resource = resource
        self._lock = threading.Lock()
        self._hours: dict[int, tuple[int, int]] = {}

    def spend(self, token_id: int, cost: int = 1) -> Rate:
        """Count one request, or what it costs, and return what is left."""
        return self._count(token_id, cost)

    def look(self, token_id: int) -> Rate:
        """Return what is left without spending."""
        return self._count(token_id, 0)

    def _count(self, token_id: int, cost: int) -> Rate:
        with self._lock:
            present = int(time.time())
            reset, used = self._hours.get(token_id, (0, 0))
            if reset <= present:
                reset, used = present + HOUR_SECONDS, 0
            self._hours[token_id] = (reset, used + cost)
            return Rate(self._resource, self._limit, used + cost, reset)
