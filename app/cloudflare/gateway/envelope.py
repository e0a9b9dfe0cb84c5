"""Cloudflare's envelope: every answer of its API is `{success, errors, messages, result}`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Fault:
    """One entry of `errors`; clients act on the code and show the message."""

    code: int
    message: str


def accepted(result: Any) -> Mapping[str, Any]:
    """Return the envelope of an answer with a result."""
    return {"success": True, "errors": [], "messages": [], "result": result}


def refused(faults: Sequence[Fault]) -> Mapping[str, Any]:
    """Return the envelope of a refusal."""
    errors = [{"code": fault.code, "message": fault.message} for fault in faults]
    return {"success": False, "errors": errors, "messages": [], "result": None}
