"""What Cloudflare allows, and what it says of what is left: rules and headers, nothing is sent or waited for.

https://developers.cloudflare.com/fundamentals/api/reference/limits/
"""

import re
from collections.abc import Mapping
from typing import Final

from app.domain.limits import Allowance, CallKind, Told, Window
from app.settings import CloudflareSettings

REMOTE: Final = "cloudflare"
BUDGET: Final = "default"
_WINDOW_SECONDS: Final = 300.0
_LEFT: Final = re.compile(r";\s*r=(\d{1,9});\s*t=(\d{1,9})")
_POLICY: Final = re.compile(r";\s*q=(\d{1,9});\s*w=\d+")


def allowance(settings: CloudflareSettings) -> Allowance:
    """Return what Cloudflare allows our token; a rate of 0 is one that it does not have."""
    return Allowance(
        remote=REMOTE,
        name="Cloudflare",
        windows={"calls": Window(_WINDOW_SECONDS, settings.rate)} if settings.rate else {},
        costs={kind: {"calls": 1} for kind in CallKind},
        resources=dict.fromkeys(CallKind, BUDGET),
    )


def told(headers: Mapping[str, str]) -> Told | None:
    """Return what an answer says of the budget that ends first; None where it says nothing."""
    left = [
        (int(remaining), int(seconds)) for remaining, seconds in _LEFT.findall(headers.get("Ratelimit", ""))
    ]
    if not left:
        return None
    remaining, seconds = min(left)
    quotas = [int(quota) for quota in _POLICY.findall(headers.get("Ratelimit-Policy", ""))]
    return Told(max([remaining, *quotas]), remaining, float(seconds))
