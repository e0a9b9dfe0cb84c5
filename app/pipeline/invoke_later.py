"""Invoke later: a call that must not be lost is a job, which calls again when its function fails.

A function may run more often than asked for: a process may die between its answer and the note of it. Each
call bears the job's id, by which a function can tell. Payload and answer are stored, up to their limits.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from app.domain.answers import broken_answer, kept_answer, read_answer, unkept_answer
from app.domain.events import Event, Tag
from app.domain.invocations import pause_seconds
from app.domain.jobs import Job, JobType
from app.domain.workers import Calls
from app.errors import NotFound, RemoteForbidden, RemoteMissing, RemoteRefused, TooLarge
from app.pipeline.count import add_calls
from app.pipeline.invoke import Callee, callee
from app.ports import Call, Clock, Functions, Records, Reply, Steps, Transaction, Vault

MAXIMUM_PAYLOAD_BYTES: Final = 256 * 1024
_MOST_READ_BYTES: Final = 8 * 1024 * 1024
_LONGEST_MESSAGE: Final = 500
_SERVER_ERROR: Final = 500
_TOO_MANY: Final = 429


@dataclass(frozen=True, slots=True)
class LaterInvoker:
    """What the job needs."""

    records: Records
    functions: Functions
    vault: Vault
    clock: Clock


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be called, and how often it may be tried again; `payload` is JSON, empty for none."""

    function: str
    payload: str
    retries: int


def request_invocation(tx: Transaction, key: str, order: Order, vault: Vault, *, actor: str) -> Job:
    """Ask for a call of a worker's function, as a job.

    Raises:
        NotFound: there is no such worker, or no such function.
        Gone, Conflict: it cannot be called, as `callee` says.
        TooLarge: the payload cannot be stored.
    """
    called = callee(tx, key, vault)
    if order.function not in called.version.functions:
        names = list(called.version.functions)
        raise NotFound(
            f"invoking {order.function[:60]} of {called.worker.name}: there is {', '.join(names)}",
            code="function:not-found",
            functions=names,
        )
    if len(order.payload.encode()) > MAXIMUM_PAYLOAD_BYTES:
        raise TooLarge(
            f"invoking {order.function}: a job's payload has at most {MAXIMUM_PAYLOAD_BYTES} bytes",
            code="invocation:payload-too-large",
        )
    arguments = {"function": order.function, "payload": order.payload, "retries": order.retries}
    return tx.jobs.enqueue(JobType.INVOKE, called.worker.id, arguments, actor=actor)


def invoke_later(job: Job, steps: Steps, to: LaterInvoker) -> dict[str, Any]:
    """Call the function until it succeeds, or as often as was asked for.

    Raises:
        RemoteRefused: it failed each time; `details["answer"]` is what it answered last.
    """
    retries = job.arguments["retries"]
    for attempt in range(1, retries + 2):
        told = steps.run(f"attempt {attempt}", partial(_attempt, job, attempt, to))
        answer = told["answer"]
        if answer["success"]:
            return {**answer, "attempts": attempt}
        if not told["mayPass"] or attempt > retries:
            break
        steps.sleep(pause_seconds(attempt))
    raise _failed(job, answer, attempt)


def _attempt(job: Job, attempt: int, to: LaterInvoker) -> dict[str, Any]:
    """Call once; `mayPass` says whether the next call may be answered otherwise."""
    with to.records.read() as tx:
        called = callee(tx, job.app_id, to.vault)
    headers = {"Idempotency-Key": job.id, "Invocation-Attempt": str(attempt)}
    call = called.call(job.arguments["function"], job.arguments["payload"].encode(), headers)
    answer, may_pass = _answer(call, to)
    _note(job, attempt, called, answer, to)
    return {"answer": answer, "mayPass": may_pass}


def _answer(call: Call, to: LaterInvoker) -> tuple[dict[str, Any], bool]:
    try:
        with to.functions.call(call) as reply:
            return _kept(call, reply), reply.status >= _SERVER_ERROR or reply.status == _TOO_MANY
    except (RemoteForbidden, RemoteMissing):
        raise
    except RemoteRefused as error:
        return broken_answer(call.function, error.message), True


def _kept(call: Call, reply: Reply) -> dict[str, Any]:
    body = _read(reply.body)
    try:
        if body is not None:
            return kept_answer(read_answer(call.function, body))
    except RecursionError:
        pass  # it is as good as too large
    return unkept_answer(call.function)


def _read(chunks: Iterable[bytes]) -> bytes | None:
    """Return a body; None of one that is longer than we read for this."""
    body = bytearray()
    for chunk in chunks:
        body += chunk
        if len(body) > _MOST_READ_BYTES:
            return None
    return bytes(body)


def _note(job: Job, attempt: int, called: Callee, answer: dict[str, Any], to: LaterInvoker) -> None:
    """Write down that a call was made, and count it."""
    at, function, has_succeeded = to.clock(), job.arguments["function"], answer["success"]
    payload = {
        "function": function,
        "attempt": attempt,
        "success": has_succeeded,
        "duration": answer["duration"],
    }
    with to.records.begin() as tx:
        tx.events.append(Event(Tag.FUNCTION_INVOKED, called.worker.id, job.id, at, payload))
        add_calls(tx, called.worker.id, {function: Calls(1, 0 if has_succeeded else 1, at)})


def _failed(job: Job, answer: dict[str, Any], attempts: int) -> RemoteRefused:
    error = answer["error"] or {}
    said = f"{error.get('name')}: {error.get('message')}"[:_LONGEST_MESSAGE]
    return RemoteRefused(
        f"invoking {job.arguments['function']}: {said}",
        code="function:failed",
        answer=answer,
        attempts=attempts,
    )
