"""What scripts say while they answer, as the platform that runs them keeps it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class RuntimeLine:
    """A line that a script wrote, or an exception that nobody caught; `id` is good for telling lines apart.

    `request` is what it was answering, method and address, where the platform says so.
    """

    id: str
    at: datetime
    script: str
    level: str
    message: str
    request: str | None


class RuntimeLogs(Protocol):
    """What scripts said."""

    def newest(
        self, scripts: Sequence[str], *, since: datetime, until: datetime, limit: int
    ) -> Sequence[RuntimeLine]:
        """Return the newest lines of scripts, oldest first; what was said just now may come later."""
