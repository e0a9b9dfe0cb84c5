"""Times as GitHub writes them: UTC, whole seconds, with a Z."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> str:
    """Return the present as ``2026-01-31T12:00:00Z``."""
    return stamp(datetime.now(UTC))


def stamp(moment: datetime) -> str:
    """Return an aware time in GitHub's form."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def utc(text: str) -> str:
    """Turn any ISO 8601 time with an offset into GitHub's form."""
    return stamp(datetime.fromisoformat(text))


def seconds(text: str) -> int:
    """Return the Unix time of a time in GitHub's form."""
    return int(datetime.fromisoformat(text).timestamp())
