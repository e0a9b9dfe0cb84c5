"""A script's own limits: checked and shown; workerd does not hold a script to them."""

from typing import Any

from sandbox.cloudflare import errors
from sandbox.cloudflare.model import Json

# https://developers.cloudflare.com/workers/platform/limits/: five minutes, ten thousand.
_MOST = {"cpu_ms": 300_000, "subrequests": 10_000}


def check_limits(limits: Any) -> Json:
    """Return limits, none when nothing is said, or refuse them."""
    if limits is None:
        return {}
    if not isinstance(limits, dict):
        raise errors.invalid_request("limits must be an object")
    unknown = sorted(set(limits) - set(_MOST))
    if unknown:
        raise errors.invalid_request(f"limits has no field {unknown[0]!r}")
    for name, limit in limits.items():
        if type(limit) is not int or not 1 <= limit <= _MOST[name]:
            raise errors.invalid_request(f"limits.{name} must be a number between 1 and {_MOST[name]}")
    return dict(limits)
