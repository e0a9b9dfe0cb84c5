"""What GitHub allows, and what it says of what is left: rules and headers, nothing is sent or waited for.

https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
"""

from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Final

from app.domain.limits import Allowance, CallKind, Told, Window
from app.settings import GitHubSettings

REMOTE: Final = "github"
_MINUTE: Final = 60.0
_HOUR: Final = 3600.0
_QUESTIONS_PER_POINT: Final = 2  # GraphQL has 2,000 points a minute of its own where REST has 900


def allowance(settings: GitHubSettings) -> Allowance:
    """Return what GitHub allows our account; a rate of 0 is one that it does not have."""
    rates = {
        "points": Window(_MINUTE, settings.point_rate),
        "questions": Window(_MINUTE, settings.point_rate * _QUESTIONS_PER_POINT),
        "writes": Window(_HOUR, settings.write_rate),
    }
    return Allowance(
        remote=REMOTE,
        name="GitHub",
        windows={name: window for name, window in rates.items() if window.most},
        costs={
            CallKind.READ: {"points": 1},
            CallKind.WRITE: {"points": 5, "writes": 1},
            CallKind.QUESTION: {"questions": 1},
        },
        resources={CallKind.READ: "core", CallKind.WRITE: "core", CallKind.QUESTION: "graphql"},
        pause_seconds=settings.write_pause_seconds,
    )


def told(headers: Mapping[str, str], now: datetime) -> tuple[str, Told] | None:
    """Return what an answer says of a budget and which it is, its reset in seconds from now.

    The names of `headers` are in lower case. None where it says nothing.
    """
    numbers = [headers.get(f"x-ratelimit-{name}", "") for name in ("limit", "remaining", "reset")]
    if not all(it.isdecimal() for it in numbers):
        return None
    limit, remaining, reset = map(int, numbers)
    resource = headers.get("x-ratelimit-resource", "core")
    return resource, Told(limit, remaining, reset - clock_there(headers, now).timestamp())


def clock_there(headers: Mapping[str, str], ours: datetime) -> datetime:
    """Return the time by GitHub's clock, which its times are told by, or by ours where it does not say."""
    date = headers.get("date")
    try:
        return parsedate_to_datetime(date) if date else ours
    except ValueError:
        return ours
