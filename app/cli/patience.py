"""Asking on while somebody waits, although the control plane asks for a pause or is away for a moment.

What is asked is not known here.
"""

import time
from collections.abc import Callable
from typing import Final, TypeVar

from app.errors import RemoteUnavailable

_PATIENCE_SECONDS: Final = 300.0
_SHORTEST_SECONDS: Final = 1.0
_UNSTATED_SECONDS: Final = 5.0
_T = TypeVar("_T")


class Patience:
    """Waits for answers of a control plane; when nobody is following, not at all.

    `was_answered`: it is known to be there, because it has answered something else before.
    """

    def __init__(
        self, *, is_following: bool = True, was_answered: bool = False, seconds: float = _PATIENCE_SECONDS
    ) -> None:
        self._is_following = is_following
        self._was_answered = was_answered
        self._seconds = seconds

    def ask(self, question: Callable[[], _T]) -> _T:
        """Return what is answered in the end.

        Raises:
            RemoteUnavailable: it would take minutes; or nobody ever answered, nor said when they would.
        """
        deadline = time.monotonic() + self._seconds
        while True:
            try:
                answer = question()
            except RemoteUnavailable as error:
                pause = self._pause_after(error)
                if pause is None or time.monotonic() + pause > deadline:
                    raise
                time.sleep(pause)
            else:
                self._was_answered = True
                return answer

    def _pause_after(self, error: RemoteUnavailable) -> float | None:
        """Return how long to wait; None where waiting is not for us."""
        if not self._is_following:
            return None
        stated = error.details.get("retryAfterSeconds")
        if stated is not None:
            return max(float(stated), _SHORTEST_SECONDS)
        return _UNSTATED_SECONDS if self._was_answered else None
