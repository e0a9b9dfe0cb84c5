"""What a function answered: read from what came, and, as a job keeps it, JSON values of bounded size.

What was left out is said in its place. Whether the function is called again is for the job.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from app.errors import RemoteRefused

MAXIMUM_RESULT_BYTES: Final = 256 * 1024
MAXIMUM_LOG_BYTES: Final = 64 * 1024
_UNKEPT: Final[Mapping[str, Any]] = {
    "result": None,
    "note": "the function has run, and its result is not kept: it is nested too deeply, or has more than "
    f"{MAXIMUM_RESULT_BYTES} bytes",
}


def read_answer(function: str, body: bytes) -> Mapping[str, Any]:
    """Return what a worker answered, in which nothing but `success` needs to be there, or of its usual form.

    Raises:
        RemoteRefused: somebody else answered, as code of an app may at any of its addresses.
        RecursionError: it is nested too deeply to be read.
    """
    try:
        told = json.loads(body)
    except ValueError:
        told = None
    if not isinstance(told, dict) or "success" not in told:
        raise RemoteRefused(
            f"invoking {function[:60]}: it does not answer as a worker does", code="worker:failed"
        )
    return told


def kept_answer(told: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is kept of an answer, in the form that answers have."""
    answer = {"success": told.get("success") is True, "function": told.get("function")}
    ending = _result(told) if answer["success"] else {"error": _error(told.get("error"))}
    return answer | ending | {"logs": _logs(told.get("logs")), "duration": told.get("duration")}


def unkept_answer(function: str) -> dict[str, Any]:
    """Return what is kept of an answer that is too large, or too deep, to be read."""
    return {"success": True, "function": function, **_UNKEPT, "logs": [], "duration": None}


def broken_answer(function: str, message: str) -> dict[str, Any]:
    """Return what is kept where a worker gave no answer."""
    error = {"name": "WorkerFailed", "message": message}
    return {"success": False, "function": function, "error": error, "logs": [], "duration": None}


def _result(told: Mapping[str, Any]) -> dict[str, Any]:
    result = told.get("result")
    return {"result": result} if len(json.dumps(result)) <= MAXIMUM_RESULT_BYTES else dict(_UNKEPT)


def _error(error: Any) -> Mapping[str, Any]:
    return error if isinstance(error, dict) else {"name": "Error", "message": json.dumps(error)}


def _logs(lines: Any) -> Sequence[Any]:
    """Return the first lines, and a line of ours about the others."""
    kept: list[Any] = []
    left = MAXIMUM_LOG_BYTES
    given = [line for line in lines if isinstance(line, dict)] if isinstance(lines, list) else []
    for line in given:
        left -= len(json.dumps(line))
        if left < 0:
            message = f"[{len(given) - len(kept)} more lines are not kept]"
            return [*kept, {"level": "warn", "message": message, "timestamp": line.get("timestamp")}]
        kept.append(line)
    return kept
