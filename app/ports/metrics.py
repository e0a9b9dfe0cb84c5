"""What an operator watches, as any process can tell it."""

from collections.abc import Sequence
from typing import Protocol

from app.domain.metrics import Sample


class Metrics(Protocol):
    """Totals, which only grow and outlive what they count, and how things stand now."""

    def advance(self, *, limit: int = 2000) -> int:
        """Add up to `limit` facts to the totals, each once, and return how many those were."""

    def read(self) -> Sequence[Sample]:
        """Return every value; quickly, however much there is."""
