"""How a series of short times is told; a tool of the benchmarks that measure milliseconds."""

from __future__ import annotations

import statistics


def spread(seconds: list[float]) -> str:
    """Return the median with the smallest and the largest, in milliseconds."""
    median, least, most = (1000 * it for it in (statistics.median(seconds), min(seconds), max(seconds)))
    return f"{median:.0f} ms ({least:.0f} to {most:.0f}, n={len(seconds)})"
