"""Who runs when: a pool of bounded size, and the runs of a concurrency group one after another.

A run is `requested` until GitHub has been told of it, `pending` while its concurrency groups are taken,
`queued` while the pool is full. One that is cancelled while it is `requested` has its conclusion at once, and
is completed when GitHub has been told of it. What an attempt does is `execution`'s.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from sandbox.actions import concurrency, endings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sandbox.actions.announcements import Announcements
    from sandbox.actions.execution import Execution
    from sandbox.actions.records import Records, Run

_Attempt = tuple[int, int]
_HOLDING = ("queued", "in_progress")
_CLOSE_SECONDS = 10


class Scheduler:
    """The queue and the pool of one engine."""

    def __init__(
        self, records: Records, announce: Announcements, execution: Callable[[Run], Execution], size: int
    ) -> None:
        self._records, self._announce, self._execution = records, announce, execution
        self._size = size
        self._lock = threading.Lock()
        self._executions: dict[_Attempt, Execution] = {}
        self._is_open = False

    def open(self) -> None:
        """Begin to start runs."""
        self._is_open = True
        self.wake()

    def close(self) -> None:
        """Start nothing more and end every running attempt at once."""
        with self._lock:
            self._is_open = False
            executions = list(self._executions.values())
        for execution in executions:
            execution.abandon()
        for execution in executions:
            execution.join(_CLOSE_SECONDS)

    def make_way(self, repository_id: int, groups: Iterable[concurrency.Group]) -> None:
        """Cancel the runs that a new member of `groups` puts an end to."""
        for group in groups:
            rivals = [
                concurrency.Member(run.id, holds=run.status in _HOLDING)
                for run in self._records.unfinished_runs()
                if run.repository_id == repository_id and group.name in run.group_names
            ]
            for run_id in concurrency.to_cancel(group, rivals):
                self.cancel(run_id)

    def enqueue(self, run: Run) -> None:
        """Let a requested run take its place in the queue, unless it is cancelled; may run twice."""
        with self._lock:
            current = self._records.run(run.id)
            if current.status != "requested":
                return
            is_cancelled = current.conclusion is not None
            status = "completed" if is_cancelled else "pending"
            current = self._records.update_run(run.id, status=status)
        if is_cancelled:
            self._announce_cancelled(current)
        self.wake()

    def cancel(self, run_id: int, *, at_once: bool = False) -> None:
        """Cancel a run: one that waits is over, one that runs is told to end (`at_once`: is killed)."""
        with self._lock:
            run = self._records.run(run_id)
            execution = self._executions.get(_attempt(run))
            is_waiting = execution is None and run.status not in ("requested", "completed")
            if is_waiting:
                run = self._records.update_run(run_id, status="completed", conclusion="cancelled")
            elif run.status == "requested":
                self._records.update_run(run_id, conclusion="cancelled")
        if execution is not None:
            execution.cancel(at_once=at_once)
        elif is_waiting:
            self._announce_cancelled(run)
            self.wake()

    def wake(self) -> None:
        """Start what can be started now."""
        with self._lock:
            started = self._take() if self._is_open else []
        for execution in started:
            execution.start()

    def done(self, run: Run) -> None:
        """Give back the place of an attempt that has ended; its run may have begun another one."""
        with self._lock:
            self._executions.pop(_attempt(run), None)
        self.wake()

    def _take(self) -> list[Execution]:
        unfinished = self._records.unfinished_runs()
        taken = {key for run in unfinished if run.status in _HOLDING for key in _keys(run)}
        started = []
        for run in unfinished:
            is_free = run.status == "pending" and not taken.intersection(_keys(run))
            if not is_free and run.status != "queued":
                continue
            taken.update(_keys(run))
            has_place = len(self._executions) < self._size
            status = "in_progress" if has_place else "queued"
            current = self._records.update_run(run.id, status=status) if status != run.status else run
            if has_place:
                self._executions[_attempt(run)] = self._execution(current)
                started.append(self._executions[_attempt(run)])
        return started

    def _announce_cancelled(self, run: Run) -> None:
        endings.complete_jobs(self._announce, run, "cancelled")
        self._announce.run("completed", run)


def _attempt(run: Run) -> _Attempt:
    return run.id, run.attempt


def _keys(run: Run) -> set[tuple[int, str]]:
    return {(run.repository_id, group) for group in run.group_names}
