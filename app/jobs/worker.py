"""A worker: takes jobs from the queues and runs them; at most one per process.

It says that it lives, takes over from those that do not, and ends the jobs that the engine lost. What a job
does is the business of `handlers`.
"""

import logging
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from typing import Any, Final, NoReturn

import sqlalchemy
from dbos import DBOS, DBOSPortableJSONSerializer
from dbos import error as dbos_errors
from sqlalchemy.exc import OperationalError, ProgrammingError

from app.domain.causes import because_of
from app.domain.jobs import Job, JobStatus, JobType
from app.errors import BranchlineError, Broken, Conflict, Misconfigured, RemoteUnavailable
from app.jobs.engine import (
    ADDRESSES_QUEUE,
    APPLICATION_NAME,
    APPLICATION_VERSION,
    APPS_QUEUE,
    BACKGROUND_QUEUE,
    INVOCATIONS_QUEUE,
    PROVISION_QUEUE,
    RELEASES_QUEUE,
    WAS_CANCELLED,
    WORKFLOW,
    DbosEngine,
    queue_of,
)
from app.jobs.lifecycle import OVER, Done, Lifecycle, Watcher
from app.jobs.liveness import BEAT_SECONDS, Heartbeat, new_executor_id
from app.jobs.loops import Loop
from app.jobs.outcomes import Answered, Failed, answered, broken
from app.jobs.quarantine import Quarantine
from app.jobs.steps import DbosSteps, Patience, Unfinished
from app.jobs.takeover import Takeover
from app.ports import Clock, Records, Steps

log = logging.getLogger(__name__)

Handler = Callable[[Job, Steps], Any]

# The engine's own count takes a job that waited while others killed the process for one that kills. Ours
# (quarantine, steps) know better, and give up much earlier.
_RECOVERIES: Final = 1000
# A job starts after half of this on average, at 3 to 5 % of one core for an idle worker.
_POLL_SECONDS: Final = 0.25
# Each queue costs as much again; nearly all of what expires is waited for by nobody.
_POLL_SECONDS_OF: Final = {ADDRESSES_QUEUE: 0.5}
# Waiting jobs hold a thread each, and a thread a GitHub client of its own; writes go one at a time anyway.
_CONCURRENCY: Final = {
    PROVISION_QUEUE: 8,
    APPS_QUEUE: 16,
    RELEASES_QUEUE: 8,
    ADDRESSES_QUEUE: 8,
    INVOCATIONS_QUEUE: 8,
    BACKGROUND_QUEUE: 8,
}
_CONCURRENCY_OF_ONE: Final = {
    APPS_QUEUE: 1,
    RELEASES_QUEUE: 1,
    ADDRESSES_QUEUE: 1,
    INVOCATIONS_QUEUE: 4,
    BACKGROUND_QUEUE: 1,
}
# Nobody waits for the engine's notifications: a round asks nothing, and its length only delays `stop`.
_NOTIFICATION_SECONDS: Final = 0.1
_SWEEP_SECONDS: Final = 2.0
# Far longer than from the engine's claim of a job to our first line of it.
_RECLAIM_SECONDS: Final = 5.0
_FORGET_SECONDS: Final = 3600.0
_RETENTION: Final = timedelta(days=30)
_PUT_BACK_SECONDS: Final = 0.5
_GRACE_SECONDS: Final = 5.0
_DEADLINE: Final = timedelta(hours=24)
_SIZE_OF_POOL: Final = 4


