"""Standing scripts in the database."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime

from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.orm import Session

from app.database.reliability_models import StandingScriptRow
from app.database.rows import insert_if_new, replace_known, several
from app.domain.standing import StandingScript


class SqlStandingScripts:
    """`ports.StandingScripts` within one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def put(self, script: StandingScript) -> None:
        """Keep it, new or known."""
        values = asdict(script)
        if not insert_if_new(self._session, StandingScriptRow, values):
            row = StandingScriptRow
            is_it = (row.namespace == script.namespace) & (row.script == script.script)
            replace_known(self._session, row, is_it, values)

    def remove(self, namespace: str, scripts: Collection[str]) -> None:
        """Let some go."""
        row = StandingScriptRow
        self._session.execute(delete(row).where(row.namespace == namespace, row.script.in_(scripts)))

    def of(self, app_id: str, namespace: str) -> Sequence[StandingScript]:
        """Return those of an app, or a worker, in a namespace, by name."""
        row = StandingScriptRow
        statement = select(row).where(row.namespace == namespace, row.app_id == app_id)
        return [_standing(it) for it in several(self._session, statement.order_by(row.script))]

    def see(self, namespace: str, scripts: Collection[str], at: datetime) -> Mapping[str, StandingScript]:
        """Write down that a look which began `at` found these there, and return those that are known."""
        row = StandingScriptRow
        named = (row.namespace == namespace, row.script.in_(scripts))
        known = several(self._session, select(row).where(*named))
        # A look that began later may have been here already.
        is_news = or_(row.seen_at.is_(None), row.seen_at < at)
        statement = update(row).where(*named, is_news).values(seen_at=at)
        self._session.execute(statement.execution_options(synchronize_session=False))
        return {it.script: _standing(it) for it in known}

    def unseen(
        self,
        namespace: str,
        before: datetime,
        *,
        app_id: str | None = None,
        after: str = "",
        limit: int = 1000,
    ) -> Sequence[StandingScript]:
        """Return those put up `before`, and not found there since, by name behind `after`."""
        row = StandingScriptRow
        statement = select(row).where(
            row.namespace == namespace,
            row.script > after,
            row.put_at < before,
            or_(row.seen_at.is_(None), row.seen_at < before),
        )
        if app_id is not None:
            statement = statement.where(row.app_id == app_id)
        return [_standing(it) for it in several(self._session, statement.order_by(row.script).limit(limit))]

    def count(self) -> int:
        """Return how many there are."""
        return self._session.scalar(select(func.count()).select_from(StandingScriptRow)) or 0


def _standing(row: StandingScriptRow) -> StandingScript:
    return StandingScript(
        namespace=row.namespace,
        script=row.script,
        app_id=row.app_id,
        subject=row.subject,
        etag=row.etag,
        put_at=row.put_at,
        seen_at=row.seen_at,
    )
