"""Reading request bodies."""

from typing import Any

from flask import request

from sandbox.cloudflare import errors
from sandbox.cloudflare.model import Json


def json_body() -> Any:
    """Return the body's JSON, or refuse it."""
    body = request.get_json(force=True, silent=True)
    if body is None:
        raise errors.invalid_json()
    return body


def json_object() -> Json:
    """Return the body's JSON object, or refuse it."""
    body = json_body()
    if not isinstance(body, dict):
        raise errors.invalid_json()
    return body
