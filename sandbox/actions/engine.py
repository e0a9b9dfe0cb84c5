"""The engine: takes occasions, makes runs of them, and lets people cancel, repeat and forget runs.

When a run may start is `scheduler`'s, what it does `execution`'s, what it looks like from outside `routes`
and `pages`. A failed job cannot be repeated alone: act runs a workflow's jobs together, so
`rerun-failed-jobs` repeats them all.
"""

from __future__ import annotations

import json
import logging
import secrets
import shutil
import threading
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sandbox.actions import (
    concurrency,
    contexts,
    dispatches,
    endings,
    expressions,
    git,
    globs,
    processes,
    triggers,
    workflows,
)
from sandbox.actions.announcements import Announcements
from sandbox.actions.artifacts.store import Store
from sandbox.actions.artifacts.uploads import Uploads
from sandbox.actions.assignments import Assigner, inputs
from sandbox.actions.execution import Execution, Surroundings
from sandbox.actions.leash import Leash
from sandbox.actions.logs import Logs
from sandbox.actions.oidc.issuer import Issuer
from sandbox.actions.ports import GitHubSide, Occasion
from sandbox.actions.records import Records, Run, WorkflowRecord, now
from sandbox.actions.scheduler import Scheduler
from sandbox.actions.toolbox import Toolbox

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_log = logging.getLogger(__name__)
_LOST = "The runner was lost: the sandbox stopped while this run was in progress."
_REFUSED = "Invalid workflow file: "


class NotPossibleError(RuntimeError):
    """What was asked of a run does not fit its state; the text is GitHub's answer."""


