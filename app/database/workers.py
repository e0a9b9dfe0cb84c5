"""Workers, their versions and how often they were called, in the database."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any

from sqlalchemy import and_, delete, or_, select, update
from sqlalchemy.orm import Session

from app.database.cursors import Cursor
from app.database.reaching import own_within
from app.database.rows import insert_if_new, newest_first, one, replace_known, several
from app.database.slugs import take_slug
from app.database.worker_models import CallsRow, VersionRow, WorkerRow
from app.domain.callers import EVERYWHERE, Reach
from app.domain.workers import Calls, Options, Version, Worker
from app.errors import Conflict, NotFound
from app.ports import Page

_IS_OVER = (WorkerRow.expires_at.is_not(None), WorkerRow.expired_at.is_(None))


class SqlWorkers:
    """`ports.Workers` within one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, worker: Worker) -> None:
        """Keep a new one. Raises Conflict when its name or its slug is taken."""
        if one(self._session, select(WorkerRow).where(WorkerRow.name == worker.name)):
            raise _name_taken(worker)
        with self._session.begin_nested():
            if not take_slug(self._session, worker.slug, worker.id):
                raise Conflict(f"adding worker {worker.name}: its slug is taken", code="worker:taken")
            if not insert_if_new(self._session, WorkerRow, asdict(worker)):
                raise _name_taken(worker)

    def get(self, key: str, *, lock: bool = False) -> Worker:
        """Return it by id, else by slug, else by name. Raises NotFound."""
        for column in (WorkerRow.id, WorkerRow.slug, WorkerRow.name):
            statement = select(WorkerRow).where(column == key)
            row = one(self._session, statement.with_for_update() if lock else statement)
            if row is not None:
                return worker_of(row)
        raise NotFound.of("worker", key)

    def save(self, worker: Worker) -> None:
        """Replace what is kept of it. Raises NotFound when it is gone."""
        if not replace_known(self._session, WorkerRow, WorkerRow.id == worker.id, asdict(worker)):
            raise NotFound(f"saving worker {worker.name}: it is gone", code="worker:not-found")

    def list(self, *, cursor: str | None = None, limit: int = 50, reach: Reach = EVERYWHERE) -> Page:
        """Return a page of the workers in reach, newest first."""
        statement = newest_first(WorkerRow, WorkerRow.created_at, WorkerRow.id, cursor)
        statement = statement.where(*own_within(reach))
        rows = several(self._session, statement.limit(limit + 1))
        items = [worker_of(row) for row in rows[:limit]]
        return Page(items, _cursor(items[-1]) if len(rows) > limit else None)

    def due(self, now: datetime, *, limit: int) -> Sequence[Worker]:
        """Return those whose time is over, and those that somebody held and did not give back."""
        is_over = and_(*_IS_OVER, WorkerRow.expires_at <= now)
        is_left = and_(WorkerRow.held_until.is_not(None), WorkerRow.held_until <= now)
        statement = select(WorkerRow).where(or_(is_over, is_left)).order_by(WorkerRow.id).limit(limit)
        return [worker_of(row) for row in several(self._session, statement)]

    def remove(self, worker_id: str) -> None:
        """Let its row go; one that is gone already is fine."""
        self._session.execute(delete(WorkerRow).where(WorkerRow.id == worker_id))


class SqlVersions:
    """`ports.Versions` within one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, version: Version) -> None:
        """Keep a new one."""
        self._session.add(VersionRow(**_version_values(version)))
        self._session.flush()

    def get(self, key: str) -> Version:
        """Return it by id or by its own script. Raises NotFound."""
        is_it = or_(VersionRow.id == key, VersionRow.own_script == key)
        row = one(self._session, select(VersionRow).where(is_it))
        if row is None:
            raise NotFound(f"looking for version {key[:60]}: there is none", code="worker:not-found")
        return version_of(row)

    def several(self, version_ids: Collection[str]) -> Mapping[str, Version]:
        """Return those that are there, by id."""
        statement = select(VersionRow).where(VersionRow.id.in_(version_ids))
        return {row.id: version_of(row) for row in several(self._session, statement)}

    def save(self, version: Version) -> None:
        """Replace what is kept of it."""
        replace_known(self._session, VersionRow, VersionRow.id == version.id, _version_values(version))

    def of(self, worker_id: str, *, limit: int = 1000) -> Sequence[Version]:
        """Return those of a worker, newest first."""
        statement = select(VersionRow).where(VersionRow.worker_id == worker_id)
        rows = several(self._session, statement.order_by(VersionRow.number.desc()).limit(limit))
        return [version_of(row) for row in rows]

    def remove(self, version_ids: Collection[str]) -> None:
        """Let some go; those that are gone already are fine."""
        self._session.execute(delete(VersionRow).where(VersionRow.id.in_(version_ids)))


class SqlCallCounts:
    """`ports.CallCounts` within one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def of(self, worker_ids: Sequence[str]) -> Mapping[str, Mapping[str, Calls]]:
        """Return what is counted, by worker and function."""
        found: dict[str, dict[str, Calls]] = {}
        statement = select(CallsRow).where(CallsRow.worker_id.in_(worker_ids)).order_by(CallsRow.function)
        for row in several(self._session, statement):
            calls = Calls(row.invocations, row.failures, row.last_invoked_at)
            found.setdefault(row.worker_id, {})[row.function] = calls
        return found

    def add(self, worker_id: str, counted: Mapping[str, Calls]) -> None:
        """Add calls to what is counted; in the order of names, so that two who add do not wait for each other
        in a circle.
        """
        for function, calls in sorted(counted.items()):
            key = {"worker_id": worker_id, "function": function}
            if not insert_if_new(self._session, CallsRow, {**key, **asdict(calls)}):
                self._add_to(key, calls)

    def forget(self, worker_id: str) -> None:
        """Let go of all that is counted of a worker."""
        self._session.execute(delete(CallsRow).where(CallsRow.worker_id == worker_id))

    def _add_to(self, key: Mapping[str, str], calls: Calls) -> None:
        last = CallsRow.last_invoked_at
        is_this = and_(CallsRow.worker_id == key["worker_id"], CallsRow.function == key["function"])
        counted = update(CallsRow).where(is_this).execution_options(synchronize_session=False)
        self._session.execute(
            counted.values(
                invocations=CallsRow.invocations + calls.invocations,
                failures=CallsRow.failures + calls.failures,
            )
        )
        later = counted.where(last < calls.last_invoked_at)
        self._session.execute(later.values(last_invoked_at=calls.last_invoked_at))


def _name_taken(worker: Worker) -> Conflict:
    return Conflict(
        f"adding worker {worker.name}: name already taken", code="worker:name-taken", name=worker.name
    )


def _cursor(worker: Worker) -> str:
    return Cursor(worker.created_at, worker.id).encode()


def worker_of(row: WorkerRow) -> Worker:
    """Return the worker that a row holds."""
    return Worker(**{field.name: getattr(row, field.name) for field in fields(Worker)})


def _version_values(version: Version) -> dict[str, Any]:
    return asdict(version) | {"options": version.options.to_json(), "functions": list(version.functions)}


def version_of(row: VersionRow) -> Version:
    """Return the version that a row holds."""
    values = {field.name: getattr(row, field.name) for field in fields(Version)}
    return Version(**values | {"options": Options.from_json(row.options), "functions": tuple(row.functions)})
