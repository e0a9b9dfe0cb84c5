"""Variables and secrets of an app's environment: what its scripts find in `env`, beside the author's own.

A secret's `value` is its ciphertext wherever this type goes: nothing but the vault turns it into text again.
"""

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from app.domain.environments import Environment
from app.errors import InvalidInput

RESERVED_PREFIX: Final = "BRANCHLINE_"
MAXIMUM_VALUE_BYTES: Final = 5 * 1024
# Cloudflare takes 128 variables and secrets together: room is left for the author's own.
# https://developers.cloudflare.com/workers/platform/limits/
MAXIMUM_VARIABLES: Final = 100
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable, or one secret. It does not show its value."""

    app_id: str
    environment: Environment
    name: str
    value: str = field(repr=False)
    is_secret: bool
    updated_at: datetime
    actor: str

    @property
    def place(self) -> str:
        """Whose it is, in one word: what a secret is encrypted for."""
        return f"{self.app_id}/{self.environment}/{self.name}"


def check_variable_name(name: str) -> str:
    """Return `name` when a script can have a binding of that name.

    Raises:
        InvalidInput: it is not an identifier of at most 100 characters, or it is one of ours.
    """
    if not _NAME.fullmatch(name):
        raise InvalidInput(
            f"naming variable {name[:60]!r}: use letters, digits and underscores, not starting with a digit, "
            "at most 100",
            code="variable:invalid-name",
            name=name[:60],
        )
    if name.upper().startswith(RESERVED_PREFIX):
        raise InvalidInput(
            f"naming variable {name}: names that start with {RESERVED_PREFIX} are Branchline's",
            code="variable:invalid-name",
            name=name,
        )
    return name


def check_value(name: str, value: str) -> str:
    """Return `value` when a script can be given it.

    Raises:
        InvalidInput: it is too long, or no text that can be kept. The error does not quote it.
    """
    try:
        size = len(value.encode())
    except UnicodeEncodeError:
        raise _invalid_value(name, "it is no valid Unicode") from None
    if size > MAXIMUM_VALUE_BYTES:
        raise _invalid_value(name, f"its {size} bytes are more than {MAXIMUM_VALUE_BYTES}")
    if "\0" in value:
        raise _invalid_value(name, "it has a zero byte")
    return value


def _invalid_value(name: str, problem: str) -> InvalidInput:
    return InvalidInput(f"setting {name}: {problem}", code="variable:invalid-value", name=name)
