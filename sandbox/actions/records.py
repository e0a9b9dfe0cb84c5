"""What the engine remembers: workflows, runs, jobs and steps, as rows of one SQLite file.

Each call is one transaction and may come from any thread. Logs are files beside it (see `logs`), and
nothing here decides anything.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from sandbox.actions.ports import Occasion

if TYPE_CHECKING:
    from pathlib import Path

_TABLES = """
create table if not exists workflows (
    id integer primary key autoincrement, repository_id integer not null, path text not null,
    name text not null, state text not null default 'active', created_at text not null,
    updated_at text not null, unique (repository_id, path));
create table if not exists runs (
    id integer primary key autoincrement, repository_id integer not null, workflow_id integer not null,
    number integer not null, attempt integer not null default 1, status text not null,
    conclusion text, event text not null, sha text not null, head_sha text not null,
    head_branch text not null, path text not null, name text not null, title text not null,
    occasion text not null, groups text not null default '[]', note text not null default '',
    tracking_id text not null default '',
    created_at text not null, updated_at text not null, started_at text not null);
create index if not exists runs_by_repository on runs (repository_id, id);
create index if not exists runs_by_status on runs (status);
create table if not exists jobs (
    id integer primary key autoincrement, run_id integer not null, attempt integer not null,
    key text not null, name text not null, labels text not null default '[]', status text not null,
    conclusion text, created_at text not null, started_at text not null, completed_at text);
create index if not exists jobs_by_run on jobs (run_id, attempt);
create table if not exists steps (
    job_id integer not null, number integer not null, name text not null, status text not null,
    conclusion text, started_at text, completed_at text, primary key (job_id, number));
create table if not exists artifacts (
    id integer primary key autoincrement, repository_id integer not null, run_id integer not null,
    attempt integer not null, name text not null, size_bytes integer not null, digest text not null,
    created_at text not null, expires_at text not null, unique (run_id, attempt, name));
"""
_ALLOWED_FILTERS = ("event", "head_branch", "head_sha", "workflow_id", "run_id", "name")


@dataclass(frozen=True)
class WorkflowRecord:
    """A workflow file that a repository has, or once ran."""

    id: int
    repository_id: int
    path: str
    name: str
    state: str
    created_at: str
    updated_at: str


@dataclass(frozen=True)
class Run:
    """A run in its latest attempt. `status` is requested, pending, queued, in_progress or completed."""

    id: int
    repository_id: int
    workflow_id: int
    number: int
    attempt: int
    status: str
    conclusion: str | None
    event: str
    sha: str
    head_sha: str
    head_branch: str
    path: str
    name: str
    title: str
    occasion: str
    groups: str
    note: str
    tracking_id: str
    created_at: str
    updated_at: str
    started_at: str

    @property
    def group_names(self) -> list[str]:
        """Return the concurrency groups that the run belongs to."""
        names: list[str] = json.loads(self.groups)
        return names

    def caused_by(self) -> Occasion:
        """Return the occasion that the run was created for."""
        return Occasion(**json.loads(self.occasion))


@dataclass(frozen=True)
class Job:
    """One job of one attempt."""

    id: int
    run_id: int
    attempt: int
    key: str
    name: str
    labels: str
    status: str
    conclusion: str | None
    created_at: str
    started_at: str
    completed_at: str | None


@dataclass(frozen=True)
class Step:
    """One step of a job; numbers start at 1 with "Set up job"."""

    job_id: int
    number: int
    name: str
    status: str
    conclusion: str | None
    started_at: str | None
    completed_at: str | None


@dataclass(frozen=True)
class Artifact:
    """A zip that an attempt of a run has uploaded; `digest` is the SHA-256 of its bytes, in hex."""

    id: int
    repository_id: int
    run_id: int
    attempt: int
    name: str
    size_bytes: int
    digest: str
    created_at: str
    expires_at: str


_Row = TypeVar("_Row", WorkflowRecord, Run, Job, Step, Artifact)


def now() -> str:
    """Return the present second as the API writes it."""
    return stamp(datetime.now(UTC))


def stamp(moment: datetime) -> str:
    """Return a time in UTC as the API writes it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


_TABLE_OF = {
    WorkflowRecord: "workflows",
    Run: "runs",
    Job: "jobs",
    Step: "steps",
    Artifact: "artifacts",
}


