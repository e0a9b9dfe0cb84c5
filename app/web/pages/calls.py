"""Calls that pages make without scripts, and the commands that make the same calls from elsewhere."""

import json
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from app.errors import InvalidInput
from app.pipeline.invoke import invoke
from app.web.calling import Called
from app.web.context import context

_LONGEST_ANSWER: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """What a call gave; a `status` of 0 says that there was none."""

    function: str
    payload: str
    status: int
    told: dict[str, Any]

    @property
    def lines(self) -> Sequence[dict[str, Any]]:
        """The lines that it wrote."""
        return [line for line in self.told.get("logs", ()) if isinstance(line, dict)]

    @property
    def text(self) -> str:
        """What it returned, as JSON, or what it threw."""
        error = self.told.get("error")
        if not isinstance(error, dict):
            return json.dumps(self.told.get("result"), ensure_ascii=False, indent=2)
        return str(error.get("stack") or f"{error.get('name', 'Error')}: {error.get('message', '')}")


def called_once(owner_id: str, called: Called, function: str, payload: str) -> Answer:
    """Call a function and wait for its answer.

    Raises:
        InvalidInput: the payload is no JSON, or the answer is too long for a page.
        RemoteUnavailable, RemoteRefused: nobody answers, or not as a worker does.
    """
    _check_payload(payload)
    calling = context().invoking
    with calling.gate.entered(f"invoking {function[:60]}"):
        calling.rates.take(owner_id)
        call = called.call(function, payload.encode(), {})
        with invoke(owner_id, call, calling.invoker) as reply:
            told = json.loads(_whole(reply.body))
    return Answer(function, payload, reply.status, told if isinstance(told, dict) else {})


def quoted(url: str, payload: str, key: str | None, *, streams: bool = False) -> str:
    """Return what to type to call a function with curl; `key` is the shell's variable that callers bear."""
    bearing = f' -H "Authorization: Bearer ${key}"' if key else ""
    return f"curl -sS{'N' if streams else ''} {shlex.quote(url)}{bearing} -d {shlex.quote(payload)}"


def typed(command: str, function: str, payload: str) -> str:
    """Return what to type to call a function with a command of ours: `branchline workers invoke shop`."""
    return f"{command} {shlex.quote(function)} --stream --data {shlex.quote(payload)}"


def _check_payload(payload: str) -> None:
    try:
        json.loads(payload or "null")
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"reading the payload: it is no JSON: {error}") from None


def _whole(body: Iterable[bytes]) -> bytes:
    read = bytearray()
    for part in body:
        read += part
        if len(read) > _LONGEST_ANSWER:
            raise InvalidInput(
                "showing the answer: it is larger than 1 MiB; call the function with a program"
            )
    return bytes(read)