class Worker:
    """Runs jobs from `start` until `stop`.

    `on_change` is called in every transaction that changes a job, once for each change. A job whose remote is
    away is given up `deadline` after it started.
    """

    def __init__(
        self,
        database_url: str,
        handlers: Mapping[JobType, Handler],
        records: Records,
        clock: Clock,
        *,
        on_change: Watcher = lambda _tx, _job: None,
        version: int = APPLICATION_VERSION,
        patience: Patience | None = None,
        deadline: timedelta = _DEADLINE,
    ) -> None:
        self._database_url = database_url
        self._handlers = handlers
        self._records = records
        self._clock = clock
        self._lifecycle = Lifecycle(records, clock, on_change)
        self._version = version
        self._patience = patience or Patience()
        self._deadline = deadline
        self._stopping = threading.Event()
        self._running: set[str] = set()
        self._changed = threading.Condition()
        self.executor_id: Final = new_executor_id(version)
        self._engine = DbosEngine(database_url, version=version)
        self._takeover = Takeover(self._engine, self.executor_id, version)
        self._pool = sqlalchemy.create_engine(
            database_url, pool_size=1, hide_parameters=True, **_engine_options(database_url)
        )
        self._heartbeat = Heartbeat(self._pool, self.executor_id)
        self._beating = Loop("heartbeat", BEAT_SECONDS, self._heartbeat.beat)
        self._upkeep = [
            Loop("takeover", BEAT_SECONDS, self._take_over),
            Loop("reclaim", _RECLAIM_SECONDS, lambda: self._takeover.reclaim(self._at_work)),
            Loop("sweep", _SWEEP_SECONDS, self.sweep),
            Loop("retention", _FORGET_SECONDS, self._forget),
        ]

    def start(self) -> None:
        """Begin to take jobs.

        Raises:
            Misconfigured: the database lacks our tables, or has those of another release.
        """
        try:
            with _needing_tables():
                self._heartbeat.beat()  # first, so that nobody takes us for dead with our first job
                self._register_queues()
                self._launch()
        except BaseException:
            self.stop()
            raise
        for loop in (self._beating, *self._upkeep):
            loop.start()
        log.info("worker %s takes jobs", self.executor_id)

    def stop(self) -> None:
        """Stop taking jobs, let steps end for some seconds, and leave what is unfinished to others.

        Returns within about ten seconds; a step that does not end is taken over when this process is gone.
        """
        self._stopping.set()
        log.info("worker %s takes no more jobs", self.executor_id)
        for loop in self._upkeep:
            loop.stop()
        still_running = self._wait_for_steps()
        DBOS.destroy(destroy_registry=True)
        self._beating.stop()
        self._say_goodbye(still_running)
        self._engine.close()
        self._pool.dispose()

    def sweep(self) -> None:
        """Mark the jobs failed that the engine will never finish, and cancel those that are to end.

        Who wrote down that a job is to end may have died before the engine knew.
        """
        with self._records.read() as tx:
            unfinished = tx.jobs.unfinished()
            ending = tx.jobs.ending() if unfinished else ()
        lost = self._engine.lost(unfinished)
        for job_id in {job.id for job in unfinished}.intersection(ending) - {job.id for job, _ in lost}:
            log.warning("cancelling job %s, of which the engine was not told", job_id)
            self._engine.cancel(job_id)
        for job, why in lost:
            self._give_up(job, why)

    def _give_up(self, job: Job, why: str) -> None:
        if self._is_over(job):
            return  # it ended since we looked
        log.error("job %s is lost: %s", job.id, why)
        code = "job:cancelled" if why == WAS_CANCELLED else "job:lost"
        self._lifecycle.fail(job.id, {"code": code, "message": why, "details": {}})

    def _is_over(self, job: Job) -> bool:
        with self._records.read() as tx:
            return tx.jobs.get(job.id).status in OVER

    def _launch(self) -> None:
        DBOS(
            config={
                "name": APPLICATION_NAME,
                "system_database_url": self._database_url,
                "sys_db_pool_size": _SIZE_OF_POOL,
                "db_engine_kwargs": _engine_options(self._database_url),
                "application_version": str(self._version),
                "executor_id": self.executor_id,
                "serializer": DBOSPortableJSONSerializer(),
                "run_migrations": False,
                "log_level": "WARNING",
                "notification_listener_polling_interval_sec": _NOTIFICATION_SECONDS,
            }
        )

        def run_job(job_id: str) -> None:
            self._run(job_id)

        DBOS.workflow(name=WORKFLOW, max_recovery_attempts=_RECOVERIES)(run_job)
        DBOS.launch()

    def _register_queues(self) -> None:
        for name, concurrency in _CONCURRENCY.items():
            self._engine.client.register_queue(
                name,
                worker_concurrency=concurrency,
                partition_concurrency=_CONCURRENCY_OF_ONE.get(name),
                polling_interval_sec=_POLL_SECONDS_OF.get(name, _POLL_SECONDS),
            )

    def _run(self, job_id: str) -> None:
        """Run one job. The engine calls it again after a crash, and it comes to the same steps again."""
        quarantine = Quarantine(self._engine, job_id)
        with self._counted(job_id), because_of(job_id):
            try:
                unfinished = self._attempt(job_id, quarantine)
            finally:
                quarantine.leave()
        if unfinished is not None:
            self._put_back(unfinished, quarantine)

    def _attempt(self, job_id: str, quarantine: Quarantine) -> Job | None:
        """Run the job to its end, or return it when it has to be run again."""
        steps = DbosSteps(
            job_id,
            self._lifecycle,
            self._clock,
            self._stopping,
            self._patience,
            on_progress=quarantine.leave,
        )
        started = steps.keep("start", lambda: _stored(self._lifecycle.start(job_id)))
        if started is None:
            return None
        job = _job(started)
        steps.deadline = (job.started_at or job.created_at) + self._deadline
        try:
            if not steps.has_begun:  # its first step was done before: it runs again
                quarantine.enter()
        except RemoteUnavailable:
            return job
        except (Broken, Conflict) as error:
            # Not as a step: that has its place behind those that are not repeated any more.
            self._end(job_id, Failed.from_error(error))
            return None
        return self._finish(job, steps)

    def _finish(self, job: Job, steps: DbosSteps) -> Job | None:
        outcome = self._outcome(job, steps)
        if outcome is None:
            return job
        steps.keep("end", lambda: self._end(job.id, outcome, steps.done))
        return None

    def _outcome(self, job: Job, steps: DbosSteps) -> Answered | Failed | None:
        try:
            return answered("result", self._handlers[job.type](job, steps))
        except dbos_errors.DBOSException:
            raise  # the engine's own: it ends the workflow, and the sweep ends the job
        except RemoteUnavailable as error:
            # Beside its steps a job only reads our database, which will be back.
            is_final = error is steps.given_up or steps.is_late
            return Failed.from_error(error) if is_final else None
        except BranchlineError as error:
            return Failed.from_error(error)
        except Exception as error:  # noqa: BLE001 - whatever it is, it ends this job and no other
            return broken(f"job {job.id}", error)

    def _put_back(self, job: Job, quarantine: Quarantine) -> NoReturn:
        queue, _partition = queue_of(job)
        while not self._stopping.wait(_PUT_BACK_SECONDS):
            with suppress(RemoteUnavailable):
                quarantine.clear()
                self._engine.put_back(job.id, queue)
                break
        raise Unfinished

    def _end(self, job_id: str, outcome: Answered | Failed, done: Sequence[Done] = ()) -> None:
        if isinstance(outcome, Answered):
            self._lifecycle.complete(job_id, outcome.answer, done)
        else:
            self._lifecycle.fail(job_id, outcome.for_people, done)

    @contextmanager
    def _counted(self, job_id: str) -> Iterator[None]:
        with self._changed:
            self._running.add(job_id)
        try:
            yield
        finally:
            with self._changed:
                self._running.discard(job_id)
                self._changed.notify_all()

    def _wait_for_steps(self) -> frozenset[str]:
        with self._changed:
            self._changed.wait_for(lambda: not self._running, timeout=_GRACE_SECONDS)
            return frozenset(self._running)

    def _at_work(self) -> frozenset[str]:
        with self._changed:
            return frozenset(self._running)

    def _say_goodbye(self, still_running: frozenset[str]) -> None:
        try:
            self._takeover.hand_back(still_running)
            if not still_running:
                self._heartbeat.leave()
        except (BranchlineError, OperationalError) as error:
            log.warning("leaving jobs to the next worker: %s", error)

    def _take_over(self) -> None:
        live = self._heartbeat.live()
        if live is not None:
            self._takeover.recover(live)
            self._takeover.adopt(live)

    def _forget(self) -> None:
        before = self._clock() - _RETENTION
        while not self._stopping.is_set() and self._takeover.forget(before):
            pass


