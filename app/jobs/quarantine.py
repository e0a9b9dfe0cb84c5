"""Quarantine: where a job that runs again is watched, because it may be what ended its process.

A step counts for itself how often a process ended while it ran (steps). Between steps nothing is written
down, and a job that merely waited there looks like one that kills. So a job that runs again is counted as it
starts over, and cleared as soon as it gets further: it begins a step, waits or ends. Only one that never does
is given up; and one that somebody cancelled goes no further. What a job does is not known here.
"""

import logging
import threading
from typing import Final

from app.errors import Broken, Conflict, RemoteUnavailable
from app.jobs.engine import CANCELLED_MARK, WAS_CANCELLED, DbosEngine, speaking_of

log = logging.getLogger(__name__)

CHANCES: Final = 3
# Whoever runs beside a deadly job dies with it. The last chance is taken alone, so that the deadly one spends
# its own and not that of others.
LAST_CHANCE: Final = threading.Lock()

_STARTS: Final = "starts"


class Quarantine:
    """Counts the starts of one job that led nowhere."""

    def __init__(self, engine: DbosEngine, job_id: str) -> None:
        self._engine = engine
        self._job_id = job_id
        self._is_inside = False
        self._is_alone = False

    def enter(self) -> None:
        """Count that the job starts over.

        Raises:
            Broken: it did so too often.
            Conflict: somebody cancelled it, as it was being put back.
            RemoteUnavailable: nothing could be counted; run it later.
        """
        with speaking_of(f"looking at job {self._job_id}"):
            noted = self._engine.attributes(self._job_id)
        if noted.get(CANCELLED_MARK):
            raise Conflict(WAS_CANCELLED, code="job:cancelled")
        starts = int(noted.get(_STARTS, 0)) + 1
        if starts > CHANCES:
            message = f"the job was given up: the process ended {CHANCES} times as it went on between steps"
            raise Broken(message, code="job:crashed")
        if starts == CHANCES:
            self._is_alone = LAST_CHANCE.acquire()
        self._is_inside = True
        self._count(starts)

    def leave(self) -> None:
        """Clear the job, which got further; what cannot be written now is written the next time."""
        try:
            self.clear()
        except RemoteUnavailable as error:
            log.warning("%s", error)

    def clear(self) -> None:
        """Clear the job; does nothing outside of quarantine. Raises RemoteUnavailable."""
        if self._is_alone:
            self._is_alone = False
            LAST_CHANCE.release()
        if self._is_inside:
            self._count(0)
            self._is_inside = False

    def _count(self, starts: int) -> None:
        with speaking_of(f"counting the starts of job {self._job_id}"):
            self._engine.client.update_workflow_attributes(self._job_id, {_STARTS: starts}, merge=True)
