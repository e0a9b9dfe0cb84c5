"""Invoke: a function of a worker is called for somebody, for one answer or for its events as they come.

Long calls that must not be lost are jobs (`invoke_later`). Who may call, and how often, is for whoever asks.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from app.domain.invocations import ERROR, RESULT
from app.domain.workers import Version, Worker, WorkerStatus
from app.errors import Conflict, Gone, RemoteForbidden, RemoteMissing, RemoteRefused
from app.pipeline.count import Tally
from app.pipeline.workers_putting import invoke_key
from app.ports import Call, Clock, Functions, Invocation, Reply, Streams, Transaction, Vault


@dataclass(frozen=True, slots=True)
class Invoker:
    """What calls at once need."""

    functions: Functions
    streams: Streams
    tally: Tally
    clock: Clock


@dataclass(frozen=True, slots=True)
class Callee:
    """A worker that can be called, the version at its address, and the key that it asks for."""

    worker: Worker
    version: Version
    key: str | None = field(repr=False)

    def call(self, function: str, payload: bytes, headers: Mapping[str, str]) -> Call:
        """Return a call of one of its functions."""
        return Call(
            script=self.worker.script,
            function=function,
            payload=payload,
            timeout_seconds=self.version.options.timeout_ms / 1000,
            headers=headers,
            key=self.key,
        )


def callee(tx: Transaction, key: str, vault: Vault) -> Callee:
    """Return a worker by id, slug or name, as it can be called now.

    Raises:
        NotFound: there is none.
        Gone: it has expired.
        Conflict: nothing of it is up yet.
    """
    worker = tx.workers.get(key)
    if worker.status is WorkerStatus.EXPIRED:
        raise Gone(
            f"invoking worker {worker.name}: it has expired; deploy it again",
            code="worker:expired",
            expiredAt=worker.expired_at.isoformat() if worker.expired_at else None,
        )
    if worker.version_id is None:
        raise Conflict(f"invoking worker {worker.name}: nothing of it is up yet", code="worker:not-ready")
    version = tx.versions.get(worker.version_id)
    return Callee(worker, version, invoke_key(tx, worker, vault) if version.options.has_invoke_key else None)


@contextmanager
def invoke(owner_id: str, call: Call, to: Invoker) -> Iterator[Reply]:
    """Call a function for an answer in one piece, and count the call as one of its owner's.

    Raises as `ports.Functions` does.
    """
    count = _counting(owner_id, call, to)
    with ExitStack() as opened:
        with _broken_counted(count):
            reply = opened.enter_context(to.functions.call(call))
        if reply.ending is not None:
            count(reply.ending)
        yield reply


def stream(owner_id: str, call: Call, to: Invoker) -> Invocation | Reply:
    """Call a function for its events; a reply says why there are none. Raises as `ports.Streams` does."""
    count = _counting(owner_id, call, to)
    with _broken_counted(count):
        return to.streams.start(owner_id, call, count)


def _counting(owner_id: str, call: Call, to: Invoker) -> Callable[[str], None]:
    """Return what counts the call, when it is told how that ended."""

    def count(ending: str) -> None:
        to.tally.note(owner_id, call.function, to.clock(), has_succeeded=ending == RESULT)

    return count


@contextmanager
def _broken_counted(count: Callable[[str], None]) -> Iterator[None]:
    """Count a call that broke where it may have been one."""
    try:
        yield
    except RemoteRefused as error:
        if not isinstance(error, RemoteForbidden | RemoteMissing):
            count(ERROR)
        raise
