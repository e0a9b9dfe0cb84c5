"""The one place where what PyGithub and requests raise becomes an error of ours.

It looks at status and headers, never at what was asked; the sentence that says so comes from the caller.
"""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from github import BadAttributeException, GithubException
from requests import RequestException

from app.errors import (
    BranchlineError,
    RateLimited,
    RemoteConflict,
    RemoteForbidden,
    RemoteMissing,
    RemoteRefused,
    RemoteUnavailable,
)
from app.github.limits import clock_there

# A body that is cut off inside its JSON reaches us as a JSONDecodeError, one of another shape than GitHub
# documents as a BadAttributeException.
VendorError = GithubException | RequestException | json.JSONDecodeError | BadAttributeException
VENDOR_ERRORS: Final = (GithubException, RequestException, json.JSONDecodeError, BadAttributeException)

_UNSTATED_PAUSE_SECONDS: Final = 60
_LONGEST_PAUSE_SECONDS: Final = 3600
_LONGEST_REASON: Final = 300
_SERVER_ERROR: Final = 500
_REFUSALS: Final[Mapping[int, type[RemoteRefused]]] = {
    401: RemoteForbidden,
    403: RemoteForbidden,
    404: RemoteMissing,
    409: RemoteConflict,
    410: RemoteMissing,
    422: RemoteConflict,
    451: RemoteForbidden,
}


def translated(error: VendorError, doing: str, now: datetime) -> BranchlineError:
    """Return our error for theirs; its text is `doing` and GitHub's own reason."""
    if not isinstance(error, GithubException):
        return RemoteUnavailable(f"{doing}: GitHub did not answer properly ({type(error).__name__})")
    headers = {name.lower(): str(value) for name, value in (error.headers or {}).items()}
    message = f"{doing}: {_reason(error)}"
    facts: dict[str, Any] = {"status": error.status, "request_id": headers.get("x-github-request-id")}
    if "was archived" in _reason(error):
        return RemoteForbidden(message, code="repository:archived", **facts)
    if _is_rate_limit(error, headers):
        return RateLimited(message, retry_at=_retry_at(headers, now), **facts)
    if error.status >= _SERVER_ERROR or error.status == 408:  # noqa: PLR2004 - Request Timeout
        return RemoteUnavailable(message, **facts)
    return _REFUSALS.get(error.status, RemoteRefused)(message, **facts)


def _is_rate_limit(error: GithubException, headers: Mapping[str, str]) -> bool:
    """Tell a limit from a missing permission: both may come as 403."""
    # https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
    if error.status == 429:  # noqa: PLR2004 - Too Many Requests
        return True
    if error.status != 403:  # noqa: PLR2004 - Forbidden
        return False
    text = _reason(error).lower()
    is_said = "rate limit" in text or "abuse detection" in text
    return is_said or "retry-after" in headers or headers.get("x-ratelimit-remaining") == "0"


def _retry_at(headers: Mapping[str, str], now: datetime) -> datetime:
    """Honour retry-after, then the end of a used-up window, else a minute; never more than an hour."""
    seconds: float = _UNSTATED_PAUSE_SECONDS
    if headers.get("retry-after", "").isdecimal():
        seconds = int(headers["retry-after"])
    elif headers.get("x-ratelimit-remaining") == "0":
        theirs = clock_there(headers, now).timestamp()
        seconds = _number(headers.get("x-ratelimit-reset"), theirs + seconds) - theirs
    return now + timedelta(seconds=min(max(seconds, 1), _LONGEST_PAUSE_SECONDS))


def _number(text: str | None, otherwise: float) -> float:
    return float(text) if text and text.isdecimal() else otherwise


def _reason(error: GithubException) -> str:
    """Return GitHub's message and, after it, what it found wrong in particular."""
    data = error.data if isinstance(error.data, dict) else {}
    message = str(data.get("message") or error.message or f"status {error.status}")
    particulars = [text for item in _items(data.get("errors")) if (text := _particular(item)) != message]
    return "; ".join([message, *particulars])[:_LONGEST_REASON]


def _items(errors: Any) -> list[Any]:
    return errors if isinstance(errors, list) else [errors] if errors else []


def _particular(item: Any) -> str:
    if not isinstance(item, dict):
        return str(item)
    return str(item.get("message") or f"{item.get('field', item.get('resource', ''))} {item.get('code', '')}")
