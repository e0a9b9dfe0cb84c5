"""Settle: a worker's scripts are what is recorded of it.

Level-triggered: a job carries no news but which worker. What expired or was deleted is taken down, what ended
in doubt is put up again, what came back answers at all its addresses. Two of them at once, or one twice, end
alike. Whoever puts a worker's scripts up holds it; a job waits for its turn.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any, Final

from app.domain.jobs import Job
from app.domain.workers import Version, Worker
from app.errors import Busy, Conflict, NotFound, RemoteRefused, RemoteUnavailable
from app.pipeline.workers_hold import give_back, keep_hold
from app.pipeline.workers_putting import (
    WorkerPutter,
    invoke_key,
    put_version,
    take_down_all,
    take_down_script,
)
from app.ports import Steps, Transaction

# Together longer than a hold that nobody gives back.
_PAUSES: Final = tuple(min(0.25 * 1.5**n, 5.0) for n in range(40))


@dataclass(frozen=True, slots=True)
class _Turn:
    """A worker as a job found it, and holds it; `was_settled` says that its address needs nothing.

    `left` are the names of own scripts that stand, or may, and are not to. The script `again` is put up
    although it is there, and in doubt or not.
    """

    job_id: str
    worker: Worker
    versions: Sequence[Version]
    left: Sequence[str]
    key: str | None
    was_settled: bool
    again: str | None = None


def settle(job: Job, steps: Steps, to: WorkerPutter) -> dict[str, Any]:
    """Bring a worker's scripts in line with what is recorded.

    Raises:
        ScriptRefused: Cloudflare does not take any more what it took before.
        RemoteRefused: others kept putting the worker up for too long.
    """
    for pause_seconds in _PAUSES:
        if steps.run("settle", lambda: _try(job, to)):
            return {"worker": job.app_id}
        steps.sleep(pause_seconds)
    raise RemoteRefused(
        f"settling worker {job.app_id}: others kept putting it up; it shows what they put up",
        code="worker:no-turn",
    )


def _try(job: Job, to: WorkerPutter) -> bool:
    """Do what is to be done; False when it is not one's turn, or something else was asked for meanwhile."""
    try:
        turn = _take_turn(job, to)
    except Busy:
        return False
    except NotFound:
        _remove_all(job, to)
        return True
    with _giving_back(turn, to):
        _put_in_line(turn, to)
    return _finish(turn, to)


def _take_turn(job: Job, to: WorkerPutter) -> _Turn:
    """Hold the worker for this job. Raises Busy, NotFound."""
    at = to.clock()
    with to.records.begin() as tx:
        worker = tx.workers.get(job.app_id, lock=True)
        if worker.is_held(job.id, at):
            raise Busy(f"settling {worker.name}: somebody else is putting it up", retry_after_seconds=1)
        tx.workers.save(worker.held(job.id, at))
        versions, key = tx.versions.of(worker.id), invoke_key(tx, worker, to.vault)
        left = _left(tx, worker, versions)
    again = job.arguments.get("again")
    return _Turn(job.id, worker, versions, left, key, was_settled=worker.is_settled, again=again)


def _left(tx: Transaction, worker: Worker, versions: Sequence[Version]) -> list[str]:
    """Return what was put up and is not to stand: what is written down, and what a process did not live to.

    Versions that were taken down are not looked at again: a worker may have had hundreds.
    """
    in_doubt = {version.own_script for version in versions if version.uploaded_at is None}
    known = {it.script for it in tx.standing.of(worker.id, worker.namespace)}
    wanted = {version.own_script for version in versions if version.has_own_address}
    return sorted((in_doubt | known) - wanted - {worker.script})


def _remove_all(job: Job, to: WorkerPutter) -> None:
    """Delete every script of a worker that is deleted, and give its slug back."""
    slug = job.arguments["slug"]
    take_down_all(job.app_id, slug, job.arguments["namespace"], to)
    with to.records.begin() as tx:
        tx.slugs.free(slug)


def _put_in_line(turn: _Turn, to: WorkerPutter) -> None:
    worker = turn.worker
    if worker.expired_at is not None:
        take_down_all(worker.id, worker.slug, worker.namespace, to)
        return
    for version in turn.versions:
        if version.has_own_address:
            _put_version_in_line(turn, version, to)
    for script in turn.left:
        take_down_script(worker, script, to)
    if not any(version.id == worker.version_id for version in turn.versions):
        take_down_script(worker, worker.script, to)


def _put_version_in_line(turn: _Turn, version: Version, to: WorkerPutter) -> None:
    worker = turn.worker
    if turn.again == version.own_script or not _is_there(worker, version.own_script, to):
        put_version(worker, version, version.own_script, turn.key, to)
    is_in_doubt = not turn.was_settled or turn.again == worker.script
    if version.id == worker.version_id and is_in_doubt:
        _put_address_up(turn, version, to)


def _put_address_up(turn: _Turn, version: Version, to: WorkerPutter) -> None:
    """Put the worker's address up, unless somebody else went on meanwhile, which `_finish` finds too."""
    worker = turn.worker
    try:
        keep_hold(worker.id, turn.job_id, to)
    except (Conflict, NotFound):
        return
    put_version(worker, version, worker.script, turn.key, to)


def _is_there(worker: Worker, script: str, to: WorkerPutter) -> bool:
    return to.scripts.tags(worker.namespace, script) is not None


@contextmanager
def _giving_back(turn: _Turn, to: WorkerPutter) -> Iterator[None]:
    """Give the worker free when it could not be brought in line: the job says so, or looks again."""
    try:
        yield
    except Exception:
        # With the database away the hold ends by itself.
        with suppress(RemoteUnavailable), to.records.begin() as tx:
            _let_go(tx, turn)
        raise


def _let_go(tx: Transaction, turn: _Turn) -> None:
    with suppress(NotFound):
        worker = tx.workers.get(turn.worker.id, lock=True)
        if worker.holder == turn.job_id:
            tx.workers.save(worker.freed())
            return
    give_back(tx, turn.worker, turn.job_id)


def _finish(turn: _Turn, to: WorkerPutter) -> bool:
    """Write down that all is in line; False when something else was asked for meanwhile.

    When the hold was lost nobody knows what came last: another job sees to it.
    """
    with to.records.begin() as tx:
        try:
            worker = tx.workers.get(turn.worker.id, lock=True)
        except NotFound:
            return False
        if worker.holder != turn.job_id:
            give_back(tx, worker, turn.job_id)
            return True
        is_same = _asked_for(worker, tx.versions.of(worker.id)) == _asked_for(turn.worker, turn.versions)
        tx.workers.save(replace(worker.freed(), is_settled=is_same))
        if is_same:
            tx.versions.remove([it.id for it in turn.versions if it.uploaded_at is None])
    return is_same


def _asked_for(worker: Worker, versions: Sequence[Version]) -> tuple[object, ...]:
    standing = frozenset(version.id for version in versions if version.has_own_address)
    return worker.version_id, worker.expired_at, standing
