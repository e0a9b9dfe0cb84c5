"""Every error that Branchline raises on purpose, by who can fix it and when to try again.

    BranchlineError
    ├── UserError             the caller               never
    │   ├── InvalidInput      400
    │   ├── NotFound          404
    │   ├── Conflict          409
    │   │   └── PreconditionFailed  412
    │   ├── NotAllowed        403
    │   ├── Unauthenticated   401
    │   ├── Gone              410
    │   ├── TooManyRequests   429                  after retry_after_seconds
    │   └── Unprocessable     422
    ├── DeliveryRejected      the sender               never
    │   ├── BadSignature      401
    │   ├── TooLarge          413
    │   ├── Malformed         400
    │   └── Stale             401
    ├── RemoteUnavailable     time                     with backoff
    │   ├── RateLimited       time                     at retry_at
    │   └── Overloaded        time                     after retry_after_seconds
    ├── RemoteRefused         repository owner         never
    │   ├── RemoteMissing
    │   ├── RemoteConflict
    │   ├── RemoteForbidden
    │   └── ScriptRefused
    ├── Misconfigured         operator                 does not start
    │   └── SecretUnreadable  or who knows the secret  never
    └── Broken                us                       never

The text says what was being done to what. Status codes live in `web/errors.py`, exit codes in `cli/`:
an error knows neither.
"""

from datetime import datetime
from typing import Any, ClassVar


class BranchlineError(Exception):
    """Base of the tree: a stable `code`, a sentence for people, facts as `details`."""

    code: ClassVar[str] = "branchline:broken"

    def __init__(self, message: str, *, code: str | None = None, **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.error_code = code or self.code
        self.details = details


class UserError(BranchlineError):
    """The caller asked for something that cannot be; asking again the same way does not help."""

    code = "request:invalid"


class InvalidInput(UserError):
    """A value has the wrong type, form or size."""

    code = "request:invalid"


class NotFound(UserError):
    """There is no such thing, or the caller may not know of it."""

    code = "request:not-found"

    @classmethod
    def of(cls, kind: str, key: str) -> "NotFound":
        """Return what is said of a thing that is not there, and of one that the caller may not know of."""
        shown = key[:60]
        return cls(f"looking for {kind} {shown}: there is none", code=f"{kind}:not-found", **{kind: shown})


class Conflict(UserError):
    """The request is right but contradicts what is there."""

    code = "request:conflict"


class Busy(Conflict):
    """Another deployment holds the script; ask again after `retry_after_seconds`."""

    code = "deployment:busy"

    def __init__(self, message: str, *, retry_after_seconds: int, **details: Any) -> None:
        super().__init__(message, **details)
        self.retry_after_seconds = retry_after_seconds


class PreconditionFailed(Conflict):
    """What the caller expects to be there is not, or is another by now."""

    code = "request:precondition-failed"


class NotAllowed(UserError):
    """The caller is known and may not do this."""

    code = "request:not-allowed"


class Unauthenticated(UserError):
    """The caller did not prove who it is."""

    code = "request:unauthenticated"


class Gone(UserError):
    """It was here and is not coming back by itself."""

    code = "request:gone"


class TooManyRequests(UserError):
    """The caller asks for this more often than it may; ask again after `retry_after_seconds`."""

    code = "request:too-many"

    def __init__(self, message: str, *, retry_after_seconds: int, **details: Any) -> None:
        super().__init__(message, **details)
        self.retry_after_seconds = retry_after_seconds


class Unprocessable(UserError):
    """It is what was asked for, and what it says cannot be: code that does not compile."""

    code = "request:unprocessable"


class DeliveryRejected(BranchlineError):
    """A webhook that is not kept; its sender has to change something."""

    code = "delivery:rejected"


class BadSignature(DeliveryRejected):
    """The signature is missing, malformed or not ours."""

    code = "delivery:bad-signature"


class TooLarge(DeliveryRejected):
    """The body is larger than the sender's own documented limit."""

    code = "delivery:too-large"


class Malformed(DeliveryRejected):
    """The body is signed and cannot be read."""

    code = "delivery:malformed"


class Stale(DeliveryRejected):
    """The message is too old, or was already used."""

    code = "delivery:stale"


class RemoteUnavailable(BranchlineError):
    """GitHub or Cloudflare did not answer, or answered that it is unwell. Trying later helps."""

    code = "remote:unavailable"


class RateLimited(RemoteUnavailable):
    """The remote asked for a pause until `retry_at` (aware UTC)."""

    code = "remote:rate-limited"

    def __init__(self, message: str, *, retry_at: datetime, **details: Any) -> None:
        super().__init__(message, **details)
        self.retry_at = retry_at


class Overloaded(RemoteUnavailable):
    """We do as much of this at once as we may; ask again after `retry_after_seconds`."""

    code = "request:overloaded"

    def __init__(self, message: str, *, retry_after_seconds: int, **details: Any) -> None:
        super().__init__(message, **details)
        self.retry_after_seconds = retry_after_seconds


class RemoteRefused(BranchlineError):
    """The remote understood and said no; a person has to change something there."""

    code = "remote:refused"


class RemoteMissing(RemoteRefused):
    """The remote says that the thing is not there (or that we may not see it)."""

    code = "remote:missing"


class RemoteConflict(RemoteRefused):
    """The remote's state contradicts the request: a name is taken, a head has moved."""

    code = "remote:conflict"


class RemoteForbidden(RemoteRefused):
    """Our credential lacks a permission."""

    code = "remote:forbidden"


class ScriptRefused(RemoteRefused):
    """Cloudflare does not take what was uploaded: its author has to change it."""

    code = "script:refused"


class Misconfigured(BranchlineError):
    """A setting is missing or malformed; nothing starts until the operator mends it."""

    code = "settings:misconfigured"

    def __init__(self, setting: str, problem: str, remedy: str) -> None:
        super().__init__(f"{setting} {problem}: {remedy}", setting=setting)
        self.setting = setting


class SecretUnreadable(Misconfigured):
    """No key opens a secret; `place` says whose it is. Who knows its text may also set it again."""

    code = "secret:unreadable"

    def __init__(self, place: str) -> None:
        super().__init__(
            "BRANCHLINE_ENCRYPTION_KEYS",
            f"does not open secret {place}",
            "add the key that it was encrypted with, or set the secret again",
        )
        self.place = place


class Broken(BranchlineError):
    """We made a mistake; the reference id leads to the log line."""

    code = "branchline:broken"
