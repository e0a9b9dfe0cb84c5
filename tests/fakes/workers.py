"""The memory ports of workers, over plain dicts."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from app.domain.callers import EVERYWHERE, Reach
from app.domain.workers import Calls, Version, Worker
from app.errors import Conflict, NotFound
from app.ports import Page
from tests.fakes.memory import Memory, page_of


class FakeWorkers:
    """`ports.Workers`."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._workers = memory.workers

    def add(self, worker: Worker) -> None:
        if any(known.name == worker.name for known in self._workers.values()):
            raise Conflict(
                f"adding worker {worker.name}: name already taken",
                code="worker:name-taken",
                name=worker.name,
            )
        if worker.slug in self._memory.slugs:
            raise Conflict(f"adding worker {worker.name}: its slug is taken", code="worker:taken")
        self._memory.slugs[worker.slug] = worker.id
        self._workers[worker.id] = worker

    def get(self, key: str, *, lock: bool = False) -> Worker:  # noqa: ARG002 - transactions run one by one
        for name in ("id", "slug", "name"):
            for worker in self._workers.values():
                if getattr(worker, name) == key:
                    return worker
        raise NotFound(f"looking for worker {key}: there is none", code="worker:not-found", worker=key)

    def save(self, worker: Worker) -> None:
        if worker.id not in self._workers:
            raise NotFound(f"saving worker {worker.name}: it is gone", code="worker:not-found")
        self._workers[worker.id] = worker

    def list(self, *, cursor: str | None = None, limit: int = 50, reach: Reach = EVERYWHERE) -> Page:
        found = [
            it
            for it in self._workers.values()
            if reach.app_id is None and reach.person_id in {None, it.owner_id}
        ]
        return page_of(found, lambda it: (it.created_at, it.id), cursor, limit)

    def due(self, now: datetime, *, limit: int) -> Sequence[Worker]:
        found = [it for it in self._workers.values() if _is_over(it, now) or _is_left(it, now)]
        return sorted(found, key=lambda it: it.id)[:limit]

    def remove(self, worker_id: str) -> None:
        self._workers.pop(worker_id, None)


def _is_over(worker: Worker, now: datetime) -> bool:
    return worker.expired_at is None and worker.expires_at is not None and worker.expires_at <= now


def _is_left(worker: Worker, now: datetime) -> bool:
    return worker.held_until is not None and worker.held_until <= now


class FakeVersions:
    """`ports.Versions`."""

    def __init__(self, memory: Memory) -> None:
        self._versions = memory.versions

    def add(self, version: Version) -> None:
        self._versions[version.id] = version

    def get(self, key: str) -> Version:
        for version in self._versions.values():
            if key in {version.id, version.own_script}:
                return version
        raise NotFound(f"looking for version {key}: there is none", code="worker:not-found")

    def several(self, version_ids: Collection[str]) -> Mapping[str, Version]:
        return {key: self._versions[key] for key in version_ids if key in self._versions}

    def save(self, version: Version) -> None:
        if version.id in self._versions:
            self._versions[version.id] = version

    def of(self, worker_id: str, *, limit: int = 1000) -> Sequence[Version]:
        found = [it for it in self._versions.values() if it.worker_id == worker_id]
        return sorted(found, key=lambda it: it.number, reverse=True)[:limit]

    def remove(self, version_ids: Collection[str]) -> None:
        for version_id in version_ids:
            self._versions.pop(version_id, None)


class FakeCallCounts:
    """`ports.CallCounts`."""

    def __init__(self, memory: Memory) -> None:
        self._calls = memory.calls

    def of(self, worker_ids: Sequence[str]) -> Mapping[str, Mapping[str, Calls]]:
        found: dict[str, dict[str, Calls]] = {}
        for (worker_id, function), calls in sorted(self._calls.items()):
            if worker_id in worker_ids:
                found.setdefault(worker_id, {})[function] = calls
        return found

    def add(self, worker_id: str, counted: Mapping[str, Calls]) -> None:
        for function, calls in counted.items():
            known = self._calls.get((worker_id, function))
            self._calls[worker_id, function] = known.plus(calls) if known else calls

    def forget(self, worker_id: str) -> None:
        for key in [key for key in self._calls if key[0] == worker_id]:
            del self._calls[key]


class FakeSlugs:
    """`ports.Slugs`."""

    def __init__(self, memory: Memory) -> None:
        self._slugs = memory.slugs

    def free(self, slug: str) -> None:
        self._slugs.pop(slug, None)
