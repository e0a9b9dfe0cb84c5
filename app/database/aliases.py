"""Aliases in the database."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from app.database.release_models import AliasRow
from app.database.rows import insert_if_new, one, replace_known, several
from app.domain.aliases import Alias


class SqlAliases:
    """`ports.Aliases` within one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def get(self, script: str) -> Alias | None:
        """Return the alias of a script; None when nothing ever was meant for it."""
        row = one(self._session, select(AliasRow).where(AliasRow.script == script))
        return None if row is None else alias_of(row)

    def save(self, alias: Alias) -> None:
        """Keep it, new or known."""
        values = _values(alias)
        if not insert_if_new(self._session, AliasRow, values):
            replace_known(self._session, AliasRow, AliasRow.script == alias.script, values)

    def of_app(self, app_id: str) -> Sequence[Alias]:
        """Return those of an app, by script."""
        statement = select(AliasRow).where(AliasRow.app_id == app_id).order_by(AliasRow.script)
        return [alias_of(row) for row in several(self._session, statement)]

    def expired(self, now: datetime, *, limit: int) -> Sequence[Alias]:
        """Return those whose time is over and that are not taken down yet, the longest over first."""
        statement = (
            select(AliasRow)
            .where(
                AliasRow.expires_at.is_not(None), AliasRow.expired_at.is_(None), AliasRow.expires_at <= now
            )
            .order_by(AliasRow.expires_at)
            .limit(limit)
        )
        return [alias_of(row) for row in several(self._session, statement)]

    def forget(self, app_id: str) -> None:
        """Let all of an app go."""
        self._session.execute(delete(AliasRow).where(AliasRow.app_id == app_id))


def _values(alias: Alias) -> dict[str, Any]:
    values = asdict(alias)
    values["run_number"], values["run_attempt"] = values.pop("order")
    return values


def alias_of(row: AliasRow) -> Alias:
    """Return the alias that a row holds."""
    return Alias(
        app_id=row.app_id,
        script=row.script,
        environment=row.environment,
        namespace=row.namespace,
        updated_at=row.updated_at,
        pull_request=row.pull_request,
        deployment_id=row.deployment_id,
        order=(row.run_number, row.run_attempt),
        is_pinned=row.is_pinned,
        is_settled=row.is_settled,
        actor=row.actor,
        holder=row.holder,
        held_until=row.held_until,
        expires_at=row.expires_at,
        expired_at=row.expired_at,
    )
