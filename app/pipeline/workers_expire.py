"""Expire workers: what nobody put up anew for days, and did not keep, is taken down; its bytes stay.

What is due is written down first and taken down by a job. So is what somebody held and never gave back: the
process that was putting it up has ended.
"""

from dataclasses import replace
from datetime import datetime
from typing import Final

from app.domain.events import Event, Tag
from app.domain.workers import Worker
from app.errors import NotFound
from app.pipeline.workers_putting import request_settling
from app.ports import Records, Transaction

_AT_A_TIME: Final = 100
_LEFT: Final = "the process that was putting it up has ended; ask again"


def sweep_workers(records: Records, at: datetime) -> int:
    """Mark every worker that is due and ask for it to be settled; return how many that were.

    Several processes may sweep at once: whoever holds the worker first marks, and the others find it marked.
    """
    with records.read() as tx:
        due = tx.workers.due(at, limit=_AT_A_TIME)
    for worker in due:
        with records.begin() as tx:
            _sweep(tx, worker.id, at)
    return len(due)


def expired_script_at(tx: Transaction, script: str) -> datetime | None:
    """Return since when a worker's script, or a version's own, is taken down; None of any other."""
    # A slug has no hyphen, and stands last in each name of its scripts.
    slug = script.rpartition("-")[2]
    try:
        worker = tx.workers.get(slug)
        if script == worker.script:
            return worker.expired_at
        version = tx.versions.get(script)
    except NotFound:
        return None
    return worker.expired_at or version.retired_at if version.own_script == script else None


def _sweep(tx: Transaction, worker_id: str, at: datetime) -> None:
    try:
        worker = tx.workers.get(worker_id, lock=True)
    except NotFound:
        return
    if worker.is_held("", at):
        return  # whoever holds it makes it last longer, or is noticed when the hold is over
    if worker.holder is not None:
        error = _LEFT if worker.version_id is None else None
        worker = replace(worker.freed(), error=error)
        tx.workers.save(worker)
        request_settling(tx, worker)
    if worker.expired_at is None and worker.expires_at is not None and worker.expires_at <= at:
        _expire(tx, worker, at)


def _expire(tx: Transaction, worker: Worker, at: datetime) -> None:
    tx.workers.save(replace(worker, expired_at=at, updated_at=at))
    request_settling(tx, worker)
    tx.events.append(Event(Tag.WORKER_EXPIRED, worker.id, "clock", at, {"script": worker.script}))
