"""The memory ports over plain dicts; `tests/fakes/records.py` makes transactions of them."""

import itertools
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, TypeVar

from app.domain.aliases import Alias
from app.domain.approvals import Approval
from app.domain.apps import App, AppStatus
from app.domain.archives import Archive
from app.domain.bundles import KnownAsset
from app.domain.callers import EVERYWHERE, ApiToken, Person, Reach, Session
from app.domain.causes import current_cause
from app.domain.deliveries import Delivery, DeliverySource
from app.domain.deployments import Deployment
from app.domain.drift import Drift, Kind
from app.domain.environments import Environment
from app.domain.events import Event, Place, Selection, Tag
from app.domain.jobs import ALL_JOBS, Job, JobFilter, JobStatus, JobType
from app.domain.names import new_id
from app.domain.pulls import PullRequest
from app.domain.redelivery import Missed
from app.domain.rights import Right
from app.domain.standing import StandingScript
from app.domain.variables import Variable
from app.domain.workers import Calls, Version, Worker
from app.errors import Conflict, Gone, InvalidInput, NotFound
from app.ports import Clock, Page
from tests.fakes.reaching import is_owned_within, is_within

T = TypeVar("T")


@dataclass
class Memory:
    """Everything that is remembered; values are immutable, so a copy of the dicts is a snapshot."""

    apps: dict[str, App] = field(default_factory=dict)
    deployments: dict[str, Deployment] = field(default_factory=dict)
    pulls: dict[tuple[str, int], PullRequest] = field(default_factory=dict)
    deliveries: dict[tuple[DeliverySource, str], Delivery] = field(default_factory=dict)
    try_at: dict[tuple[DeliverySource, str], datetime] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    archives: dict[int, Archive] = field(default_factory=dict)
    jobs: dict[str, Job] = field(default_factory=dict)
    queue: list[Job] = field(default_factory=list)
    aliases: dict[str, Alias] = field(default_factory=dict)
    assets: dict[tuple[str, str], KnownAsset] = field(default_factory=dict)
    tokens: dict[str, datetime] = field(default_factory=dict)
    variables: dict[tuple[str, Environment, str], Variable] = field(default_factory=dict)
    approvals: dict[tuple[str, int, str], Approval] = field(default_factory=dict)
    workers: dict[str, Worker] = field(default_factory=dict)
    versions: dict[str, Version] = field(default_factory=dict)
    calls: dict[tuple[str, str], Calls] = field(default_factory=dict)
    slugs: dict[str, str] = field(default_factory=dict)
    missed: dict[str, Missed] = field(default_factory=dict)
    marks: dict[str, str] = field(default_factory=dict)
    standing: dict[tuple[str, str], StandingScript] = field(default_factory=dict)
    drifts: dict[tuple[str, Kind, str], Drift] = field(default_factory=dict)
    people: dict[str, Person] = field(default_factory=dict)
    sessions: dict[str, Session] = field(default_factory=dict)
    api_tokens: dict[str, ApiToken] = field(default_factory=dict)
    rights: dict[tuple[str, str], Right] = field(default_factory=dict)

    def copy(self) -> "Memory":
        return Memory(**{name: value.copy() for name, value in vars(self).items()})


class FakeApps:
    """`ports.Apps`."""

    def __init__(self, memory: Memory) -> None:
        self._apps = memory.apps
        self._slugs = memory.slugs
        self._rights = memory.rights
        self._aliases = memory.aliases

    def add(self, app: App) -> None:
        if any(known.name == app.name for known in self._apps.values()):
            raise Conflict(f"adding app {app.name}: name already taken", code="app:name-taken", name=app.name)
        self._check_unique(app)
        if app.id in self._apps:
            raise Conflict(f"adding app {app.name}: its id is taken", code="app:taken")
        if app.slug in self._slugs:
            raise Conflict(f"adding app {app.name}: its slug is taken", code="app:taken")
        self._slugs[app.slug] = app.id
        self._apps[app.id] = app

    def get(self, key: str, *, lock: bool = False) -> App:  # noqa: ARG002 - transactions run one by one
        for name in ("id", "slug", "name"):
            for app in self._apps.values():
                if getattr(app, name) == key:
                    return app
        raise NotFound(f"looking for app {key}: there is none", code="app:not-found", app=key)

    def by_repository(self, repository_id: int) -> App | None:
        owners = (app for app in self._apps.values() if app.repository and app.repository.id == repository_id)
        return next(owners, None)

    def save(self, app: App) -> None:
        if app.id not in self._apps:
            raise NotFound(f"saving app {app.name}: it is gone", code="app:not-found", app=app.id)
        self._check_unique(app)
        self._apps[app.id] = app

    def list(
        self,
        *,
        cursor: str | None = None,
        limit: int = 50,
        reach: Reach = EVERYWHERE,
        search: str | None = None,
        status: AppStatus | None = None,
        environment: Environment | None = None,
        is_back: bool = False,
    ) -> Page:
        found = [
            app
            for app in self._apps.values()
            if is_within(reach, app.id, self._rights)
            and (search or "").lower() in app.name
            and status in {None, app.status}
            and (environment is None or self._shows(app, environment))
        ]
        if is_back:
            return _page_before(found, cursor, limit)
        page = page_of(found, _place_of_app, cursor, limit)
        first = _encoded(_place_of_app(page.items[0])) if page.items and cursor is not None else None
        return Page(page.items, page.next_cursor, first)

    def _shows(self, app: App, environment: Environment) -> bool:
        shown = (it for it in self._aliases.values() if it.shown is not None)
        return any((it.app_id, it.environment) == (app.id, environment) for it in shown)

    def remove(self, app_id: str) -> None:
        app = self._apps.pop(app_id, None)
        if app is not None:
            self._slugs.pop(app.slug, None)

    def _check_unique(self, app: App) -> None:
        for other in self._apps.values():
            if other.id != app.id and (
                other.name == app.name
                or other.slug == app.slug
                or (app.repository and other.repository and other.repository.id == app.repository.id)
            ):
                raise Conflict(f"keeping app {app.name}: something of it is another's", code="app:taken")


