"""Turn what act says into jobs, steps and logs, as it says it, in GitHub's numbering.

Step 1 is "Set up job", the steps of the file follow in their order, then what actions do afterwards, then
"Complete job". Steps that act never mentions were skipped.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from sandbox.actions import endings, workflows
from sandbox.actions.records import Job, Records, Run, Step, now

if TYPE_CHECKING:
    from sandbox.actions.act_output import Line
    from sandbox.actions.announcements import Announcements
    from sandbox.actions.logs import Logs

_SETUP, _COMPLETE = "--setup-job", "--complete-job"
_FIRST = 2
_TAIL_LINES = 20


@dataclass
class _Progress:
    """A job as far as act has told of it."""

    job: Job
    declared: workflows.Job | None
    steps: dict[int, Step] = field(default_factory=dict)
    afterwards: dict[str, int] = field(default_factory=dict)
    forgiven: set[int] = field(default_factory=set)
    interrupted: set[int] = field(default_factory=set)
    is_cancelled: bool = False


class Recorder:
    """Keeps the record of one attempt of `run`."""

    def __init__(
        self, run: Run, workflow: workflows.Workflow, records: Records, logs: Logs, announce: Announcements
    ) -> None:
        self._run, self._workflow = run, workflow
        self._records, self._logs, self._announce = records, logs, announce
        self._jobs: dict[str, _Progress] = {}
        self._is_cancelling = False
        self.tail: list[str] = []

    def take(self, line: Line) -> None:
        """Record one line."""
        if not line.job:
            self.tail = [*self.tail, line.text][-_TAIL_LINES:] if line.text else self.tail
            return
        progress = self._progress(line)
        number = self._number(progress, line)
        if line.text is not None:
            self._logs.append(progress.job, number, line.text)
        if line.kind == "step-started" and line.stage != "Pre":
            self._put(progress, self._started(progress, number, line))
        elif line.kind == "step-finished" and line.stage != "Pre":
            self._finished(progress, number, line.result)
        elif line.kind == "step-cancelled":
            self._finished(progress, number, "cancelled")
        elif line.kind == "step-forgiven":
            progress.forgiven.add(number)
        elif line.kind == "job-finished":
            self._job_finished(progress, line.result)

    def cancelling(self) -> None:
        """Note that the run is being cancelled: the steps running now do not fail, they are ended."""
        self._is_cancelling = True
        for progress in list(self._jobs.values()):
            running = [step.number for step in list(progress.steps.values()) if step.status == "in_progress"]
            progress.interrupted.update(running)
            progress.is_cancelled = progress.job.status != "completed"

    def close(self, conclusion: str) -> None:
        """Complete what act left open: unfinished jobs end as `conclusion`, jobs never begun are skipped."""
        for progress in self._jobs.values():
            if progress.job.status != "completed":
                for step in list(progress.steps.values()):
                    if step.status != "completed":
                        self._finished(progress, step.number, conclusion)
                self._job_finished(progress, conclusion)
        self._skip_the_rest("cancelled" if conclusion == "cancelled" else "skipped")

    def _progress(self, line: Line) -> _Progress:
        if line.job_name in self._jobs:
            return self._jobs[line.job_name]
        declared = next((job for job in self._workflow.jobs if job.key == line.job), None)
        job = self._waiting(line.job) or self._new_job(line, declared)
        job = self._records.update_job(
            job.id, status="in_progress", started_at=now(), name=self._name(line, declared)
        )
        runs_on = declared is not None and workflows.runs_on(declared.condition)
        is_cancelled = self._is_cancelling and not runs_on  # of its steps act leaves out what may be
        self._jobs[line.job_name] = _Progress(job, declared, is_cancelled=is_cancelled)
        self._announce.job("in_progress", job, self._run)
        return self._jobs[line.job_name]

    def _waiting(self, key: str) -> Job | None:
        jobs = self._records.jobs(self._run.id, self._run.attempt)
        return next((job for job in jobs if job.key == key and job.status == "queued"), None)

    def _new_job(self, line: Line, declared: workflows.Job | None) -> Job:
        labels = declared.labels if declared else ()
        job = self._records.add_job(self._run, line.job, self._name(line, declared), labels)
        self._announce.job("queued", job, self._run)
        return job

    def _name(self, line: Line, declared: workflows.Job | None) -> str:
        if declared and not declared.has_matrix and "${{" not in declared.name:
            return declared.name
        for workflow_name in (self._workflow.name, self._workflow.path.rpartition("/")[2]):
            if line.job_name.startswith(f"{workflow_name}/"):
                return line.job_name.removeprefix(f"{workflow_name}/")
        return line.job_name

    def _number(self, progress: _Progress, line: Line) -> int:
        if line.step in ("", _SETUP) or line.stage == "Pre":
            return max(progress.steps, default=1) if line.step == "" else 1
        if line.stage == "Main":
            return _FIRST + self._index(progress, line.step)
        return progress.afterwards.setdefault(line.step, self._last(progress) + 1)

    def _index(self, progress: _Progress, key: str) -> int:
        steps = progress.declared.steps if progress.declared else ()
        keys = [step.key for step in steps]
        if key in keys:
            return keys.index(key)
        return int(key) if key.isdigit() else len(keys)

    def _last(self, progress: _Progress) -> int:
        declared = len(progress.declared.steps) if progress.declared else 0
        return max([declared + 1, *progress.steps, *progress.afterwards.values()])

    def _started(self, progress: _Progress, number: int, line: Line) -> Step:
        name = {_SETUP: "Set up job", _COMPLETE: "Complete job"}.get(line.step) or self._step_name(
            progress, line
        )
        name = f"Post {name}" if line.stage == "Post" else name
        return Step(progress.job.id, number, name, "in_progress", None, now(), None)

    def _step_name(self, progress: _Progress, line: Line) -> str:
        index = self._index(progress, line.step)
        declared = progress.declared.steps if progress.declared else ()
        if index < len(declared) and "${{" not in declared[index].name:
            return declared[index].name
        prefix = "Run " if index < len(declared) and declared[index].is_unnamed else ""
        return prefix + line.step_name.strip().partition("\n")[0]

    def _finished(self, progress: _Progress, number: int, result: str) -> None:
        step = progress.steps.get(number)
        if step is None:
            return
        conclusion = result
        if result == "failure" and number in progress.interrupted:
            conclusion = "cancelled"
        elif result == "failure" and number in progress.forgiven:
            conclusion = "success"
        self._put(progress, replace(step, status="completed", conclusion=conclusion, completed_at=now()))

    def _put(self, progress: _Progress, step: Step) -> None:
        progress.steps[step.number] = step
        self._records.put_step(step)

    def _job_finished(self, progress: _Progress, result: str) -> None:
        time = now()
        for index, declared in enumerate(progress.declared.steps if progress.declared else ()):
            if _FIRST + index not in progress.steps:
                step = Step(
                    progress.job.id, _FIRST + index, declared.name, "completed", "skipped", time, time
                )
                self._put(progress, step)
        if progress.is_cancelled or (result == "failure" and self._is_cancelling):
            result = "cancelled"  # act knows only success and failure
        values = {"status": "completed", "conclusion": result, "completed_at": time}
        progress.job = self._records.update_job(progress.job.id, **values)
        self._announce.job("completed", progress.job, self._run)

    def _skip_the_rest(self, conclusion: str) -> None:
        known = {job.key for job in self._records.jobs(self._run.id, self._run.attempt)}
        for declared in self._workflow.jobs:
            if declared.key not in known:
                self._records.add_job(self._run, declared.key, declared.name, declared.labels)
        endings.complete_jobs(self._announce, self._run, conclusion)
