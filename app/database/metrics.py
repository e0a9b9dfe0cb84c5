"""What an operator watches, from the database: so every process gives the same answer.

Each question goes through an index and ends at a bound, so that it costs the same however much there is.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Engine, Select, func, literal, select
from sqlalchemy.orm import Session

from app.database import metric_totals
from app.database.models import AppRow, DeliveryRow, JobRow
from app.database.reliability_models import DriftRow
from app.database.session import reading, writing
from app.domain.jobs import JobStatus
from app.domain.limits import Allowance, Ledger
from app.domain.metrics import (
    APPS,
    BUDGET_LEFT,
    BUDGET_LIMIT,
    BUDGET_RESET,
    DATABASE_PING,
    DELIVERIES_OLDEST,
    DELIVERIES_WAITING,
    DRIFTS_OPEN,
    JOBS,
    JOBS_OLDEST,
    REMOTE_CALLS,
    REMOTE_SILENCES,
    REMOTE_SILENT,
    TOTALS_BEHIND,
    WINDOW_LIMIT,
    WINDOW_USED,
    WORKERS_ALIVE,
    Metric,
    Sample,
)
from app.ports import Clock, Ledgers

# Further is not counted: an alarm that is raised by this many needs to know of no more.
_MOST: Final = 1_000
_FIRST: Final = 100
_STATES: Final = (JobStatus.QUEUED, JobStatus.PROCESSING)


class SqlMetrics:
    """Port `Metrics`. `count_workers` tells how many workers live."""

    def __init__(
        self,
        engine: Engine,
        clock: Clock,
        ledgers: Ledgers,
        allowances: Sequence[Allowance],
        count_workers: Callable[[], int],
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._ledgers = ledgers
        self._allowances = allowances
        self._count_workers = count_workers

    def advance(self, *, limit: int = 2000) -> int:
        """Add up to `limit` facts to the totals, each once, and return how many those were."""
        with writing(self._engine) as session:
            return metric_totals.advance(session, self._clock(), limit)

    def read(self) -> Sequence[Sample]:
        """Return every value."""
        samples = [Sample(WORKERS_ALIVE.name, self._count_workers())]
        for allowance in self._allowances:
            samples += _of_remote(allowance, *self._ledgers.look(allowance.remote))
        now = self._clock()
        with reading(self._engine) as session:
            samples.append(Sample(DATABASE_PING.name, _ping(session)))
            samples.append(Sample(TOTALS_BEHIND.name, metric_totals.behind_seconds(session, now)))
            samples += metric_totals.totals(session)
            samples += _groups(session, APPS, select(AppRow.status, func.count()).group_by(AppRow.status))
            samples += _groups(session, DRIFTS_OPEN, _capped(select(DriftRow.kind).where(DriftRow.is_open)))
            samples += _of_deliveries(session, now)
            samples += _of_jobs(session, now)
        return samples


def _ping(session: Session) -> float:
    began = time.perf_counter()
    session.execute(select(literal(1)))
    return time.perf_counter() - began


def _capped(rows: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    """Return a statement that counts at most so many rows, by all their columns."""
    some = rows.limit(_MOST).subquery()
    return select(*some.c, func.count()).group_by(*some.c)


def _groups(session: Session, metric: Metric, counted: Select[*tuple[Any, ...]]) -> Iterator[Sample]:
    for *values, number in session.execute(counted):
        labels = dict(zip(metric.labels, map(str, values), strict=True))
        yield Sample(metric.name, number, labels)


def _of_deliveries(session: Session, now: datetime) -> Iterator[Sample]:
    wants_work = DeliveryRow.try_at.is_not(None)
    yield from _groups(session, DELIVERIES_WAITING, _capped(select(DeliveryRow.status).where(wants_work)))
    # The longest due come first in the index; the one that was received first is among those.
    first = select(DeliveryRow.received_at).where(wants_work).order_by(DeliveryRow.try_at, DeliveryRow.id)
    oldest = session.scalar(select(func.min(first.limit(_FIRST).subquery().c.received_at)))
    yield Sample(DELIVERIES_OLDEST.name, _age(oldest, now))


def _of_jobs(session: Session, now: datetime) -> Iterator[Sample]:
    for state in _STATES:
        waiting = select(JobRow.type).where(JobRow.status == state)
        for job_type, number in session.execute(_capped(waiting)):
            yield Sample(JOBS.name, number, {"type": job_type, "state": state})
        first = select(JobRow.created_at).where(JobRow.status == state)
        oldest = session.scalar(first.order_by(JobRow.created_at, JobRow.id).limit(1))
        yield Sample(JOBS_OLDEST.name, _age(oldest, now), {"state": state})


def _age(since: datetime | None, now: datetime) -> float:
    return 0.0 if since is None else max((now - since).total_seconds(), 0.0)


def _of_remote(allowance: Allowance, ledger: Ledger, now: float) -> Iterator[Sample]:
    remote = {"remote": allowance.remote}
    yield Sample(REMOTE_SILENT.name, ledger.silent_seconds(now), remote)
    yield Sample(REMOTE_SILENCES.name, ledger.silences, remote)
    for kind, number in ledger.calls.items():
        yield Sample(REMOTE_CALLS.name, number, {**remote, "kind": kind})
    for name, window in allowance.windows.items():
        yield Sample(WINDOW_USED.name, ledger.used(name, window, now), {**remote, "window": name})
        yield Sample(WINDOW_LIMIT.name, window.most, {**remote, "window": name})
    for resource, told in ledger.told.items():
        if told.reset_at > now:
            labels = {**remote, "resource": resource}
            yield Sample(BUDGET_LEFT.name, told.remaining, labels)
            yield Sample(BUDGET_LIMIT.name, told.limit, labels)
            yield Sample(BUDGET_RESET.name, told.reset_at - now, labels)