class FakeEvents:
    """`ports.Events`."""

    def __init__(self, memory: Memory) -> None:
        self._events, self._archives = memory.events, memory.archives
        self._memory = memory

    def append(self, event: Event) -> None:
        if event.key is not None and any(known.key == event.key for known in self._events):
            return
        number = self.newest().id + 1
        kept = replace(
            event,
            payload=_stored(event.payload),
            id=number,
            app_id=event.owner_id,
            cause=event.cause or current_cause(),
            place=Place(0, number),
        )
        self._events.append(kept)

    def about(self, subject: str, *, limit: int = 100) -> Sequence[Event]:
        return [event for event in reversed(self._events) if event.subject == subject][:limit]

    def page(
        self, chosen: Selection, *, after: Place | None = None, before: Place | None = None, limit: int = 50
    ) -> Sequence[Event]:
        if after is not None:
            self._check_known(after)
        found = [
            it
            for it in self._events
            if chosen.takes(it)
            and is_owned_within(chosen.reach, it.app_id or "", self._memory.rights, self._memory.workers)
            and (after is None or after < _place(it))
            and (before is None or _place(it) < before)
        ]
        return (found[::-1] if after is None else found)[:limit]

    def newest(self) -> Place:
        return _place(self._events[-1]) if self._events else self._archived()

    def last_of_each(self, app_id: str, tag: Tag, *, until: datetime) -> Sequence[Event]:
        found = {it.subject: it for it in self._of(app_id, tag) if it.at <= until}
        return sorted(found.values(), key=_place)

    def first_of_each(self, app_id: str, tag: Tag, *, since: datetime) -> Sequence[Event]:
        found = {it.subject: it for it in reversed(self._of(app_id, tag)) if it.at > since}
        return sorted(found.values(), key=_place)

    def _of(self, app_id: str, tag: Tag) -> list[Event]:
        return [it for it in self._events if (it.app_id, it.tag) == (app_id, tag)]

    def _check_known(self, place: Place) -> None:
        if place < self._archived():
            raise Gone("reading events: what came next is archived", code="event:archived")
        if place > self.newest():
            raise Gone("reading events: there is no such place any more", code="event:lost-place")

    def _archived(self) -> Place:
        return max((it.last for it in self._archives.values()), default=Place(0, 0))


def _place(event: Event) -> Place:
    return event.place or Place(0, 0)


class FakeEventArchives:
    """`ports.EventArchives`."""

    def __init__(self, memory: Memory) -> None:
        self._events, self._archives = memory.events, memory.archives

    def due(self, before: datetime, *, limit: int) -> Sequence[Event]:
        oldest = self._events[:limit]
        return list(itertools.takewhile(lambda it: it.at < before, oldest))

    def keep(self, archive: Archive) -> bool:
        if archive.first.id in self._archives:
            return False
        going = [it for it in self._events if archive.first <= _place(it) <= archive.last]
        assert len(going) == archive.number
        self._archives[archive.first.id] = archive
        for event in going:
            self._events.remove(event)
        return True

    def list(self) -> Sequence[Archive]:
        return sorted(self._archives.values(), key=lambda it: it.last)

    def get(self, first_id: int) -> Archive:
        if first_id not in self._archives:
            raise NotFound(
                f"looking for the archive from event {first_id}: there is none", code="event:no-archive"
            )
        return self._archives[first_id]


