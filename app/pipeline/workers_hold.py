"""Hold: whoever puts a worker's scripts up has it alone for a while, and gives it back.

A hold that nobody gives back ends by itself, and others go on. Who lost it cannot tell who put the worker's
address up last: then a job puts it up once more, as it is recorded by then.
"""

from dataclasses import replace
from datetime import datetime
from typing import Final

from app.domain.workers import Worker
from app.errors import Busy, Conflict, NotFound
from app.pipeline.workers_putting import WorkerPutter, request_settling
from app.ports import Transaction

_BUSY_RETRY_SECONDS: Final = 1


def check_free(worker: Worker, at: datetime) -> None:
    """Let a worker be changed that nobody is putting up. Raises Busy."""
    if worker.is_held("", at):
        raise Busy(
            f"deploying {worker.name}: somebody else is putting it up",
            retry_after_seconds=_BUSY_RETRY_SECONDS,
            code="worker:busy",
        )


def check_holder(worker: Worker, holder: str) -> None:
    """Let what was put up be written down by who still holds the worker. Raises Conflict."""
    if worker.holder != holder:
        raise Conflict(
            f"deploying {worker.name}: it took so long that somebody else went on", code="worker:overtaken"
        )


def take_hold(tx: Transaction, worker: Worker, holder: str, at: datetime) -> Worker:
    """Return a worker held, for the caller to save. Raises Busy.

    What another left behind, whose hold ended by itself, is put right when this one is over.
    """
    check_free(worker, at)
    if worker.holder is not None:
        request_settling(tx, worker, again=worker.script)
    return worker.held(holder, at)


def keep_hold(worker_id: str, holder: str, to: WorkerPutter) -> None:
    """Hold a worker for as long again, right before its address shows something else.

    Raises:
        Conflict: it took so long that somebody else went on.
        NotFound: the worker was deleted meanwhile.
    """
    at = to.clock()
    with to.records.begin() as tx:
        worker = tx.workers.get(worker_id, lock=True)
        check_holder(worker, holder)
        tx.workers.save(worker.held(holder, at))


def give_back(tx: Transaction, worker: Worker, holder: str) -> None:
    """Give a worker free of which not all went up, and have what is up of it put right.

    When others hold it, or did since, its address is put up once more: what this holder put there may have
    come after theirs, and they say that all is well.
    """
    try:
        current = tx.workers.get(worker.id, lock=True)
    except NotFound:
        request_settling(tx, worker)
        return
    is_lost = current.holder != holder
    tx.workers.save(replace(current if is_lost else current.freed(), is_settled=False))
    request_settling(tx, current, again=current.script if is_lost else None)
