"""Workers as JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.domain.apps import Repository
from app.domain.environments import Environment
from app.domain.jobs import Job
from app.domain.platform import Platform
from app.domain.sources import Source
from app.domain.workers import Calls, Options, Version, Worker, WorkerStatus
from app.pipeline.add_function import Added
from app.pipeline.overview import days_until
from app.ports import Transaction
from app.web.file_views import WrittenView
from app.web.views import View


@dataclass(frozen=True, slots=True)
class WorkerState:
    """A worker, what its address shows, and how often its functions were called."""

    worker: Worker
    live: Version | None
    calls: Mapping[str, Calls]


class OptionsView(View):
    """What the runtime is told."""

    cors_origins: list[str]
    timeout_ms: int
    max_payload_bytes: int
    invoke_key: bool

    @classmethod
    def of(cls, options: Options) -> "OptionsView":
        """Return the view of options."""
        return cls(**options.to_json())


class WorkerVersionView(View):
    """One version; without an `immutableUrl` its own address does not answer any more."""

    id: str
    number: int
    functions: list[str]
    live: bool
    immutable_url: str | None
    bundle: str
    actor: str
    created_at: datetime
    uploaded_at: datetime | None

    @classmethod
    def of(cls, version: Version, worker: Worker, platform: Platform) -> "WorkerVersionView":
        """Return the view of a version."""
        return cls(**_version_fields(version, worker, platform))


class SourceView(View):
    """One file as its author wrote it."""

    path: str
    content: str


class WrittenVersionView(WorkerVersionView):
    """One version with its files and options."""

    files: list[SourceView]
    options: OptionsView

    @classmethod
    def written(
        cls, version: Version, worker: Worker, files: Sequence[Source], platform: Platform
    ) -> "WrittenVersionView":
        """Return the view of a version with its files."""
        return cls(
            **_version_fields(version, worker, platform),
            files=[SourceView(path=file.path, content=file.content) for file in files],
            options=OptionsView.of(version.options),
        )


class WorkerView(View):
    """A worker. It answers at `url`, and this version of it at `immutableUrl`, until `expiresAt`."""

    id: str
    name: str
    slug: str
    environment: Environment
    status: WorkerStatus
    functions: list[str]
    url: str
    alternate_url: str
    immutable_url: str | None
    version: str | None
    options: OptionsView
    keep: bool
    expires_at: datetime | None
    expires_in_days: int | None
    expired_at: datetime | None
    invocations: int
    failures: int
    last_invoked_at: datetime | None
    error: str | None
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, state: WorkerState, platform: Platform, now: datetime) -> "WorkerView":
        """Return the view of a worker."""
        return cls(**worker_fields(state, platform, now))


class DeployedView(WorkerView):
    """A worker that has just been put up; `invokeKey` is what callers bear, told this once when it is new."""

    invoke_key: str | None


class WholeWorkerView(WorkerView):
    """A worker with its versions, newest first, and with the calls of each function."""

    versions: list[WorkerVersionView]
    calls: dict[str, "CallsView"]

    @classmethod
    def whole(
        cls, state: WorkerState, versions: Sequence[Version], platform: Platform, now: datetime
    ) -> "WholeWorkerView":
        """Return the whole view of a worker."""
        return cls(
            **worker_fields(state, platform, now),
            versions=[WorkerVersionView.of(it, state.worker, platform) for it in versions],
            calls={name: CallsView.of(it) for name, it in state.calls.items()},
        )


class CallsView(View):
    """How often a function was called."""

    invocations: int
    failures: int
    last_invoked_at: datetime

    @classmethod
    def of(cls, calls: Calls) -> "CallsView":
        """Return the view of calls."""
        return cls(
            invocations=calls.invocations, failures=calls.failures, last_invoked_at=calls.last_invoked_at
        )


class WorkersView(View):
    """A page of workers."""

    items: list[WorkerView]
    next_cursor: str | None


class WorkerDeletedView(View):
    """A worker that is gone, and the job that takes its scripts down."""

    id: str
    name: str
    job_id: str
    poll_url: str

    @classmethod
    def of(cls, worker: Worker, job: Job, platform: Platform) -> "WorkerDeletedView":
        """Return the view of a deletion."""
        return cls(
            id=worker.id, name=worker.name, job_id=job.id, poll_url=f"{platform.url}/api/jobs/{job.id}"
        )


class FunctionAddedView(WrittenView):
    """A function that was committed, with all that its file exports."""

    name: str
    exports: list[str]

    @classmethod
    def added(cls, name: str, added: Added, repository: Repository) -> "FunctionAddedView":
        """Return the view of a commit."""
        written = WrittenView.of(added.written, repository).model_dump()
        return cls(**written, name=name, exports=list(added.exports))


def states(tx: Transaction, workers: Sequence[Worker]) -> list[WorkerState]:
    """Return workers with what is known of them."""
    live = tx.versions.several([it.version_id for it in workers if it.version_id is not None])
    calls = tx.calls.of([it.id for it in workers])
    return [WorkerState(it, live.get(it.version_id or ""), calls.get(it.id, {})) for it in workers]


def own_url(version: Version, worker: Worker, platform: Platform) -> str | None:
    """Return the version's own address, while it answers there."""
    is_up = version.has_own_address and worker.expired_at is None
    return platform.addresses.of(version.own_script).url if is_up else None


def _version_fields(version: Version, worker: Worker, platform: Platform) -> dict[str, Any]:
    names = ("id", "number", "bundle", "actor", "created_at", "uploaded_at")
    return {name: getattr(version, name) for name in names} | {
        "functions": list(version.functions),
        "live": version.id == worker.version_id and worker.expired_at is None,
        "immutable_url": own_url(version, worker, platform),
    }


def worker_fields(state: WorkerState, platform: Platform, now: datetime) -> dict[str, Any]:
    """Return the fields that every view of a worker has."""
    worker, live, calls = state.worker, state.live, state.calls.values()
    address = platform.addresses.of(worker.script)
    names = ("id", "name", "slug", "environment", "status", "error", "created_at", "updated_at")
    return {name: getattr(worker, name) for name in (*names, "expires_at", "expired_at")} | {
        "functions": list(live.functions) if live else [],
        "url": address.url,
        "alternate_url": address.alternate_url,
        "immutable_url": own_url(live, worker, platform) if live else None,
        "version": live.id if live else None,
        "options": OptionsView.of(live.options if live else Options()),
        "keep": worker.is_kept,
        "expires_in_days": days_until(worker.expires_at, now),
        "invocations": sum(it.invocations for it in calls),
        "failures": sum(it.failures for it in calls),
        "last_invoked_at": max((it.last_invoked_at for it in calls), default=None),
    }
