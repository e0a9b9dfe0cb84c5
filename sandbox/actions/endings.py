"""The end of what never came to its own end: the jobs and steps that a run leaves open."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sandbox.actions.records import now

if TYPE_CHECKING:
    from sandbox.actions.announcements import Announcements
    from sandbox.actions.records import Job, Run


def complete_jobs(announce: Announcements, run: Run, conclusion: str) -> None:
    """Complete the jobs of a run's present attempt that are not over, with their steps, and tell of each."""
    records = announce.records
    for job in records.jobs(run.id, run.attempt):
        if job.status == "completed":
            continue
        _complete_steps(announce, job, conclusion)
        values = {"status": "completed", "conclusion": conclusion, "completed_at": now()}
        announce.job("completed", records.update_job(job.id, **values), run)


def _complete_steps(announce: Announcements, job: Job, conclusion: str) -> None:
    for step in announce.records.steps(job.id):
        if step.status != "completed":
            over = replace(step, status="completed", conclusion=conclusion, completed_at=now())
            announce.records.put_step(over)
