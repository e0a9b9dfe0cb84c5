"""Errors at the edge: the only place that knows status codes.

Every answer is `{"error": {"code", "message", "details"}}`, and a page where people look at pages. What
we did not foresee is logged with a reference id, and only the id is shown.
"""

import logging
import secrets
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Final

from flask import Flask, Response, current_app, jsonify
from pydantic import BaseModel, ValidationError
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from app.errors import (
    BadSignature,
    BranchlineError,
    Busy,
    Conflict,
    Gone,
    InvalidInput,
    Malformed,
    NotAllowed,
    NotFound,
    Overloaded,
    PreconditionFailed,
    RateLimited,
    RemoteRefused,
    RemoteUnavailable,
    Stale,
    TooLarge,
    TooManyRequests,
    Unauthenticated,
    Unprocessable,
)

_LOG = logging.getLogger(__name__)
_UNAVAILABLE: Final = 503
_BROKEN: Final = 500
_AS_PAGE: Final = "branchline:errors-as-pages"
_DATABASE_AWAY: Final = "database:unavailable"
# The first class that matches counts, so the narrower stand first.
_STATUS: Final[Mapping[type[BranchlineError], int]] = {
    InvalidInput: 400,
    Malformed: 400,
    Unauthenticated: 401,
    BadSignature: 401,
    Stale: 401,
    NotAllowed: 403,
    NotFound: 404,
    PreconditionFailed: 412,
    Conflict: 409,
    Gone: 410,
    TooLarge: 413,
    Unprocessable: 422,
    TooManyRequests: 429,
    RemoteUnavailable: _UNAVAILABLE,
    RemoteRefused: 502,
}
_HTTP_CODES: Final = {
    400: "request:invalid",
    404: "request:not-found",
    405: "request:method-not-allowed",
    413: "request:too-large",
    415: "request:not-json",
}


class ErrorDetail(BaseModel):
    """What went wrong: a stable code, a sentence, facts."""

    code: str
    message: str
    details: dict[str, Any]


class ErrorOut(BaseModel):
    """The body of every answer that is not a success."""

    error: ErrorDetail


# What every route may answer, for the API's description.
Responses = dict[str | int | HTTPStatus, type[BaseModel] | dict[Any, Any] | None]
COMMON_ERRORS: Final[Responses] = {"400": ErrorOut, "500": ErrorOut, "503": ErrorOut}
API_ERRORS: Final[Responses] = {**COMMON_ERRORS, "401": ErrorOut, "403": ErrorOut, "404": ErrorOut}


def error_body(code: str, message: str, details: Mapping[str, Any]) -> Response:
    """Return the one form that errors have."""
    return jsonify({"error": {"code": code, "message": message, "details": dict(details)}})


def _answer(status: int, code: str, message: str, details: Mapping[str, Any]) -> Response:
    """Return an error as whoever asks can take it: as a page, or in the one form."""
    as_page: AsPage | None = current_app.extensions.get(_AS_PAGE)
    page = as_page(status, code, message, details) if as_page else None
    answer = page or error_body(code, message, details)
    answer.status_code = page.status_code if page else status
    return answer


def status_of(error: BranchlineError) -> int:
    """Return the status for an error; what is in no table is our mistake."""
    return next((status for kind, status in _STATUS.items() if isinstance(error, kind)), _BROKEN)


def refusal(error: BranchlineError) -> BranchlineError:
    """Return what the page on which something was tried tells of it; what is our mistake leaves again.

    So does that the database is away: the page could not be read either. Both have pages of their own.
    """
    if status_of(error) == _BROKEN or error.error_code == _DATABASE_AWAY:
        raise error
    return error


# Returns the page of an error, by status, code, message and details; None where nobody looks at pages.
AsPage = Callable[[int, str, str, Mapping[str, Any]], Response | None]


def register_errors(web: Flask, as_page: AsPage | None = None) -> None:
    """Have every exception answered in our form, or as a page."""
    web.extensions[_AS_PAGE] = as_page
    web.register_error_handler(BranchlineError, _on_ours)
    web.register_error_handler(HTTPException, _on_http)
    web.register_error_handler(Exception, _on_unforeseen)


def on_invalid(error: ValidationError) -> Response:
    """Answer a request whose path, query or body is not of the documented form."""
    problems = [
        {"field": ".".join(str(part) for part in e["loc"]), "problem": e["msg"]}
        for e in error.errors(include_url=False, include_context=False, include_input=False)
    ]
    first = problems[0]
    where = first["field"] or "body"
    response = error_body("request:invalid", f"reading {where}: {first['problem']}", {"problems": problems})
    response.status_code = 400
    return response


def _on_ours(error: BranchlineError) -> Response:
    status = status_of(error)
    if status == _BROKEN:
        return _on_unforeseen(error)
    message = error.message
    if error.error_code == _DATABASE_AWAY:
        # It names host and user, and anybody may ask /readyz.
        _LOG.warning("%s", message)
        message = "The database does not answer; nothing was changed."
    response = _answer(status, error.error_code, message, error.details)
    if isinstance(error, Busy | Overloaded | TooManyRequests):
        response.headers["Retry-After"] = str(error.retry_after_seconds)
    elif isinstance(error, RateLimited):
        wait = (error.retry_at - datetime.now(UTC)).total_seconds()
        response.headers["Retry-After"] = str(max(1, round(wait)))
    elif isinstance(error, Unauthenticated):
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def _on_http(error: HTTPException) -> Response:
    status = error.code or _BROKEN
    code = _HTTP_CODES.get(status, "request:refused")
    response = _answer(status, code, error.description or error.name, {})
    if isinstance(error, MethodNotAllowed):
        response.headers["Allow"] = ", ".join(sorted(error.valid_methods or ()))
    return response


def _on_unforeseen(error: Exception) -> Response:
    reference = secrets.token_hex(8)
    _LOG.error("unforeseen error %s", reference, exc_info=error)
    message = f"Something broke on our side; the log has it under {reference}."
    return _answer(_BROKEN, "branchline:broken", message, {"reference": reference})
