"""Calls that pages make without scripts, and the commands that make the same calls from elsewhere."""

import json
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from app.domain.answers import read_answer
from app.errors import InvalidInput
from app.pipeline.invoke import invoke
from app.web.calling import Called
from app.web.context import context

_LONGEST_ANSWER: Final = 1024 * 1024
_LONGEST_SHOWN: Final = 4 * 1024 * 1024
_TOO_DEEP: Final = "(nested too deeply to be shown; call the function with a program)"
_LINE: Final[Mapping[str, str]] = {"level": "log", "message": "", "timestamp": ""}


@dataclass(frozen=True, slots=True)
class Answer:
    """What a call gave; a `status` of 0 says that there was none.

    `told` is what code of others wrote: whatever is in it, all that is said of it here is text.
    """

    function: str
    payload: str
    status: int
    told: Mapping[str, Any]

    @property
    def has_succeeded(self) -> bool:
        """The function returned something."""
        return self.told.get("success") is True

    @property
    def duration(self) -> str:
        """How many milliseconds it took; empty when that was not said."""
        return _text(self.told.get("duration"))

    @property
    def lines(self) -> Sequence[Mapping[str, str]]:
        """The lines that it wrote, each with all that a line has."""
        logs = self.told.get("logs")
        lines = (line for line in logs if isinstance(line, dict)) if isinstance(logs, list) else ()
        return [{name: _text(line.get(name)) or usual for name, usual in _LINE.items()} for line in lines]

    @property
    def text(self) -> str:
        """What it returned, as JSON, or what it threw."""
        error = self.told.get("error")
        if error is None:
            return _shown(_json(self.told.get("result")))
        if not isinstance(error, dict):
            return _text(error)
        thrown = f"{_text(error.get('name')) or 'Error'}: {_text(error.get('message'))}"
        return _text(error.get("stack")) or thrown


def called_once(owner_id: str, called: Called, function: str, payload: str) -> Answer:
    """Call a function and wait for its answer.

    Raises:
        InvalidInput: the payload is no JSON, or the answer is too long, or too deep, for a page.
        RemoteUnavailable, RemoteRefused: nobody answers, or not as a worker does.
    """
    _check_payload(payload)
    calling = context().invoking
    with calling.gate.entered(f"invoking {function[:60]}"):
        calling.rates.take(owner_id)
        call = called.call(function, payload.encode(), {})
        with invoke(owner_id, call, calling.invoker) as reply:
            return Answer(function, payload, reply.status, _read(function, reply.body))


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


def _read(function: str, body: Iterable[bytes]) -> Mapping[str, Any]:
    try:
        return read_answer(function, _whole(body))
    except RecursionError:
        raise InvalidInput(
            "showing the answer: it is nested too deeply; call the function with a program"
        ) from None


def _whole(body: Iterable[bytes]) -> bytes:
    read = bytearray()
    for part in body:
        read += part
        if len(read) > _LONGEST_ANSWER:
            raise InvalidInput(
                "showing the answer: it is larger than 1 MiB; call the function with a program"
            )
    return bytes(read)


def _text(value: Any) -> str:
    """Return what stands where a text is usual: nothing for nothing, and what is none as JSON."""
    if value is None:
        return ""
    return _shown(value if isinstance(value, str) else _json(value))


def _shown(text: str) -> str:
    """Return a text that can be written: in JSON half of a character may stand alone."""
    return text.encode(errors="replace").decode()


def _json(value: Any) -> str:
    try:
        return _indented(value) or json.dumps(value, ensure_ascii=False)
    except RecursionError:
        return _TOO_DEEP


def _indented(value: Any) -> str | None:
    """Return JSON as it is read best; None where what it is indented with would be most of a long text."""
    written, length = list[str](), 0
    for part in json.JSONEncoder(ensure_ascii=False, indent=2).iterencode(value):
        written.append(part)
        length += len(part)
        if length > _LONGEST_SHOWN:
            return None
    return "".join(written)
