"""Answers of the gateway: Cloudflare's envelope, statuses and codes, also for what we did not foresee.

wrangler tries again what is answered 429 or 5xx, and waits first where `Retry-After` says so.
"""

import logging
import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from flask import Flask, Response, jsonify, request
from werkzeug.exceptions import ClientDisconnected, HTTPException, MethodNotAllowed, RequestTimeout
from werkzeug.exceptions import NotFound as NoRoute

from app.cloudflare.gateway.envelope import Fault, accepted, refused
from app.errors import (
    BranchlineError,
    Busy,
    Conflict,
    InvalidInput,
    Malformed,
    NotAllowed,
    NotFound,
    Overloaded,
    RateLimited,
    RemoteRefused,
    RemoteUnavailable,
    ScriptRefused,
    TooLarge,
    Unauthenticated,
)

_LOG = logging.getLogger(__name__)
_BROKEN: Final = (500, 10000)
_NO_ROUTE: Final = 7003
_DATABASE_AWAY: Final = "database:unavailable"
_NOT_WHOLE: Final = 10001
_TOO_LARGE: Final = (413, 10027)
# Status and Cloudflare's code; the first class that matches counts, so the narrower stand first.
_ANSWERS: Final[Mapping[type[BranchlineError], tuple[int, int]]] = {
    ScriptRefused: (400, 10021),
    InvalidInput: (400, 10021),
    Malformed: (400, 10001),
    Unauthenticated: (401, 10000),
    NotAllowed: (403, 9109),
    NotFound: (404, 10007),
    Busy: (429, 971),
    Conflict: (409, 10409),
    TooLarge: _TOO_LARGE,
    RateLimited: (429, 971),
    Overloaded: (429, 971),
    RemoteUnavailable: (503, 10013),
    RemoteRefused: (502, 10000),
}


def accept(result: Any, status: int = 200) -> Response:
    """Answer with a result."""
    response = jsonify(accepted(result))
    response.status_code = status
    return response


def refuse(status: int, *faults: Fault) -> Response:
    """Answer with a refusal."""
    response = jsonify(refused(faults))
    response.status_code = status
    return response


def register_errors(web: Flask) -> None:
    """Have every exception answered in the envelope."""
    web.register_error_handler(BranchlineError, _on_ours)
    web.register_error_handler(HTTPException, _on_http)
    web.register_error_handler(Exception, _on_unforeseen)


def _on_ours(error: BranchlineError) -> Response:
    status, code = next((it for kind, it in _ANSWERS.items() if isinstance(error, kind)), _BROKEN)
    if (status, code) == _BROKEN:
        return _on_unforeseen(error)
    response = refuse(status, *_faults(error, code))
    pause = _pause_seconds(error)
    if pause is not None:
        response.headers["Retry-After"] = str(pause)
    return response


def _faults(error: BranchlineError, code: int) -> Sequence[Fault]:
    """Return what to show: a sentence for each problem, and Cloudflare's own code where it was Cloudflare."""
    told = error.details.get("problems") or [error.message]
    if error.error_code == _DATABASE_AWAY:
        # It names host and user.
        _LOG.warning("%s", error.message)
        told = ["The database does not answer; nothing was changed."]
    if isinstance(error, ScriptRefused):
        code = next(iter(error.details.get("codes") or ()), code)
    return [Fault(code, message) for message in told]


def _pause_seconds(error: BranchlineError) -> int | None:
    if isinstance(error, Busy | Overloaded):
        return error.retry_after_seconds
    if isinstance(error, RateLimited):
        return max(1, round((error.retry_at - datetime.now(UTC)).total_seconds()))
    return None


def _on_http(error: HTTPException) -> Response:
    """Answer what Flask raises, and `bodies`: no such route or method, a body that did not come whole."""
    if isinstance(error, NoRoute | MethodNotAllowed):
        message = f"{request.method} {request.path[:200]} is not part of a deployment through Branchline"
        return refuse(error.code, Fault(_NO_ROUTE, message))
    if isinstance(error, ClientDisconnected | RequestTimeout):
        return refuse(error.code, Fault(_NOT_WHOLE, "uploading: the request did not come whole, or in time"))
    return _on_unforeseen(error)


def _on_unforeseen(error: Exception) -> Response:
    reference = secrets.token_hex(8)
    _LOG.error("unforeseen error %s", reference, exc_info=error)
    message = f"Something broke in Branchline; its log has it under {reference}."
    return refuse(_BROKEN[0], Fault(_BROKEN[1], message))
