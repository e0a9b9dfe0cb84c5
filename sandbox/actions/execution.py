"""One attempt of a run, from its empty directory to its conclusion, in a thread of its own.

It runs what the commit says, with the secrets of the moment. Cancellation is as faithful as act allows:
SIGINT to the running step, SIGTERM after 7.5 s, the end of its processes 2.5 s later, and then the steps with
`if: always()` or `cancelled()`, for which act has five minutes. A step whose own condition names one of the
two is not interrupted.
"""

from __future__ import annotations

import logging
import shutil
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sandbox.actions import act_output, endings, expressions, git, processes, runner, workflows
from sandbox.actions.recorder import Recorder
from sandbox.actions.toolbox import UnknownActionError

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    from sandbox.actions.announcements import Announcements
    from sandbox.actions.assignments import Assigner
    from sandbox.actions.leash import Leash
    from sandbox.actions.logs import Logs
    from sandbox.actions.records import Records, Run
    from sandbox.actions.toolbox import Toolbox

_log = logging.getLogger(__name__)
_LONGEST_RUN_SECONDS = 3600
_CANCELLATION_SECONDS = 300
_SWEEP_SECONDS = 0.5
_REFUSALS = (workflows.WorkflowError, UnknownActionError, git.GitError, expressions.ExpressionError)


@dataclass(frozen=True)
class Surroundings:
    """What every attempt of an engine needs."""

    directory: Path
    records: Records
    logs: Logs
    announce: Announcements
    toolbox: Toolbox
    assigner: Assigner
    leash: Leash


class Execution(threading.Thread):
    """Runs the present attempt of `run`; `done` is called with it at the end."""

    def __init__(self, run: Run, surroundings: Surroundings, done: Callable[[Run], None]) -> None:
        super().__init__(name=f"run-{run.id}", daemon=True)
        self._run, self._around, self._done = run, surroundings, done
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._workflow: workflows.Workflow | None = None
        self._recorder: Recorder | None = None
        self._is_cancelling = self._is_abandoned = False
        self._is_over = threading.Event()

    def run(self) -> None:
        """Run the attempt and record its conclusion, whatever happens."""
        self._around.announce.run("in_progress", self._run)
        directory = self._around.directory / f"{self._run.id}-{self._run.attempt}"
        try:
            conclusion, note = self._attempt(directory)
        except _REFUSALS as refusal:
            conclusion, note = "failure", str(refusal)
        except Exception as error:  # noqa: BLE001 - a run must reach its conclusion
            _log.exception("run %s", self._run.id)
            conclusion, note = "failure", f"The runner stopped: {error}"
        try:
            self._around.assigner.dismiss(self._run)
            if not self._is_abandoned:
                self._conclude(conclusion, note)
        finally:
            self._done(self._run)
            shutil.rmtree(directory, ignore_errors=True)

    def cancel(self, *, at_once: bool = False) -> None:
        """Ask the attempt to end; returns at once."""
        with self._lock:
            is_first, self._is_cancelling = not self._is_cancelling, True
            if self._recorder:
                self._recorder.cancelling()
        if at_once:
            self._kill()
        elif is_first and self._process and not self._is_over.is_set():
            threading.Thread(target=self._interrupt, args=(self._process,), daemon=True).start()

    def abandon(self) -> None:
        """End the attempt at once and leave its record as it is, for the next start to find."""
        with self._lock:
            self._is_abandoned = self._is_cancelling = True
        self._kill()

    def _attempt(self, directory: Path) -> tuple[str, str]:
        assignment = self._around.assigner.assign(self._run)
        masks = act_output.Masks([*assignment.secrets.values(), *assignment.hidden])
        recorder = Recorder(
            self._run, assignment.workflow, self._around.records, self._around.logs, self._around.announce
        )
        with self._lock:
            self._workflow, self._recorder = assignment.workflow, recorder
            if self._is_cancelling:
                recorder.close("cancelled")
                return "cancelled", ""
            home = directory / "home"
            home.mkdir(parents=True)
            environment = self._around.toolbox.environment(home)
            self._around.leash.hold(self._run.tracking_id)
            self._process = runner.launch(self._around.toolbox.act, directory, assignment, environment)
        status = self._follow(self._process, recorder, masks)
        return self._conclusion(recorder, status)

    def _follow(self, process: subprocess.Popen[str], recorder: Recorder, masks: act_output.Masks) -> int:
        """Record what act says until it ends, and see that nothing of it remains."""
        limit = threading.Timer(_LONGEST_RUN_SECONDS, self.cancel)
        limit.daemon = True
        limit.start()
        with process:
            try:
                for raw in process.stdout or ():
                    recorder.take(act_output.parse(raw, masks))
                self._is_over.set()
                return process.wait()
            finally:
                limit.cancel()
                self._is_over.set()
                processes.kill_all(self._run.tracking_id, process.pid)
                self._around.leash.release(self._run.tracking_id)

    def _conclusion(self, recorder: Recorder, status: int) -> tuple[str, str]:
        recorder.close("cancelled" if self._is_cancelling else "skipped" if status == 0 else "failure")
        jobs = self._around.records.jobs(self._run.id, self._run.attempt)
        conclusions = {job.conclusion for job in jobs}
        if "cancelled" in conclusions:
            return "cancelled", ""
        if status == 0:
            return ("skipped" if conclusions == {"skipped"} else "success"), ""
        return "failure", "" if conclusions - {"skipped"} else "\n".join(recorder.tail)

    def _conclude(self, conclusion: str, note: str) -> None:
        records, announce = self._around.records, self._around.announce
        endings.complete_jobs(announce, self._run, conclusion)
        run = records.update_run(self._run.id, status="completed", conclusion=conclusion, note=note)
        announce.run("completed", run)

    def _interrupt(self, process: subprocess.Popen[str]) -> None:
        """Cancel what runs; what is not over five minutes later is killed."""
        cancellation = processes.Cancellation(self._run.tracking_id, process.pid, self._keeps_running)
        cancellation.begin()
        deadline = time.monotonic() + _CANCELLATION_SECONDS
        while not self._is_over.wait(_SWEEP_SECONDS) and time.monotonic() < deadline:
            cancellation.sweep()
        if not self._is_over.is_set():
            self._kill()

    def _keeps_running(self, environment: dict[str, str]) -> bool:
        """Say whether the step with this environment runs on through a cancellation."""
        job, step = environment.get("GITHUB_JOB", ""), environment.get("GITHUB_ACTION", "")
        condition = self._workflow.condition(job, step) if self._workflow else ""
        return workflows.runs_on(condition)

    def _kill(self) -> None:
        with self._lock:
            session = self._process.pid if self._process else None
        processes.kill_all(self._run.tracking_id, session)
