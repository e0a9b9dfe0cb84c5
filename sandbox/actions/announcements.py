"""Tell GitHub's webhooks what became of runs and jobs.

A webhook that cannot be sent never stops a run: it is logged, as deliveries are GitHub's business.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sandbox.actions import contexts
from sandbox.actions.shapes import Shapes

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from sandbox.actions.ports import GitHubSide
    from sandbox.actions.records import Job, Records, Run

_log = logging.getLogger(__name__)
_EVENT_STATUS = {"pending": "queued"}


@dataclass(frozen=True)
class Announcements:
    """The events `workflow_run` and `workflow_job` of one engine."""

    github: GitHubSide
    records: Records

    def run(self, action: str, run: Run) -> None:
        """Announce a run as `requested`, `in_progress` or `completed`."""
        self._emit("workflow_run", action, run, lambda: self._run(run))

    def job(self, action: str, job: Job, run: Run) -> None:
        """Announce a job as `queued`, `in_progress` or `completed`."""
        shape = Shapes(self.github).job
        self._emit(
            "workflow_job", action, run, lambda: {"workflow_job": shape(job, self.records.steps(job.id), run)}
        )

    def _run(self, run: Run) -> dict[str, Any]:
        record = next(
            found for found in self.records.workflows(run.repository_id) if found.id == run.workflow_id
        )
        shapes = Shapes(self.github)
        shape = shapes.run(run)
        shape["status"] = _EVENT_STATUS.get(run.status, run.status)
        return {"workflow_run": shape, "workflow": shapes.workflow(record)}

    def _emit(self, event: str, action: str, run: Run, payload: Callable[[], dict[str, Any]]) -> None:
        try:
            sender = contexts.actor(run.caused_by(), self.github.repository(run.repository_id))
            self.github.emit(event, run.repository_id, {"action": action, "sender": sender, **payload()})
        except Exception:  # noqa: BLE001 - its repository may be gone; the run goes on whatever a webhook does
            _log.warning("announcing %s %s of run %s", event, action, run.id, exc_info=True)