class Engine:
    """GitHub Actions of one sandbox. Thread-safe; `start` once, `close` at the end."""

    def __init__(self, directory: Path, github: GitHubSide, *, concurrency: int) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.github = github
        self.records = Records(directory / "actions.sqlite")
        self.logs = Logs(directory / "logs")
        self.announce = Announcements(github, self.records)
        self.issuer = Issuer(directory, github.url)
        self.artifacts = Store(directory / "artifacts", self.records)
        self.uploads = Uploads(directory / "uploads", self.artifacts, github.url)
        self._admission = threading.Lock()
        self._runs_directory = directory / "runs"
        toolbox = Toolbox(directory / "tools")
        self._leash = Leash()
        assigner = Assigner(github, toolbox, self.issuer, self.uploads)
        around = Surroundings(
            self._runs_directory, self.records, self.logs, self.announce, toolbox, assigner, self._leash
        )
        self._scheduler = Scheduler(
            self.records, self.announce, lambda run: Execution(run, around, self._scheduler.done), concurrency
        )

    def start(self) -> None:
        """Clear away what an earlier engine left behind, then take up the queued runs."""
        for run in self.records.unfinished_runs():
            if run.status == "in_progress":
                self._declare_lost(run)
            elif run.status == "requested":
                self._scheduler.enqueue(run)
        shutil.rmtree(self._runs_directory, ignore_errors=True)
        self._scheduler.open()

    def close(self) -> None:
        """Stop: nothing of any run survives; runs in progress are declared lost at the next start."""
        self._scheduler.close()
        self._leash.close()
        self.records.close()

    def on_event(self, occasion: Occasion) -> list[int]:
        """Create a run for each workflow that wants this occasion and return their ids; returns quickly."""
        if not self.github.actions_enabled(occasion.repository_id) or triggers.is_deletion(occasion):
            return []
        git_directory = self.github.git_directory(occasion.repository_id)
        _, head_sha = contexts.head(occasion)
        message = git.commit(git_directory, head_sha)["message"]
        if occasion.event in ("push", "pull_request") and triggers.asks_for_skip(message):
            return []
        found = workflows.at_commit(git_directory, occasion.sha)
        with self._admission:
            created = [self._create_alone(workflow, occasion, message) for workflow in found]
        return self._admit(created)

    def sync(self, repository_id: int) -> list[WorkflowRecord]:
        """Return the workflows of a repository: those of its default branch, and those that have run."""
        repository = self.github.repository(repository_id)
        git_directory = self.github.git_directory(repository_id)
        commit = git.resolve(git_directory, f"refs/heads/{repository.get('default_branch', 'main')}")
        is_off = repository.get("fork") and not self.github.actions_enabled(repository_id)
        for found in workflows.at_commit(git_directory, commit) if commit else []:
            state = "disabled_fork" if is_off else "active"
            self.records.workflow(repository_id, found.path, found.name, state=state)
        return self.records.workflows(repository_id)

    def runs_of(self, repository_id: int, commit: str) -> list[Run]:
        """Return a commit's runs, oldest first."""
        return self.records.runs(repository_id, head_sha=commit)[::-1]

    def dispatch(
        self, record: WorkflowRecord, ref: str, given: dict[str, Any], sender: dict[str, Any]
    ) -> list[int]:
        """Run one workflow by hand on a branch or tag.

        Raises: DispatchError.
        """
        git_directory = self.github.git_directory(record.repository_id)
        full_ref, commit = _resolved(git_directory, ref)
        if record.state != "active":
            raise dispatches.DispatchError("Cannot trigger a 'workflow_dispatch' on a disabled workflow")
        workflow = next(
            (w for w in workflows.at_commit(git_directory, commit) if w.path == record.path), None
        )
        if not isinstance(workflow, workflows.Workflow):
            raise dispatches.DispatchError(
                workflow.reason if workflow else f"Workflow does not exist at ref '{ref}'"
            )
        payload = {
            "inputs": dispatches.inputs_of(workflow, given),
            "ref": full_ref,
            "workflow": record.path,
            "repository": self.github.repository(record.repository_id),
            "sender": sender,
        }
        occasion = Occasion(dispatches.EVENT, None, record.repository_id, full_ref, commit, payload)
        if not self.github.actions_enabled(record.repository_id):
            raise dispatches.DispatchError("Actions has been disabled for this repository.")
        with self._admission:
            created = self._create(workflow, occasion, workflow.name)
        return self._admit([created])

    def cancel(self, run: Run, *, at_once: bool = False) -> None:
        """Cancel a run.

        Raises: NotPossibleError.
        """
        if run.status == "completed":
            raise NotPossibleError("Cannot cancel a workflow run that is completed")
        self._scheduler.cancel(run.id, at_once=at_once)

    def rerun(self, run: Run) -> None:
        """Run it again, as its next attempt, for the same commit and payload.

        Raises: NotPossibleError.
        """
        workflow = self._workflow_of(run)
        groups = self._groups(workflow, run.caused_by()) if isinstance(workflow, workflows.Workflow) else ()
        with self._admission:
            current = self.records.run(run.id)
            if current.status != "completed":
                raise NotPossibleError("This workflow is already running")
            self._scheduler.make_way(run.repository_id, groups)
            values = {"status": "requested", "conclusion": None, "note": "", "attempt": current.attempt + 1}
            requested = self.records.update_run(run.id, **values, **_fresh(groups), started_at=now())
        self._start_over(requested, workflow)

    def delete(self, run: Run) -> None:
        """Forget a completed run, its logs and artifacts.

        Raises: NotPossibleError.
        """
        with self._admission:
            if self.records.run(run.id).status != "completed":
                raise NotPossibleError("Could not delete the workflow run")
            self.artifacts.delete_of(run)
            self.records.delete_run(run.id)
            self.logs.delete(run.id)

    def _create_alone(self, workflow: _Found, occasion: Occasion, message: str) -> _Created | None:
        """Create the run that `workflow` wants; what goes wrong with it keeps no other one from running."""
        try:
            return self._create(workflow, occasion, message)
        except Exception:  # noqa: BLE001 - the occasion comes once, and the other workflows want it too
            _log.exception(
                "%s for %s in repository %s", workflow.path, occasion.event, occasion.repository_id
            )
            return None

    def _create(self, workflow: _Found, occasion: Occasion, message: str) -> _Created | None:
        """Create the run that `workflow` wants, not yet announced; None when it wants none."""
        record = self.records.workflow(occasion.repository_id, workflow.path, workflow.name)
        plain = _plain_title(occasion, message)
        if isinstance(workflow, workflows.Refused):
            return self._insert(record, workflow, occasion, plain, ()) if occasion.event == "push" else None
        try:
            wanted = triggers.starts(workflow.triggers, occasion, self._changed(occasion))
            groups = self._groups(workflow, occasion) if wanted else ()
            title = self._title(workflow, occasion) if wanted else ""
        except (globs.PatternError, expressions.ExpressionError) as error:
            refused = workflows.Refused(workflow.path, workflow.name, str(error))
            return self._insert(record, refused, occasion, plain, ())
        if not wanted or not self._is_awake(record, occasion):
            return None
        self._scheduler.make_way(occasion.repository_id, groups)
        return self._insert(record, workflow, occasion, title or plain, groups)

    def _insert(
        self,
        record: WorkflowRecord,
        workflow: _Found,
        occasion: Occasion,
        title: str,
        groups: tuple[concurrency.Group, ...],
    ) -> _Created:
        branch, sha = contexts.head(occasion)
        run = self.records.add_run(
            repository_id=occasion.repository_id,
            workflow_id=record.id,
            status="requested",
            event=occasion.event,
            sha=occasion.sha,
            head_sha=sha,
            head_branch=branch,
            path=workflow.path,
            name=workflow.name,
            title=title,
            occasion=json.dumps(asdict(occasion)),
            **_fresh(groups),
        )
        return _Created(run, workflow)

    def _admit(self, created: list[_Created | None]) -> list[int]:
        for each in filter(None, created):
            self._start_over(each.run, each.workflow)
        return [each.run.id for each in created if each]

    def _start_over(self, run: Run, workflow: _Found) -> None:
        """Announce a requested run with its first jobs and put it into the queue."""
        self.announce.run("requested", run)
        if isinstance(workflow, workflows.Refused):
            note = f"{_REFUSED}{workflow.path}\n{workflow.reason}"
            values = {"status": "completed", "conclusion": "failure", "note": note}
            self.announce.run("completed", self.records.update_run(run.id, **values))
            return
        for job in workflow.jobs:
            if not job.needs and not job.has_matrix:
                self.announce.job("queued", self.records.add_job(run, job.key, job.name, job.labels), run)
        self._scheduler.enqueue(run)

    def _is_awake(self, record: WorkflowRecord, occasion: Occasion) -> bool:
        """Say whether a workflow is enabled; one asleep since the fork wakes up when its file is pushed."""
        if (
            record.state == "disabled_fork"
            and occasion.event == "push"
            and record.path in self._changed(occasion)()
        ):
            self.records.set_workflow_state(record.id, "active")
            return True
        return record.state == "active"

    def _changed(self, occasion: Occasion) -> Callable[[], list[str]]:
        """Return what tells the changed paths of an occasion, once it is asked."""
        git_directory = self.github.git_directory(occasion.repository_id)
        pull_request = occasion.payload.get("pull_request")

        @lru_cache
        def changed() -> list[str]:
            if pull_request:
                base, head = pull_request["base"]["sha"], pull_request["head"]["sha"]
                return git.changed_in_pull_request(git_directory, base, head)
            return git.changed_paths(git_directory, occasion.payload.get("before", ""), occasion.sha)

        return changed

    def _groups(self, workflow: workflows.Workflow, occasion: Occasion) -> tuple[concurrency.Group, ...]:
        return concurrency.groups(workflow, self._known(workflow, occasion))

    def _known(self, workflow: workflows.Workflow, occasion: Occasion) -> dict[str, Any]:
        """Return the contexts of expressions outside jobs."""
        repository = self.github.repository(occasion.repository_id)
        github = contexts.github(occasion, repository, self.github) | {"workflow": workflow.name}
        variables = self.github.variables(occasion.repository_id, None)
        return {"github": github, "vars": variables, "inputs": inputs(occasion)}

    def _title(self, workflow: workflows.Workflow, occasion: Occasion) -> str:
        """Return what the workflow calls its runs, nothing when it does not say."""
        if not workflow.run_name:
            return ""
        return expressions.interpolate(workflow.run_name, self._known(workflow, occasion))

    def _workflow_of(self, run: Run) -> _Found:
        git_directory = self.github.git_directory(run.repository_id)
        return next(found for found in workflows.at_commit(git_directory, run.sha) if found.path == run.path)

    def _declare_lost(self, run: Run) -> None:
        processes.kill_all(run.tracking_id)
        endings.complete_jobs(self.announce, run, "failure")
        values = {"status": "completed", "conclusion": "failure", "note": _LOST}
        self.announce.run("completed", self.records.update_run(run.id, **values))


_Found = workflows.Workflow | workflows.Refused


@dataclass(frozen=True)
class _Created:
    """A run that exists but that nobody has heard of yet."""

    run: Run
    workflow: _Found


def _plain_title(occasion: Occasion, message: str) -> str:
    pull_request = occasion.payload.get("pull_request") or {}
    return str(pull_request.get("title") or message.partition("\n")[0])


def _fresh(groups: tuple[concurrency.Group, ...]) -> dict[str, str]:
    """Return the columns that each attempt has anew."""
    names = json.dumps([group.name for group in groups])
    return {"groups": names, "tracking_id": f"github_{secrets.token_hex(16)}"}


def _resolved(git_directory: Path, ref: str) -> tuple[str, str]:
    candidates = [ref] if ref.startswith("refs/") else [f"refs/heads/{ref}", f"refs/tags/{ref}"]
    for candidate in candidates:
        commit = git.resolve(git_directory, candidate)
        if commit:
            return candidate, commit
    raise dispatches.DispatchError(f"No ref found for: {ref}")
