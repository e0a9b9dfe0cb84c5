"""JSON from outside: an object that can be kept and sent on, or a refusal."""

import json
from collections.abc import Iterable
from typing import Any, Final

from app.errors import InvalidInput

# Whoever reads it later may be deeper in calls than we are here, and Python counts both.
MAX_DEPTH: Final = 200


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
    if _is_deeper(found, MAX_DEPTH):
        raise InvalidInput(
            f"reading {what}: it is nested deeper than {MAX_DEPTH}", code="upload:invalid-json"
        )
    return found


def _is_deeper(found: object, levels: int) -> bool:
    layer = [found]
    for _ in range(levels):
        layer = [inner for it in layer for inner in _inside(it)]
    return any(isinstance(it, dict | list) for it in layer)


def _inside(found: object) -> Iterable[object]:
    if isinstance(found, dict):
        return found.values()
    return found if isinstance(found, list) else ()
