"""The totals: facts and deliveries counted once each, behind a place that moves in the same transaction.

So they outlive what they count, and any process may go on. Deliveries are counted a minute after they were
worked off, when nobody can still be about to commit an earlier one.
"""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import select, tuple_
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from app.database.event_order import is_after
from app.database.events import SqlEvents
from app.database.marks import SqlMarks
from app.database.models import DeliveryRow, DeploymentRow, EventRow, JobRow
from app.database.reliability_models import EventArchiveRow, MarkRow, MetricTotalRow
from app.database.rows import insert_if_new
from app.domain.events import Event, Place, Selection
from app.domain.metrics import (
    DELIVERIES,
    DEPLOYMENT_ENDS,
    JOB_ENDS,
    Sample,
    count_deployment,
    count_event,
    count_job,
    spans_of,
)
from app.errors import Gone

_EVENTS_MARK: Final = "metrics:events"
_DELIVERIES_MARK: Final = "metrics:deliveries"
_BEGINNING: Final = "0-0"
_SETTLED_AFTER: Final = timedelta(minutes=1)


def advance(session: Session, now: datetime, limit: int) -> int:
    """Count up to `limit` facts and as many deliveries, in the transaction at hand."""
    marks = SqlMarks(session)
    insert_if_new(session, MarkRow, {"name": _EVENTS_MARK, "value": _BEGINNING})
    place = Place.parse(marks.get(_EVENTS_MARK, lock=True) or _BEGINNING)
    events = _next_events(session, place, limit)
    samples = list(_of_events(session, events))
    if events and events[-1].place:
        marks.set(_EVENTS_MARK, str(events[-1].place))
    deliveries = _next_deliveries(session, marks.get(_DELIVERIES_MARK), now, limit)
    if deliveries:
        last = deliveries[-1]
        marks.set(_DELIVERIES_MARK, f"{last.processed_at.isoformat()} {last.id}")
        samples += [_of_delivery(it) for it in deliveries]
    _add(session, samples)
    return len(events) + len(deliveries)


def key_of(labels: Mapping[str, str]) -> str:
    """Return labels as the table holds them."""
    return json.dumps(dict(labels), sort_keys=True, separators=(",", ":"))


def _next_events(session: Session, place: Place, limit: int) -> Sequence[Event]:
    events = SqlEvents(session)
    try:
        return events.page(Selection(), after=place, limit=limit)
    except Gone as error:
        # What was archived before it was counted is never counted, nor what a restore took back.
        is_archived = error.error_code == "event:archived"
        further = _archived(session) if is_archived else events.newest()
        SqlMarks(session).set(_EVENTS_MARK, str(further))
        return events.page(Selection(), after=further, limit=limit)


def _archived(session: Session) -> Place:
    columns = (EventArchiveRow.last_position, EventArchiveRow.last_id)
    newest = select(*columns).order_by(*(column.desc() for column in columns)).limit(1)
    return Place(*session.execute(newest).one())


def _of_events(session: Session, events: Sequence[Event]) -> Iterator[Sample]:
    jobs = _job_seconds(session, [it.subject for it in events if it.tag in JOB_ENDS])
    spans = _deployment_spans(session, [it.subject for it in events if it.tag in DEPLOYMENT_ENDS])
    for event in events:
        yield from count_event(event.tag)
        if event.tag in JOB_ENDS:
            yield from count_job(event.tag, str(event.payload.get("type")), jobs.get(event.subject))
        elif event.tag in DEPLOYMENT_ENDS:
            environment = str(event.payload.get("environment"))
            yield from count_deployment(event.tag, environment, spans.get(event.subject, {}))


def _job_seconds(session: Session, ids: Sequence[str]) -> Mapping[str, float]:
    wanted = select(JobRow.id, JobRow.started_at, JobRow.finished_at).where(JobRow.id.in_(ids))
    found = session.execute(wanted) if ids else ()
    return {it: (end - start).total_seconds() for it, start, end in found if start and end}


def _deployment_spans(session: Session, ids: Sequence[str]) -> Mapping[str, Mapping[str, float]]:
    columns = (DeploymentRow.id, DeploymentRow.phases, DeploymentRow.created_at, DeploymentRow.finished_at)
    found = session.execute(select(*columns).where(DeploymentRow.id.in_(ids))) if ids else ()
    return {
        it: spans_of(phases, (finished - created).total_seconds() if finished else None)
        for it, phases, created, finished in found
    }


def _next_deliveries(session: Session, mark: str | None, now: datetime, limit: int) -> Sequence[Any]:
    at, _, number = (mark or f"{datetime.min.replace(tzinfo=UTC).isoformat()} 0").partition(" ")
    order = (DeliveryRow.processed_at, DeliveryRow.id)
    statement = (
        select(*order, DeliveryRow.source, DeliveryRow.event, DeliveryRow.status)
        .where(DeliveryRow.processed_at.is_not(None), DeliveryRow.processed_at < now - _SETTLED_AFTER)
        .where(tuple_(*order) > (datetime.fromisoformat(at), int(number)))
    )
    return session.execute(statement.order_by(*order).limit(limit)).all()


def _of_delivery(row: Any) -> Sample:
    return Sample(DELIVERIES.name, 1, {"source": row.source, "event": row.event, "outcome": row.status})


def _add(session: Session, samples: Sequence[Sample]) -> None:
    """Add to the totals, always in the same order, so that nobody waits for each other crosswise."""
    sums = defaultdict[tuple[str, str], float](float)
    for sample in samples:
        sums[sample.name, key_of(sample.labels)] += sample.value
    if not sums:
        return
    is_postgresql = session.get_bind().dialect.name == "postgresql"
    insert = (postgresql.insert if is_postgresql else sqlite.insert)(MetricTotalRow)
    added = insert.on_conflict_do_update(
        index_elements=["name", "labels"],
        set_={"value": MetricTotalRow.__table__.c.value + insert.excluded.value},
    )
    rows = [{"name": name, "labels": labels, "value": sums[name, labels]} for name, labels in sorted(sums)]
    session.execute(added, rows)


def totals(session: Session) -> Iterator[Sample]:
    """Yield every total."""
    for name, labels, value in session.execute(
        select(MetricTotalRow.name, MetricTotalRow.labels, MetricTotalRow.value)
    ):
        yield Sample(name, value, json.loads(labels))


def behind_seconds(session: Session, now: datetime) -> float:
    """Return the age of the oldest fact that the totals do not know of; 0 when they know of all."""
    place = Place.parse(SqlMarks(session).get(_EVENTS_MARK) or _BEGINNING)
    next_at = session.scalar(
        select(EventRow.at).where(is_after(session, place)).order_by(EventRow.position, EventRow.id).limit(1)
    )
    return 0.0 if next_at is None else max((now - next_at).total_seconds(), 0.0)
