"""Drift in the database."""

from collections.abc import Collection, Sequence

from sqlalchemy import Select, delete, select, tuple_
from sqlalchemy.orm import Session

from app.database.cursors import Cursor
from app.database.reaching import owned_within
from app.database.reliability_models import DriftRow
from app.database.rows import insert_if_new, replace_known, several
from app.domain.callers import EVERYWHERE, Reach
from app.domain.drift import Drift, Kind
from app.errors import Broken, InvalidInput
from app.ports import Page


class SqlDrifts:
    """`ports.Drifts` within one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def of(self, app_ids: Collection[str]) -> Sequence[Drift]:
        """Return the open drift of some apps or workers, the oldest first."""
        row = DriftRow
        statement = select(row).where(row.is_open, row.app_id.in_(app_ids))
        oldest = statement.order_by(row.found_at, row.app_id, row.kind, row.subject)
        return [_drift(it) for it in several(self._session, oldest)]

    def save(self, drift: Drift) -> None:
        """Keep it, new or known."""
        if drift.found_at is None or drift.seen_at is None:
            raise Broken(f"keeping drift {drift.kind} of {drift.app_id}: nobody said when it was found")
        app_id, kind, subject = drift.key
        values = {
            "app_id": app_id,
            "kind": kind.value,
            "subject": subject,
            "facts": dict(drift.facts),
            "found_at": drift.found_at,
            "seen_at": drift.seen_at,
            "is_open": drift.is_open,
        }
        if not insert_if_new(self._session, DriftRow, values):
            row = DriftRow
            is_it = (row.app_id == app_id) & (row.kind == kind.value) & (row.subject == subject)
            replace_known(self._session, row, is_it, values)

    def forget(self, app_id: str) -> None:
        """Let all of an app go."""
        self._session.execute(delete(DriftRow).where(DriftRow.app_id == app_id))

    def list(self, *, cursor: str | None = None, limit: int = 50, reach: Reach = EVERYWHERE) -> Page:
        """Return a page of all open drift of what is in reach, found last first."""
        statement = _page(cursor).where(*owned_within(reach, DriftRow.app_id))
        rows = several(self._session, statement.limit(limit + 1))
        items = [_drift(it) for it in rows[:limit]]
        return Page(items, _cursor(rows[limit - 1]) if len(rows) > limit else None)


def _page(cursor: str | None) -> Select[DriftRow]:
    row = DriftRow
    place = (row.found_at, row.app_id, row.kind, row.subject)
    statement = select(row).where(row.is_open).order_by(*(column.desc() for column in place))
    if cursor is None:
        return statement
    last = Cursor.decode(cursor)
    parts = last.id.split(" ", 2)
    if len(parts) != len(place) - 1:
        raise InvalidInput(
            "reading a page: the cursor is not one that we gave", code="request:invalid-cursor"
        )
    return statement.where(tuple_(*place) < tuple_(last.at, *parts))


def _cursor(row: DriftRow) -> str:
    return Cursor(row.found_at, f"{row.app_id} {row.kind} {row.subject}").encode()


def _drift(row: DriftRow) -> Drift:
    return Drift(
        app_id=row.app_id,
        kind=Kind(row.kind),
        subject=row.subject,
        facts=row.facts,
        found_at=row.found_at,
        seen_at=row.seen_at,
        is_open=row.is_open,
    )
