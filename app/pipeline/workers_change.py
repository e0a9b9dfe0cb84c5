"""Change a worker without new code: keep it, bring it back, let it go."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime

from app.domain.events import Event, Tag
from app.domain.jobs import Job
from app.domain.names import new_id
from app.domain.rights import Level
from app.domain.workers import Version, Worker
from app.errors import Conflict, Gone, RemoteUnavailable
from app.pipeline.left import leave
from app.pipeline.workers_deploy import expiry_of, forget_worker, live_worker
from app.pipeline.workers_hold import check_free, check_holder, give_back, keep_hold, take_hold
from app.pipeline.workers_putting import (
    WorkerPutter,
    Workshop,
    in_turn,
    invoke_key,
    put_version,
    request_settling,
)
from app.ports import Transaction


def keep_worker(
    tx: Transaction, key: str, *, is_kept: bool, actor: str, at: datetime, to: WorkerPutter
) -> Worker:
    """Keep a worker for good, or let it expire as others do, counted from now.

    Raises:
        NotFound: there is no such worker.
        Gone: it has expired, and has to be brought back first.
    """
    worker = tx.workers.get(key, lock=True)
    if worker.expired_at is not None:
        raise Gone(
            f"keeping {worker.name}: it has expired; restore it first",
            code="worker:expired",
            name=worker.name,
        )
    if worker.is_kept is is_kept:
        return worker
    changed = replace(worker, is_kept=is_kept, updated_at=at)
    changed = replace(changed, expires_at=expiry_of(changed, at, to))
    tx.workers.save(changed)
    tx.events.append(Event(Tag.WORKER_KEPT, worker.id, actor, at, {"isKept": is_kept}))
    return changed


def delete_worker(key: str, *, actor: str, to: Workshop) -> tuple[Worker, Job]:
    """Let a worker go at once, and ask for its scripts to be taken down; its owner sees how that goes.

    Raises:
        NotFound: there is no such worker.
        Busy: somebody is putting it up.
    """

    def delete() -> tuple[Worker, Job]:
        at = to.clock()
        with to.records.begin() as tx:
            worker = tx.workers.get(key, lock=True)
            check_free(worker, at)
            forget_worker(tx, worker)
            if worker.owner_id is not None:
                leave(tx, worker.owner_id, worker.id, Level.ADMIN, at)
            tx.events.append(Event(Tag.WORKER_DELETED, worker.id, actor, at, {"name": worker.name}))
            return worker, request_settling(tx, worker, actor=actor)

    return in_turn(delete, to)


def restore_worker(key: str, *, actor: str, to: Workshop) -> Worker:
    """Have an expired worker answer again; one that answers stays as it is.

    Its own address and that of its newest version answer when this returns, a job sees to those of others.

    Raises:
        NotFound: there is no such worker.
        Conflict: nothing ever went up of it.
        Busy: somebody is putting it up.
        ScriptRefused, RemoteUnavailable: it could not be put up; it is expired still.
    """
    hold = new_id("hold", to.clock())
    worker, version, invoking = in_turn(lambda: _held(key, hold, to), to)
    if version is None:
        return worker
    with _giving_back(worker, hold, to):
        put_version(worker, version, version.own_script, invoking, to)
        keep_hold(worker.id, hold, to)
        put_version(worker, version, worker.script, invoking, to)
        return _answers_again(worker, version, hold, actor, to)


def _held(key: str, hold: str, to: Workshop) -> tuple[Worker, Version | None, str | None]:
    """Hold an expired worker, and return what it showed and its key; nothing of one that answers."""
    at = to.clock()
    with to.records.begin() as tx:
        worker = tx.workers.get(key, lock=True)
        if worker.expired_at is None:
            return worker, None, None
        tx.workers.save(take_hold(tx, worker, hold, at))
        version = _live_version(tx, worker)
        return worker, version, invoke_key(tx, worker, to.vault)


@contextmanager
def _giving_back(worker: Worker, hold: str, to: WorkerPutter) -> Iterator[None]:
    """Give a worker free that could not be brought back, and have taken down what is up of it."""
    try:
        yield
    except Exception:
        # With the database away the hold ends by itself, and is noticed then.
        with suppress(RemoteUnavailable), to.records.begin() as tx:
            give_back(tx, worker, hold)
        raise


def _answers_again(worker: Worker, version: Version, hold: str, actor: str, to: WorkerPutter) -> Worker:
    at = to.clock()
    with to.records.begin() as tx:
        current = tx.workers.get(worker.id, lock=True)
        check_holder(current, hold)
        restored = live_worker(current, version, at, to)
        tx.workers.save(restored)
        request_settling(tx, restored, actor=actor)
        tx.events.append(Event(Tag.WORKER_RESTORED, worker.id, actor, at, {"version": version.id}))
    return restored


def _live_version(tx: Transaction, worker: Worker) -> Version:
    if worker.version_id is None:
        raise Conflict(f"restoring {worker.name}: nothing ever went up of it", code="worker:no-version")
    return tx.versions.get(worker.version_id)
