"""Jobs that somebody left behind: dead workers, stopped ones, and versions that nobody runs any more.

The engine itself continues a job only in a process that bears its old executor's name. Everything here asks
for what is there now and may be asked again: a round that dies halfway is repeated by the next.
"""

import logging
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Final

from dbos import DBOS

from app.jobs.engine import (
    APPS_QUEUE,
    CANCELLED_MARK,
    PROVISION_QUEUE,
    DbosEngine,
    can_be_adopted,
    speaking_of,
)
from app.jobs.liveness import version_of

if TYPE_CHECKING:
    from dbos import WorkflowStatus

log = logging.getLogger(__name__)

_OVER: Final = ["SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"]
_LEFT: Final = ["PENDING", "ENQUEUED", "CANCELLED"]
_BATCH: Final = 500


class Takeover:
    """What one worker does for jobs that were left behind."""

    def __init__(self, engine: DbosEngine, executor_id: str, version: int) -> None:
        self._engine = engine
        self._executor_id = executor_id
        self._version = version
        self._strays: frozenset[str] = frozenset()

    def recover(self, live: frozenset[str]) -> int:
        """Put the running jobs of workers that are not in `live` back into their queues.

        Being wrong costs one repeated step: the engine refuses the checkpoints of the former owner.
        """
        owners = {job.executor_id for job in self._list("PENDING") if job.executor_id is not None}
        dead = owners - live
        if not dead:
            return 0
        # Internal since DBOS 3.0 and guarded by a test: the public call forgets how often a job had been
        # recovered, so that one which kills its process would never be given up, and takes no notice of
        # who owns the job by now.
        recovered = len(DBOS._recover_pending_workflows(sorted(dead)))  # noqa: SLF001
        if recovered:
            log.warning("took over %d jobs of dead workers: %s", recovered, ", ".join(sorted(dead)))
        return recovered

    def reclaim(self, running: Callable[[], frozenset[str]]) -> int:
        """Put back what is ours by the database and did not run here at this look nor at the one before.

        The engine claims a job and then reads it; where the database goes away between the two, it drops
        the claim without a word, and as this worker lives, nobody takes the job over.
        """
        claimed = {job.workflow_id: job for job in self._list("PENDING", executor_id=self._executor_id)}
        idle = claimed.keys() - running()
        strays, self._strays = idle & self._strays, frozenset(idle)
        for job in map(claimed.__getitem__, strays):
            self._engine.put_back(job.workflow_id, job.queue_name)
            log.warning("put job %s back, which was claimed and never begun", job.workflow_id)
        return len(strays)

    def adopt(self, live: frozenset[str]) -> int:
        """Begin the unfinished jobs of lower versions again under ours, when nobody runs those any more."""
        abandoned = set(range(1, self._version)) - {version_of(worker) for worker in live}
        if not abandoned or self._executor_id != self._leader(live):
            return 0
        left = self._list(*_LEFT, versions=sorted(map(str, abandoned)))
        adopted = [job for job in left if can_be_adopted(job, self._version)]
        for job in adopted:
            self._rewind(job)
        if adopted:
            log.warning("began %d jobs of version %s again", len(adopted), sorted(abandoned))
        return len(adopted)

    def hand_back(self, running: frozenset[str]) -> None:
        """Put our own jobs back into their queues, but for those that still run in this process."""
        for job in self._list("PENDING", executor_id=self._executor_id):
            if job.workflow_id not in running:
                self._engine.put_back(job.workflow_id, job.queue_name)

    def forget(self, before: datetime) -> int:
        """Delete what the engine keeps of jobs that were over `before`; our own rows of them stay."""
        client = self._engine.client
        with speaking_of("forgetting old jobs"):
            over = client.list_workflows(
                status=_OVER,
                completed_before=before.isoformat(),
                limit=_BATCH,
                load_input=False,
                load_output=False,
            )
            if over:
                client.delete_workflows([job.workflow_id for job in over])
        return len(over)

    def _leader(self, live: frozenset[str]) -> str:
        return min(worker for worker in live if version_of(worker) == self._version)

    def _rewind(self, job: "WorkflowStatus") -> None:
        """Two commits; a job found between them is one that was cancelled unmarked, and is adopted again.

        It has lost its queue then; any with the same kind of partitions will do. One that somebody cancelled
        since we looked stays as it is.
        """
        client = self._engine.client
        queue = PROVISION_QUEUE if job.queue_partition_key is None else APPS_QUEUE
        with speaking_of(f"beginning job {job.workflow_id} again"):
            client.cancel_workflow(job.workflow_id)
            if self._engine.attributes(job.workflow_id).get(CANCELLED_MARK):
                return
            client.rewind_workflow(
                job.workflow_id,
                application_version=str(self._version),
                queue_name=job.queue_name or queue,
                queue_partition_key=job.queue_partition_key,
            )

    def _list(
        self, *status: str, versions: list[str] | None = None, executor_id: str | None = None
    ) -> list["WorkflowStatus"]:
        with speaking_of("looking for jobs that were left behind"):
            return self._engine.client.list_workflows(
                status=list(status),
                app_version=versions,
                executor_id=executor_id,
                load_input=False,
                load_output=False,
            )
