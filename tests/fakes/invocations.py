"""Functions that answer what a test says, at once or as events."""

import json
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from app.domain.invocations import ENDINGS, ERROR, Emitted, Transcript
from app.errors import BranchlineError, NotFound
from app.ports import Call, Invocation, Reply

Event = tuple[str, Any]


def answered(result: Any = None, *, function: str = "hello", logs: Sequence[Any] = ()) -> Reply:
    """Return the reply of a function that returned a result."""
    told = {"success": True, "function": function, "result": result, "logs": list(logs), "duration": 1}
    return Reply(200, {}, (json.dumps(told).encode(),))


def failed(status: int = 500, name: str = "Error", message: str = "no") -> Reply:
    """Return the reply of a function that failed, or, with 4xx, of a worker that did not call it."""
    error = {"name": name, "message": message}
    told = {"success": False, "function": "hello", "error": error, "logs": [], "duration": 1}
    return Reply(status, {}, (json.dumps(told).encode(),))


@dataclass
class FakeFunctions:
    """`ports.Functions`: answers with `replies` in turn, the last one again and again; errors are raised."""

    replies: list[Reply | BranchlineError] = field(default_factory=lambda: [answered()])
    calls: list[Call] = field(default_factory=list)
    open: int = 0

    @contextmanager
    def call(self, call: Call) -> Iterator[Reply]:
        self.calls.append(call)
        reply = self.replies[0] if len(self.replies) == 1 else self.replies.pop(0)
        if isinstance(reply, BranchlineError):
            raise reply
        self.open += 1
        try:
            yield reply
        finally:
            self.open -= 1


@dataclass
class FakeInvocation:
    """`ports.Invocation` of events that all are there."""

    id: str
    transcript: Transcript = field(default_factory=Transcript)
    closed: int = 0

    def follow(self, after: int | None = None) -> Generator[Sequence[Emitted], None, None]:
        position = self.transcript.first - 1 if after is None else after
        return self._followed(self.transcript.after(position))

    def _followed(self, events: Sequence[Emitted]) -> Generator[Sequence[Emitted], None, None]:
        try:
            yield ()
            yield events
        finally:
            self.closed += 1


@dataclass
class FakeStreams:
    """`ports.Streams`: every call tells `events`, or is refused with `refusal`."""

    events: list[Event] = field(default_factory=list)
    refusal: Reply | BranchlineError | None = None
    calls: list[Call] = field(default_factory=list)
    started: dict[tuple[str, str], FakeInvocation] = field(default_factory=dict)

    def start(self, owner: str, call: Call, on_end: Callable[[str], None]) -> Invocation | Reply:
        self.calls.append(call)
        if isinstance(self.refusal, BranchlineError):
            raise self.refusal
        if self.refusal is not None:
            return self.refusal
        invocation = FakeInvocation(f"invocation-{len(self.started) + 1}")
        for name, data in self.events:
            invocation.transcript.add(name, json.dumps(data))
        self.started[owner, invocation.id] = invocation
        on_end(next((name for name, _ in self.events if name in ENDINGS), ERROR))
        return invocation

    def find(self, owner: str, invocation_id: str) -> Invocation:
        found = self.started.get((owner, invocation_id))
        if found is None:
            raise NotFound("looking for an invocation: there is none", code="invocation:not-found")
        return found
