"""The engine as everybody but a worker sees it: jobs go into queues and are looked at.

A plain client: it runs no job, needs no workflow code and connects when it is first used, so web processes
hold one. The engine keeps its tables in our database, in the schema `dbos` of PostgreSQL or beside our own in
SQLite's file, and has its own small pool of connections: a storm of requests that empties our pool must not
stop workers from writing checkpoints. Only `enqueue` acts in the caller's transaction.
"""

import logging
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, cast

from sqlalchemy import NullPool, create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from app.domain.jobs import Job, JobStatus, JobType, Step
from app.errors import RemoteUnavailable
from app.jobs.liveness import create_table
from app.jobs.progress import BEGUN_EVENT, visible_steps

if TYPE_CHECKING:
    from dbos import DBOSClient, EnqueueOptions, WorkflowStatus
    from sqlalchemy import Connection
    from sqlalchemy.orm import Session

APPLICATION_NAME: Final = "branchline"
WORKFLOW: Final = "run_job"

# Raise it when the order of any job's steps changes, or a type of job comes or goes, and only then: a worker
# begins the unfinished jobs of lower versions again from their first step, which every step is made for, and
# leaves those of higher ones to workers that know them.
APPLICATION_VERSION: Final = 2

PROVISION_QUEUE: Final = "provision"
APPS_QUEUE: Final = "apps"
RELEASES_QUEUE: Final = "releases"
ADDRESSES_QUEUE: Final = "addresses"
INVOCATIONS_QUEUE: Final = "invocations"
BACKGROUND_QUEUE: Final = "background"
QUEUES: Final = (
    PROVISION_QUEUE,
    APPS_QUEUE,
    RELEASES_QUEUE,
    ADDRESSES_QUEUE,
    INVOCATIONS_QUEUE,
    BACKGROUND_QUEUE,
)

CANCELLED_MARK: Final = "cancelled"

_ONE_BY_ONE: Final = {
    JobType.RELEASE: RELEASES_QUEUE,
    JobType.PROMOTE: RELEASES_QUEUE,
    # Never both at once for one deployment, which a partition sees to within one queue only. A promotion may
    # run beside them: once its own address is to go it puts nothing up, or asks for that to be taken down.
    JobType.RESTORE: ADDRESSES_QUEUE,
    JobType.EXPIRE: ADDRESSES_QUEUE,
}
_BACKGROUND: Final = frozenset({JobType.RECONCILE, JobType.REDELIVER})
_BATCH: Final = 500
WAS_CANCELLED: Final = "the job was cancelled"
_WHY_LOST: Final = {
    "CANCELLED": WAS_CANCELLED,
    "ERROR": "the engine could not run the job",
    "MAX_RECOVERY_ATTEMPTS_EXCEEDED": "the process ended every time the job ran",
    "SUCCESS": "the job ended without a word",
}

# The vendor tells little and through our logging: with a handler in place it adds none of its own.
logging.getLogger("dbos").setLevel(logging.WARNING)
logging.getLogger("dbos").addHandler(logging.NullHandler())


def queue_of(job: Job) -> tuple[str, str | None]:
    """Return the queue of a job and its partition: one job at a time writes outside for an app.

    Some kinds have queues of their own. What puts scripts up and takes them down speaks to Cloudflare alone,
    one at a time for each script or worker: a rollback waits for no comment that GitHub does not take. So do
    deployments' own addresses, apart from it: a hundred may expire at once, and wait long for a budget. Calls
    of functions, where those of one worker do not hold up all others'. And what works for nobody in
    particular, many at a time, and waits longer than what somebody waits for: it must hold no place of that.
    """
    if job.type is JobType.PROVISION:
        return PROVISION_QUEUE, None
    if job.type in _ONE_BY_ONE:
        subject = job.arguments.get("script") or job.arguments.get("deployment")
        return _ONE_BY_ONE[job.type], f"{job.app_id}/{subject}"
    if job.type is JobType.SETTLE:
        return RELEASES_QUEUE, job.app_id  # the worker's
    if job.type is JobType.INVOKE:
        return INVOCATIONS_QUEUE, job.app_id
    if job.type in _BACKGROUND:
        return BACKGROUND_QUEUE, job.app_id
    return APPS_QUEUE, job.app_id


def migrate(database_url: str) -> None:
    """Create or upgrade the engine's tables and that of its workers. May be repeated."""
    from dbos import DBOS  # noqa: PLC0415 - half a second that no web process should pay

    engine = create_engine(database_url, poolclass=NullPool)
    with speaking_of("preparing the database for jobs"):
        if engine.dialect.name == "sqlite":
            # Kept in the file; it doubles the rate at which jobs are queued. The vendor leaves the default.
            with engine.connect() as connection:
                connection.exec_driver_sql("PRAGMA journal_mode = WAL")
        DBOS.migrate(database_url)
        create_table(engine)


