"""What answers at the addresses of workers: functions, called for one answer or for a stream of events."""

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final, Protocol

from app.domain.invocations import ERROR, RESULT, Emitted

INVOCATION_ID: Final = "Invocation-Id"


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a function. What callers send, and the `key` that the worker asks for, is not shown."""

    script: str
    function: str
    payload: bytes = field(repr=False)
    timeout_seconds: float
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    key: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Reply:
    """What a worker says, in JSON: a result, or why there is none."""

    status: int
    headers: Mapping[str, str]
    body: Iterable[bytes]

    @property
    def ending(self) -> str | None:
        """How the function ended, or None when it was not called at all."""
        if self.status == HTTPStatus.OK:
            return RESULT
        return ERROR if self.status >= HTTPStatus.INTERNAL_SERVER_ERROR else None


class Functions(Protocol):
    """Functions, called for an answer in one piece."""

    def call(self, call: Call) -> AbstractContextManager[Reply]:
        """Call one, never twice. Its reply is read before the context is left.

        Raises:
            RemoteUnavailable: the function was not called: nobody answers there.
            RemoteRefused: it may have been called, and there is no reply of a worker.
            Gone: the address has expired.
        """


class Invocation(Protocol):
    """An invocation that tells its events: under way, or over for some minutes at most."""

    @property
    def id(self) -> str:
        """Its id, which the function finds in its headers."""

    def follow(self, after: int | None = None) -> Generator[Sequence[Emitted], None, None]:
        """Yield the events behind the one of a number, or all that are kept, as they come, up to the end.

        Now and then it yields none, so that a reader who is gone is noticed.

        Raises:
            Gone: something of that is kept no more.
        """


class Streams(Protocol):
    """Functions, called for their events; those of the last minutes are kept by this process."""

    def start(self, owner: str, call: Call, on_end: Callable[[str], None]) -> Invocation | Reply:
        """Call one, never twice; a reply is a refusal. `on_end` is told how it ended, as events are named.

        When nobody follows it for a while the call is ended. Raises as `Functions.call` does, and
        Overloaded.
        """

    def find(self, owner: str, invocation_id: str) -> Invocation:
        """Return what was started for this owner in this process. Raises NotFound."""
