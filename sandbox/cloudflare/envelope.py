"""Cloudflare's envelope: every API answer is {success, errors, messages, result}."""

from collections.abc import Sequence
from typing import Any

from flask import Response, jsonify, make_response, request

from sandbox.cloudflare.errors import ApiError


def ok(result: Any, *, status: int = 200, result_info: dict[str, Any] | None = None) -> Response:
    """Answer with a result."""
    body = {"success": True, "errors": [], "messages": [], "result": result}
    if result_info is not None:
        body["result_info"] = result_info
    return make_response(jsonify(body), status)


def page(items: Sequence[Any]) -> Response:
    """Answer with a whole list as the first page; clients go on asking until a page is empty."""
    number = request.args.get("page", 1, type=int)
    shown = list(items) if number == 1 else []
    total = len(items)
    info = {
        "page": number,
        "per_page": max(total, 20),
        "count": len(shown),
        "total_count": total,
        "total_pages": 1,
    }
    return ok(shown, result_info=info)


def refused(error: ApiError) -> Response:
    """Answer with a refusal."""
    errors = [{"code": error.code, "message": error.message}]
    response = make_response(
        jsonify({"success": False, "errors": errors, "messages": [], "result": None}), error.status
    )
    response.headers.update(error.headers)
    return response
