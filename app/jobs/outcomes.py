"""What one attempt of a step came to, as JSON: answered, failed or postponed.

Errors are kept as values, so that a replay raises what the first run raised. Nothing here runs anything.
"""

import json
import logging
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from app.errors import BranchlineError, Broken

log = logging.getLogger(__name__)

_MESSAGE_LIMIT: Final = 2000


@dataclass(frozen=True, slots=True)
class Answered:
    """The action ended well."""

    answer: Any

    def to_json(self) -> dict[str, Any]:
        """Return what is stored."""
        return {"answer": self.answer}


@dataclass(frozen=True, slots=True)
class Failed:
    """The action failed for good. `kind` is the name of the error's class."""

    kind: str
    code: str
    message: str
    details: Mapping[str, Any]

    @classmethod
    def from_error(cls, error: BranchlineError) -> "Failed":
        """Keep the facts of an error. Details that JSON does not hold are kept as text."""
        details = json.loads(json.dumps(error.details, default=str))
        return cls(type(error).__name__, error.error_code, error.message[:_MESSAGE_LIMIT], details)

    def to_json(self) -> dict[str, Any]:
        """Return what is stored."""
        return {"failed": {"kind": self.kind, **self.for_people}}

    @property
    def for_people(self) -> dict[str, Any]:
        """The error as a job shows it."""
        return {"code": self.code, "message": self.message, "details": dict(self.details)}

    def as_error(self) -> BranchlineError:
        """Build the error again: same class, code, message and details, whatever its constructor asks for."""
        kind = _kinds().get(self.kind, Broken)
        error = kind.__new__(kind)
        BranchlineError.__init__(error, self.message, code=self.code)
        error.details = dict(self.details)
        return error


@dataclass(frozen=True, slots=True)
class Postponed:
    """The remote was unavailable; the action is tried again at `until`."""

    until: datetime
    message: str

    def to_json(self) -> dict[str, Any]:
        """Return what is stored."""
        return {"postponed": {"until": self.until.isoformat(), "message": self.message}}


Outcome = Answered | Failed | Postponed


def outcome_from_json(stored: Mapping[str, Any]) -> Outcome:
    """Read what was stored."""
    if "postponed" in stored:
        postponed = stored["postponed"]
        return Postponed(datetime.fromisoformat(postponed["until"]), postponed["message"])
    if "failed" in stored:
        return Failed(**stored["failed"])
    return Answered(stored["answer"])


def answered(name: str, answer: Any) -> Answered:
    """Check that JSON holds the answer, so that a replay sees just what the first run saw.

    Raises:
        TypeError: it does not.
    """
    if json.loads(json.dumps(answer)) != answer:
        raise TypeError(
            f"step {name!r} answered a {type(answer).__name__} of which JSON makes something else"
        )
    return Answered(answer)


def broken(doing: str, error: Exception) -> Failed:
    """Turn an unexpected exception into a failure; what it says goes to the log only."""
    reference = secrets.token_hex(6)
    log.error("%s failed unexpectedly (reference %s)", doing, reference, exc_info=error)
    return Failed.from_error(Broken(f"{doing}: unexpected error, reference {reference}", reference=reference))


def _kinds() -> dict[str, type[BranchlineError]]:
    kinds: dict[str, type[BranchlineError]] = {}
    waiting = [BranchlineError]
    while waiting:
        kind = waiting.pop()
        kinds[kind.__name__] = kind
        waiting += kind.__subclasses__()
    return kinds