class DbosEngine:
    """`ports.JobEngine` by a DBOS client. May be made before forking: it connects on first use."""

    def __init__(self, database_url: str, *, version: int = APPLICATION_VERSION) -> None:
        self._database_url = database_url
        self._version = version
        self._lock = threading.Lock()
        self._client: DBOSClient | None = None

    @property
    def client(self) -> "DBOSClient":
        """The vendor's client, for this package only."""
        with self._lock:
            if self._client is None:
                self._client = self._connect()
            return self._client

    def close(self) -> None:
        """Close its connections; they are opened again when it is used again."""
        with self._lock:
            if self._client is not None:
                self._client.destroy()
            self._client = None

    def enqueue(self, transaction: object, job: Job) -> None:
        """Put the job into its queue as part of `transaction`, an SQLAlchemy session or connection."""
        queue, partition = queue_of(job)
        options: EnqueueOptions = {
            "workflow_name": WORKFLOW,
            "workflow_id": job.id,
            "queue_name": queue,
            "app_version": str(self._version),
        }
        if partition is not None:
            options["queue_partition_key"] = partition
        self.client.enqueue_in_transaction(cast("Connection | Session", transaction), options, job.id)

    def steps(self, job: Job) -> Sequence[Step]:
        """Return the steps of a job that were begun, in order; the attempts of one step are one step."""
        with speaking_of(f"reading the steps of job {job.id}"):
            recorded = self.client.list_workflow_steps(job.id)
            begun = self.client.get_event(job.id, BEGUN_EVENT, timeout_seconds=0)
        return visible_steps(recorded, begun, is_failed=job.status is JobStatus.FAILED)

    def lost(self, jobs: Sequence[Job]) -> Sequence[tuple[Job, str]]:
        """Return those of `jobs` that the engine will never finish, each with why."""
        known: dict[str, WorkflowStatus] = {}
        with speaking_of("looking for lost jobs"):
            for start in range(0, len(jobs), _BATCH):
                ids = [job.id for job in jobs[start : start + _BATCH]]
                rows = self.client.list_workflows(workflow_ids=ids, load_input=False, load_output=False)
                known |= {row.workflow_id: row for row in rows}
        whys = ((job, self._why_lost(known.get(job.id))) for job in jobs)
        return [(job, why) for job, why in whys if why is not None]

    def cancel(self, job_id: str) -> None:
        """Let no further step of the job begin. Two commits of its own, outside of any transaction.

        May be repeated: where it was interrupted, the sweep does it again.
        """
        with speaking_of(f"cancelling job {job_id}"):
            # The mark tells it from a job that is cancelled for a moment to change its version (takeover).
            self.client.update_workflow_attributes(job_id, {CANCELLED_MARK: True}, merge=True)
            self.client.cancel_workflow(job_id)

    def put_back(self, job_id: str, queue: str | None) -> None:
        """Let the job run again, unless somebody cancelled it: the engine would forget that."""
        with speaking_of(f"putting job {job_id} back"):
            if not self.attributes(job_id).get(CANCELLED_MARK):
                self.client.resume_workflow(job_id, queue_name=queue)

    def attributes(self, job_id: str) -> Mapping[str, Any]:
        """Return what this package noted about a job in the engine; nothing of one that it does not know."""
        known = self.client.list_workflows(workflow_ids=[job_id], load_input=False, load_output=False)
        return (known[0].attributes or {}) if known else {}

    def _connect(self) -> "DBOSClient":
        from dbos import DBOSClient, DBOSPortableJSONSerializer  # noqa: PLC0415 - as in migrate

        return DBOSClient(
            system_database_url=self._database_url,
            application_name=APPLICATION_NAME,
            serializer=DBOSPortableJSONSerializer(),
            system_database_pool_size=2,
            lazy=True,
            retry_connection_errors=False,
        )

    def _why_lost(self, workflow: "WorkflowStatus | None") -> str | None:
        if workflow is None:
            return "the engine does not know the job"
        if workflow.status == "CANCELLED" and can_be_adopted(workflow, self._version):
            return None
        return _WHY_LOST.get(workflow.status)


def can_be_adopted(workflow: "WorkflowStatus", version: int) -> bool:
    """Tell whether the job is of a lower version and nobody asked for its end."""
    is_cancelled = bool((workflow.attributes or {}).get(CANCELLED_MARK))
    return not is_cancelled and int(workflow.app_version or 0) < version


@contextmanager
def speaking_of(doing: str) -> Iterator[None]:
    """Raise RemoteUnavailable when the database does not answer."""
    try:
        yield
    except (DBAPIError, PoolTimeoutError) as error:
        raise RemoteUnavailable(
            f"{doing}: the database does not answer", code="database:unavailable"
        ) from error
