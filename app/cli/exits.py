"""Exit codes: who can help."""

from typing import Final

from app.errors import (
    BranchlineError,
    DeliveryRejected,
    Misconfigured,
    RemoteRefused,
    RemoteUnavailable,
    UserError,
)

CALLER: Final = 1
REMOTE: Final = 2
US: Final = 3
OPERATOR: Final = 78  # EX_CONFIG of sysexits.h

_CODES: Final = (
    (UserError, CALLER),
    (DeliveryRejected, CALLER),
    (RemoteUnavailable, REMOTE),
    (RemoteRefused, REMOTE),
    (Misconfigured, OPERATOR),
)


def exit_code(error: BranchlineError) -> int:
    """Return the exit code of an error; what is in no row is our mistake."""
    return next((code for kind, code in _CODES if isinstance(error, kind)), US)
