"""Cloudflare's envelope: every API answer is {success, errors, messages, result}."""

from collections.abc import Sequence
from typing import Any

from flask import Response, jsonify, make_response

from sandbox.cloudflare.errors import ApiError


def ok(result: Any, *, status: int = 200, result_info: dict[str, Any] | None = None) -> Response:
    """Answer with a result."""
    body = {"success": True, "errors": [], "messages": [], "result": result}
    if result_info is not None:
        body["result_info"] = result_info
    return make_response(jsonify(body), status)


def page(items: Sequence[Any]) -> Response:
    """Answer with a whole list, which is one page."""
    return ok(list(items), result_info=page_info(len(items)))


def page_info(count: int) -> dict[str, Any]:
    """Describe a list that fits on one page."""
    return {"page": 1, "per_page": max(count, 20), "count": count, "total_count": count, "total_pages": 1}


def refused(error: ApiError) -> Response:
    """Answer with a refusal."""
    errors = [{"code": error.code, "message": error.message}]
    response = make_response(
        jsonify({"success": False, "errors": errors, "messages": [], "result": None}), error.status
    )
    response.headers.update(error.headers)
    return response
