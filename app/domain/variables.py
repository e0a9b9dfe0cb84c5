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
