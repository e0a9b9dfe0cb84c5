"""How often one caller may try to sign in, or a token: counted by address, in the memory of one process.

Several processes let in as many times as much. What calls of functions may cost is counted elsewhere.
"""

import ipaddress
import math
import time
from collections.abc import Mapping
from typing import Any, Final, NoReturn, cast

from flask import Flask, current_app, request
from flask_limiter import Limiter, RequestLimit
from limits import RateLimitItem, RateLimitItemPerMinute
from werkzeug.middleware.proxy_fix import ProxyFix

from app.errors import TooManyRequests

# What has us ask GitHub, and what fills our tables; a terminal asks again and again while its owner thinks.
_LIMITS: Final[Mapping[str, str]] = {
    "pages_login.begin": "60 per minute",
    "pages_login.finish": "60 per minute",
    "login.begin_device": "30 per minute",
    "login.finish_device": "120 per minute",
    "tokens.create_token": "60 per minute",
    "pages_account.create_token": "60 per minute",
}
_WRONG_TOKENS: Final[RateLimitItem] = RateLimitItemPerMinute(120)
_EXTENSION: Final = "branchline-limiter"
# Whoever has one address of IPv6 has all of these.
_IPV6_PREFIX: Final = 64


def register_limits(web: Flask, proxies: int) -> None:
    """Have the routes of sign-ins and tokens counted; call it when they are all there."""
    if proxies:
        web.wsgi_app = ProxyFix(web.wsgi_app, x_for=proxies, x_proto=0, x_host=0)  # type: ignore[method-assign]
    limiter = Limiter(
        caller_address, app=web, storage_uri="memory://", strategy="moving-window", on_breach=_refuse
    )
    web.extensions[_EXTENSION] = limiter
    for endpoint, limit in _LIMITS.items():
        if endpoint in web.view_functions:
            limited: Any = limiter.limit(limit)(web.view_functions[endpoint])
            web.view_functions[endpoint] = limited


def count_wrong_token() -> None:
    """Count a token that is none. Raises TooManyRequests; a good one is taken however many were wrong."""
    limiter, address = cast("Limiter", current_app.extensions[_EXTENSION]), caller_address()
    if not limiter.limiter.hit(_WRONG_TOKENS, "wrong-token", address):
        reset_at = limiter.limiter.get_window_stats(_WRONG_TOKENS, "wrong-token", address).reset_time
        raise _too_many("trying tokens", reset_at)


def caller_address() -> str:
    """Return where a request comes from, as far as one caller is told from another by it."""
    given = request.remote_addr or "unknown"
    try:
        address = ipaddress.ip_address(given)
    except ValueError:
        return given
    if address.version == 4:  # noqa: PLR2004 - of the Internet Protocol
        return given
    return str(ipaddress.ip_network((int(address), _IPV6_PREFIX), strict=False))


def _refuse(limit: RequestLimit) -> NoReturn:
    raise _too_many("signing in, or making tokens", limit.reset_at)


def _too_many(doing: str, reset_at: float) -> TooManyRequests:
    seconds = max(1, math.ceil(reset_at - time.time()))
    return TooManyRequests(
        f"{doing}: that is too often from this address; try again in {seconds} seconds",
        retry_after_seconds=seconds,
    )
