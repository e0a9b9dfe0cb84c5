"""Tell GitHub's webhooks what became of runs and jobs.

A webhook that cannot be sent never stops a run: it is logged, as deliveries are GitHub's business.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sandbox.actions.shapes import Shapes

if TYPE_CHECKING:
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
        record = next(
            found for found in self.records.workflows(run.repository_id) if found.id == run.workflow_id
        )
        shapes = Shapes(self.github)
        shape = shapes.run(run)
        shape["status"] = _EVENT_STATUS.get(run.status, run.status)
        payload = {"action": action, "workflow_run": shape, "workflow": shapes.workflow(record)}
        self._emit("workflow_run", run, payload)

    def job(self, action: str, job: Job, run: Run) -> None:
        """Announce a job as `queued`, `in_progress` or `completed`."""
        shape = Shapes(self.github).job(job, self.records.steps(job.id), run)
        self._emit("workflow_job", run, {"action": action, "workflow_job": shape})

    def _emit(self, event: str, run: Run, payload: dict[str, Any]) -> None:
        try:
            self.github.emit(event, run.repository_id, payload)
        except Exception:  # noqa: BLE001 - whatever a webhook does, the run goes on
            _log.exception("announcing %s %s of run %s", event, payload["action"], run.id)