@contextmanager
def _needing_tables() -> Iterator[None]:
    try:
        yield
    except (OperationalError, ProgrammingError, dbos_errors.DBOSInitializationError) as error:
        remedy = "start it and run: branchline db upgrade"
        raise Misconfigured("DATABASE_URL", "names a database that is not ready", remedy) from error


def _stored(job: Job | None) -> dict[str, Any] | None:
    if job is None:
        return None
    started_at = job.started_at or job.created_at
    return {
        "id": job.id,
        "type": job.type.value,
        "app": job.app_id,
        "arguments": dict(job.arguments),
        "createdAt": job.created_at.isoformat(),
        "startedAt": started_at.isoformat(),
    }


def _job(stored: Mapping[str, Any]) -> Job:
    """Return the job as it was when it started, the same in every replay."""
    return Job(
        id=stored["id"],
        type=JobType(stored["type"]),
        app_id=stored["app"],
        arguments=stored["arguments"],
        status=JobStatus.PROCESSING,
        created_at=datetime.fromisoformat(stored["createdAt"]),
        started_at=datetime.fromisoformat(stored["startedAt"]),
    )


class _LeanConnection(sqlite3.Connection):
    """An SQLite connection that holds half a megabyte of pages instead of two, and few statements."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.execute("PRAGMA cache_size = -512")


def _engine_options(database_url: str) -> dict[str, Any]:
    """Return what the vendor's engine is made with, beside its own defaults."""
    if not database_url.startswith("sqlite"):
        return {}
    return {"connect_args": {"factory": _LeanConnection, "cached_statements": 24}}