class Records:
    """The rows. Open one per engine."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.RLock()
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("pragma journal_mode = wal")
        self._connection.execute("pragma synchronous = normal")
        self._connection.executescript(_TABLES)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    def workflow(self, repository_id: int, path: str, name: str, *, state: str = "active") -> WorkflowRecord:
        """Return the workflow at `path` under its present name; `state` is that of a new one."""
        time = now()
        sql = """insert into workflows (repository_id, path, name, state, created_at, updated_at)
                 values (?, ?, ?, ?, ?, ?)
                 on conflict do update set name = excluded.name, updated_at = excluded.updated_at
                 where name <> excluded.name"""
        self._execute(sql, repository_id, path, name, state, time, time)
        return self._one(WorkflowRecord, "repository_id = ? and path = ?", repository_id, path)

    def workflows(self, repository_id: int) -> list[WorkflowRecord]:
        """Return the workflows of a repository, oldest first."""
        return self._all(WorkflowRecord, "repository_id = ? order by id", repository_id)

    def set_workflow_state(self, workflow_id: int, state: str) -> None:
        """Enable or disable a workflow."""
        self._execute(
            "update workflows set state = ?, updated_at = ? where id = ?", state, now(), workflow_id
        )

    def add_run(self, **values: Any) -> Run:
        """Create a run with the next number of its workflow and return it."""
        with self._lock:
            sql = "select coalesce(max(number), 0) + 1 from runs where workflow_id = ?"
            number = self._execute(sql, values["workflow_id"]).fetchone()[0]
            time = now()
            times = {"created_at": time, "updated_at": time, "started_at": time}
            return self.run(self._insert("runs", **values, number=number, **times))

    def run(self, run_id: int) -> Run:
        """Return a run.

        Raises: KeyError when there is none.
        """
        return self._one(Run, "id = ?", run_id)

    def runs(self, repository_id: int, **filters: str | int) -> list[Run]:
        """Return a repository's runs, newest first; filters are equal column values."""
        return self._all(Run, *_newest(repository_id, filters))

    def unfinished_runs(self) -> list[Run]:
        """Return every run that is not completed, oldest first."""
        return self._all(Run, "status <> 'completed' order by id")

    def update_run(self, run_id: int, **values: Any) -> Run:
        """Change columns of a run and return it."""
        self._update("runs", run_id, **values, updated_at=now())
        return self.run(run_id)

    def delete_run(self, run_id: int) -> None:
        """Forget a run, its jobs and steps."""
        with self._lock:
            self._execute("delete from steps where job_id in (select id from jobs where run_id = ?)", run_id)
            self._execute("delete from jobs where run_id = ?", run_id)
            self._execute("delete from runs where id = ?", run_id)

    def add_job(self, run: Run, key: str, name: str, labels: tuple[str, ...]) -> Job:
        """Create a queued job of the run's present attempt and return it."""
        time = now()
        values = {"run_id": run.id, "attempt": run.attempt, "key": key, "name": name, "status": "queued"}
        job_id = self._insert("jobs", **values, labels=json.dumps(labels), created_at=time, started_at=time)
        return self.job(job_id)

    def job(self, job_id: int) -> Job:
        """Return a job.

        Raises: KeyError when there is none.
        """
        return self._one(Job, "id = ?", job_id)

    def jobs(self, run_id: int, attempt: int) -> list[Job]:
        """Return the jobs of one attempt of a run."""
        return self._all(Job, "run_id = ? and attempt = ? order by id", run_id, attempt)

    def update_job(self, job_id: int, **values: Any) -> Job:
        """Change columns of a job and return it."""
        self._update("jobs", job_id, **values)
        return self.job(job_id)

    def put_step(self, step: Step) -> None:
        """Create or replace a step."""
        values = [getattr(step, field.name) for field in fields(Step)]
        self._execute("insert or replace into steps values (?, ?, ?, ?, ?, ?, ?)", *values)

    def steps(self, job_id: int) -> list[Step]:
        """Return the steps of a job in their order."""
        return self._all(Step, "job_id = ? order by number", job_id)

    def add_artifact(self, **values: Any) -> Artifact:
        """Create an artifact and return it."""
        return self.artifact(self._insert("artifacts", **values, created_at=now()))

    def artifact(self, artifact_id: int) -> Artifact:
        """Return an artifact.

        Raises: KeyError when there is none.
        """
        return self._one(Artifact, "id = ?", artifact_id)

    def artifacts(self, repository_id: int, **filters: str | int) -> list[Artifact]:
        """Return a repository's artifacts, newest first; filters are equal column values."""
        return self._all(Artifact, *_newest(repository_id, filters))

    def delete_artifact(self, artifact_id: int) -> None:
        """Forget an artifact."""
        self._execute("delete from artifacts where id = ?", artifact_id)

    def _insert(self, table: str, **values: Any) -> int:
        marks = ", ".join("?" * len(values))
        sql = f"insert into {table} ({', '.join(values)}) values ({marks})"  # noqa: S608 - names are literals
        return int(self._execute(sql, *values.values()).lastrowid or 0)

    def _update(self, table: str, row_id: int, **values: Any) -> None:
        changes = ", ".join(f"{name} = ?" for name in values)
        sql = f"update {table} set {changes} where id = ?"  # noqa: S608 - names are literals
        self._execute(sql, *values.values(), row_id)

    def _one(self, kind: type[_Row], condition: str, *values: Any) -> _Row:
        found = self._all(kind, condition, *values)
        if not found:
            raise KeyError(f"no {kind.__name__} where {condition}: {values}")
        return found[0]

    def _all(self, kind: type[_Row], condition: str, *values: Any) -> list[_Row]:
        table = _TABLE_OF[kind]
        columns = ", ".join(field.name for field in fields(kind))
        sql = f"select {columns} from {table} where {condition}"  # noqa: S608 - conditions are literals
        with self._lock:
            return [kind(*row) for row in self._execute(sql, *values).fetchall()]

    def _execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
        with self._lock:
            return self._connection.execute(sql, values)


def _newest(repository_id: int, filters: dict[str, Any]) -> tuple[Any, ...]:
    """Return the condition for rows of a repository with equal values, newest first, and its values."""
    equal = {name: value for name, value in filters.items() if name in _ALLOWED_FILTERS}
    condition = " and ".join(["repository_id = ?", *(f"{name} = ?" for name in equal)])
    return f"{condition} order by id desc", repository_id, *equal.values()
