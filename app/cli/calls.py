"""Calls of functions over the API: an answer, or events as they come, whatever happens to the connection."""

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import httpx

from app.cli.api import Api, check
from app.errors import RemoteRefused, RemoteUnavailable

# A function may take five minutes.
_ANSWER_SECONDS: Final = 330.0
# The control plane sends a heartbeat every five seconds.
_SILENCE_SECONDS: Final = 20.0
_TRIES: Final = 5
_PAUSE_SECONDS: Final = 1.0
# Four times what a function may say in one event: what is no text takes more bytes when it is shown as such.
_LONGEST_LINE_BYTES: Final = 4 * 1024 * 1024
_ENDINGS: Final = frozenset({"result", "error"})


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a stream."""

    id: str
    name: str
    data: str


@dataclass(frozen=True, slots=True)
class Callee:
    """A function of one of the `workers`, by its name, or of one of the `deployments`, by its id."""

    owners: str
    owner: str
    function: str


def call(api: Api, callee: Callee, payload: bytes) -> Mapping[str, Any]:
    """Call a function and return what it answers, be it that it failed.

    Raises:
        BranchlineError: it was not called, or nobody knows what became of it.
    """
    path = (callee.owners, callee.owner, "functions", callee.function)
    with api.open("POST", *path, content=payload, timeout=_ANSWER_SECONDS) as response:
        return _answer(response)


def events(api: Api, callee: Callee, payload: bytes) -> Iterator[Event | Mapping[str, Any]]:
    """Call a function and yield its events up to its end, or what it answers when there are none.

    Raises:
        BranchlineError: as for `call`; or the connection broke too often.
    """
    path = (callee.owners, callee.owner, "invoke", callee.function)
    request = _Request("POST", path, {"content": payload})
    invocation = ""
    for _ in range(_TRIES):
        try:
            for event in _opened(api, request):
                yield event
                if not isinstance(event, Event) or event.name in _ENDINGS:
                    return
                invocation = event.id.rpartition(":")[0]
                request = _going_on(callee, invocation, event.id)
        except RemoteUnavailable:
            if not invocation:
                raise
        time.sleep(_PAUSE_SECONDS)
    raise RemoteUnavailable(f"following {callee.function}: the connection broke again and again")


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    path: tuple[str, ...]
    options: Mapping[str, Any]


def _going_on(callee: Callee, invocation: str, last: str) -> _Request:
    path = (callee.owners, callee.owner, "invocations", invocation, "events")
    return _Request("GET", path, {"headers": {"Last-Event-ID": last}})


def _opened(api: Api, request: _Request) -> Iterator[Event | Mapping[str, Any]]:
    with api.open(request.method, *request.path, timeout=_SILENCE_SECONDS, **request.options) as response:
        if response.is_success:
            yield from (event for event in sent_events(response.iter_bytes()) if event.data)
        else:
            yield _answer(response)


def sent_events(pieces: Iterable[bytes]) -> Iterator[Event]:
    """Yield the events of a stream that comes in pieces; one without data only says how far the stream is.

    Raises:
        RemoteRefused: a line is longer than any that is sent.
    """
    fields: dict[str, str] = {}
    for line in _lines(pieces):
        name, _, value = line.partition(": ")
        if line:
            fields[name] = value
            continue
        if "id" in fields:
            yield Event(fields["id"], fields.get("event", "message"), fields.get("data", ""))
        fields = {}


def _lines(pieces: Iterable[bytes]) -> Iterator[str]:
    """Yield what ends in LF or CRLF; other ends of lines, as U+2028, are part of JSON."""
    # https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
    begun = bytearray()
    for piece in pieces:
        *ends, rest = piece.split(b"\n")
        for end in ends:
            begun += end
            yield begun.removesuffix(b"\r").decode(errors="replace")
            begun.clear()
        begun += rest
        if len(begun) > _LONGEST_LINE_BYTES:
            raise RemoteRefused(f"reading events: a line has more than {_LONGEST_LINE_BYTES} bytes")


def _answer(response: httpx.Response) -> Mapping[str, Any]:
    """Return what a function, or its worker, answers; whoever else answers is an error."""
    response.read()
    answer = _json(response)
    if isinstance(answer, dict) and "success" in answer:
        return answer
    check(response)
    raise RemoteRefused(f"{response.request.url} answered nothing that we understand")


def _json(response: httpx.Response) -> Any:
    try:
        return response.json()
    except (ValueError, RecursionError):
        return None