class FakeJobs:
    """`ports.Jobs`; what is enqueued is kept in `Memory.queue` too, in order."""

    def __init__(self, memory: Memory, enqueue: Callable[[Any, Job], None], clock: Clock) -> None:
        self._memory = memory
        self._enqueue = enqueue
        self._clock = clock

    def enqueue(
        self, job_type: JobType, app_id: str, arguments: Mapping[str, Any], *, actor: str | None = None
    ) -> Job:
        now = self._clock()
        job = Job(new_id("job", now), job_type, app_id, _stored(arguments), JobStatus.QUEUED, now)
        self._memory.jobs[job.id] = job
        payload = {"type": job_type.value, "app": app_id}
        key = f"{job.id}:{Tag.JOB_QUEUED}"
        told = Event(Tag.JOB_QUEUED, job.id, actor or job.id, now, payload, key=key)
        FakeEvents(self._memory).append(told)
        self._memory.queue.append(job)
        self._enqueue(self._memory, job)
        return job

    def get(self, job_id: str, *, lock: bool = False) -> Job:  # noqa: ARG002 - transactions run one by one
        if job_id not in self._memory.jobs:
            raise NotFound(f"looking for job {job_id}: there is none", code="job:not-found", job=job_id)
        return self._memory.jobs[job_id]

    def save(self, job: Job) -> None:
        self.get(job.id)
        self._memory.jobs[job.id] = replace(job, error=_stored(job.error), result=_stored(job.result))

    def unfinished(self, *, limit: int = 1000) -> Sequence[Job]:
        wanted = {JobStatus.QUEUED, JobStatus.PROCESSING}
        found = (replace(job, arguments={}) for job in self._memory.jobs.values() if job.status in wanted)
        return sorted(found, key=lambda job: (job.created_at, job.id))[:limit]

    def ending(self) -> Sequence[str]:
        told = {it.subject for it in self._memory.events if it.tag == Tag.JOB_CANCEL_REQUESTED}
        return [job.id for job in self.unfinished() if job.id in told]

    def list(
        self,
        wanted: JobFilter = ALL_JOBS,
        *,
        reach: Reach = EVERYWHERE,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page:
        found = (
            replace(job, arguments={}, result=None)
            for job in self._memory.jobs.values()
            if wanted.app_id in {None, job.app_id}
            and wanted.type in {None, job.type}
            and wanted.status in {None, job.status}
            and self._is_within(reach, job.app_id)
        )
        return page_of(found, lambda job: (job.created_at, job.id), cursor, limit)

    def _is_within(self, reach: Reach, owner_id: str) -> bool:
        worker = self._memory.workers.get(owner_id)
        is_own = worker is not None and worker.owner_id is not None and worker.owner_id == reach.person_id
        if is_own and reach.app_id in {None, owner_id}:
            return True
        return is_within(reach, owner_id, self._memory.rights)


class FakeMarks:
    """`ports.Marks`."""

    def __init__(self, memory: Memory) -> None:
        self._marks = memory.marks

    def get(self, name: str, *, lock: bool = False) -> str | None:  # noqa: ARG002 - transactions run one by one
        return self._marks.get(name)

    def set(self, name: str, value: str) -> None:
        self._marks[name] = value


def _stored(value: Any) -> Any:
    """Return what is left of a value after a JSON column; what JSON does not hold fails as it would there."""
    return json.loads(json.dumps(value, allow_nan=False))


def page_of(
    items: Iterable[T], key_of: Callable[[T], tuple[datetime, str]], cursor: str | None, limit: int
) -> Page:
    last = None if cursor is None else _decoded(cursor)
    newest = sorted(items, key=key_of, reverse=True)
    rest = [item for item in newest if last is None or key_of(item) < last]
    return Page(rest[:limit], _encoded(key_of(rest[limit - 1])) if len(rest) > limit else None)


def _page_before(found: Sequence[App], cursor: str | None, limit: int) -> Page:
    last = None if cursor is None else _decoded(cursor)
    oldest = sorted(found, key=_place_of_app)
    rest = [app for app in oldest if last is None or _place_of_app(app) > last]
    items = rest[:limit][::-1]
    following = _encoded(_place_of_app(items[-1])) if items and cursor is not None else None
    return Page(items, following, _encoded(_place_of_app(items[0])) if len(rest) > limit else None)


def _place_of_app(app: App) -> tuple[datetime, str]:
    return (app.created_at, app.id)


def _encoded(key: tuple[datetime, str]) -> str:
    return f"{key[0].isoformat()}~{key[1]}"


def _decoded(cursor: str) -> tuple[datetime, str]:
    at, tilde, key = cursor.partition("~")
    try:
        moment = datetime.fromisoformat(at)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None or not tilde:
        raise InvalidInput(
            "reading a page: the cursor is not one that we gave", code="request:invalid-cursor"
        )
    return moment, key
