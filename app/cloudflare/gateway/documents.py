"""JSON from outside: an object that can be kept and sent on, or a refusal."""

import json
from typing import Any

from app.errors import InvalidInput


def read_object(raw: bytes, what: str) -> dict[str, Any]:
    """Return the JSON object in `raw`; `what` names it in errors.

    Raises:
        InvalidInput: it is no JSON object, or has something that JSON in UTF-8 cannot hold, such as half a
            surrogate pair, or a number beyond all bounds.
    """
    try:
        found = json.loads(raw)
        json.dumps(found, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError):
        raise InvalidInput(f"reading {what}: it is not valid JSON", code="upload:invalid-json") from None
    if not isinstance(found, dict):
        raise InvalidInput(f"reading {what}: it is not a JSON object", code="upload:invalid-json")
    return found
