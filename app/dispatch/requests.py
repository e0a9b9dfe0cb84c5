"""Calls as HTTP requests, and what comes back as a reply or one of our errors; without I/O.

A worker's own answers are JSON that says `success`. Whatever else comes back is the dispatch worker's, or the
platform's word about a worker that could not answer.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import quote

import httpx

from app.errors import BranchlineError, Gone, RemoteForbidden, RemoteMissing, RemoteRefused, RemoteUnavailable
from app.ports import Call, Reply

CONNECT_SECONDS: Final = 2.0
# Beyond a function's own time: to come, to start an isolate, to go.
MARGIN_SECONDS: Final = 5.0
EVENTS: Final = "text/event-stream"
JSON: Final = "application/json"
MOST_REFUSAL_BYTES: Final = 4 * 1024 * 1024

_WRITE_SECONDS: Final = 10.0
_REFUSED: Final = 400
_UNAUTHORIZED: Final = 401
_PASSED_BACK: Final = ("Retry-After",)
_KINDS: Final[Mapping[int, tuple[type[BranchlineError], str, str]]] = {
    404: (RemoteMissing, "worker:not-up", "its script is not up; deploy it again"),
    410: (Gone, "worker:expired", "it has expired"),
}


def timeout(read_seconds: float) -> httpx.Timeout:
    """Return the limits of one call."""
    return httpx.Timeout(read_seconds, connect=CONNECT_SECONDS, write=_WRITE_SECONDS, pool=CONNECT_SECONDS)


def url_of(origin: str, call: Call) -> str:
    """Return where a function is called."""
    return f"{origin}/app/{call.script}/api/invoke/{quote(call.function, safe='')}"


def headers_of(call: Call, accept: str) -> dict[str, str]:
    """Return what a call bears: its own headers, and ours over them."""
    ours = {"accept": accept, "accept-encoding": "identity", "content-type": JSON}
    if call.key is not None:
        ours["authorization"] = f"Bearer {call.key}"
    return {name.lower(): value for name, value in call.headers.items()} | ours


def doing(call: Call) -> str:
    """Return what an error says was being done."""
    return f"invoking {call.function} of {call.script}"


def reply_headers(response: httpx.Response) -> dict[str, str]:
    """Return what a caller is told of a worker's headers."""
    told = ((name, response.headers.get(name, "")) for name in _PASSED_BACK)
    return {name: value for name, value in told if value and value.isascii()}


def refusal(call: Call, response: httpx.Response, body: bytes) -> Reply:
    """Return a reply without a result.

    Raises:
        BranchlineError: no worker said this, or it does not take its key from us.
    """
    told = _json(body)
    if not isinstance(told, dict) or "success" not in told:
        raise _error(call, response.status_code, told)
    if response.status_code == _UNAUTHORIZED:
        raise RemoteForbidden(
            f"{doing(call)}: it does not take the key that we have of it; set the key again",
            code="worker:key-refused",
        )
    return Reply(response.status_code, reply_headers(response), (body,))


@contextmanager
def speaking_of(call: Call) -> Iterator[None]:
    """Raise our errors for those of the connection.

    Raises:
        RemoteUnavailable: the call did not arrive.
        RemoteRefused: it may have.
    """
    try:
        yield
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
        raise RemoteUnavailable(f"{doing(call)}: nobody answers there ({type(error).__name__})") from error
    except httpx.TimeoutException as error:
        raise RemoteRefused(f"{doing(call)}: it did not answer in time", code="worker:silent") from error
    except httpx.HTTPError as error:
        raise broken_off(call) from error


def broken_off(call: Call) -> RemoteRefused:
    """Return the error for a worker that ends before its answer does."""
    return RemoteRefused(f"{doing(call)}: it ended without an answer", code="worker:failed")


def _error(call: Call, status: int, told: Any) -> BranchlineError:
    what = "it failed while answering" if status >= _REFUSED else "it does not answer as a worker does"
    unforeseen = (RemoteRefused, "worker:failed", f"{what} (status {status})")
    kind, code, reason = _KINDS.get(status, unforeseen)
    facts = _facts(told) if kind is Gone else {}
    return kind(f"{doing(call)}: {reason}", code=code, **facts)


def _facts(told: Any) -> dict[str, str]:
    """Return what is worth telling of somebody else's refusal."""
    match told:
        case {"error": {"details": {"expiredAt": str(at)}}}:
            return {"expiredAt": at}
    return {}


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None
