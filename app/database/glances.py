"""What lists show of many things at once, in one statement each: no list asks again for each of its rows."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import TextClause, bindparam, select, text, union_all
from sqlalchemy.orm import Session, aliased

from app.database.aliases import alias_of
from app.database.columns import UtcDateTime
from app.database.deployments import deployment_of
from app.database.models import AppRow, DeploymentRow, EventRow
from app.database.release_models import AliasRow
from app.database.rows import several
from app.database.worker_models import WorkerRow
from app.domain.aliases import Alias
from app.domain.deployments import Deployment, Status
from app.domain.events import Tag

_NEWEST: Final = """
SELECT id FROM (SELECT id FROM deployments WHERE app_id = :app_id AND script = :key{n} AND status IN :statuses
ORDER BY run_number DESC, run_attempt DESC, id DESC LIMIT 1) AS each{n}"""
_PUSHES: Final = """
SELECT app_id, actor, payload FROM (SELECT app_id, actor, payload FROM events WHERE app_id = :key{n}
AND tag = :tag AND at <= :until ORDER BY position DESC, id DESC LIMIT :limit) AS each{n}"""
_NEVER: Final = datetime(9999, 1, 1, tzinfo=UTC)
# SQLite takes five hundred parts of one statement at most.
_AT_A_TIME: Final = 400


class SqlGlances:
    """`ports.Glances` within one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def last_deployments(self, app_ids: Collection[str]) -> Mapping[str, Deployment]:
        """Return the deployment of each app that was begun last, by the app's id."""
        row, each = DeploymentRow, aliased(DeploymentRow)
        last = (
            select(each.id)
            .where(each.app_id == AppRow.id)
            .order_by(each.created_at.desc(), each.id.desc())
            .limit(1)
            .scalar_subquery()
        )
        found = several(
            self._session, select(row).where(row.id.in_(select(last).where(AppRow.id.in_(app_ids))))
        )
        return {it.app_id: deployment_of(it) for it in found}

    def newest_to(
        self, app_id: str, scripts: Collection[str], statuses: frozenset[Status]
    ) -> Mapping[str, Deployment]:
        """Return the newest deployment of an app to each of these scripts, in the order of their runs."""
        found = dict[str, Deployment]()
        ordered = sorted(scripts)
        for start in range(0, len(ordered), _AT_A_TIME):
            several_scripts = ordered[start : start + _AT_A_TIME]
            found |= {it.script: it for it in self._newest_to(app_id, several_scripts, statuses)}
        return found

    def _newest_to(
        self, app_id: str, scripts: Sequence[str], statuses: frozenset[Status]
    ) -> Sequence[Deployment]:
        values = {"app_id": app_id, "statuses": sorted(statuses)}
        newest = _of_each(_NEWEST, scripts).bindparams(**_numbered(scripts), **values)
        ids = select(newest.columns(DeploymentRow.id).subquery().c.id)
        statement = select(DeploymentRow).where(DeploymentRow.id.in_(ids))
        return [deployment_of(it) for it in several(self._session, statement)]

    def shown(self, app_ids: Collection[str]) -> Mapping[str, Sequence[Alias]]:
        """Return the aliases of each app that show something, by the app's id."""
        row = AliasRow
        statement = select(row).where(
            row.app_id.in_(app_ids), row.deployment_id.is_not(None), row.expired_at.is_(None)
        )
        by_app = defaultdict[str, list[Alias]](list)
        for it in several(self._session, statement.order_by(row.app_id, row.script)):
            by_app[it.app_id].append(alias_of(it))
        return by_app

    def pushers(
        self, app_ids: Collection[str], *, limit: int, until: datetime | None = None
    ) -> Mapping[tuple[str, str], str]:
        """Return who pushed a commit, by app and commit, of the last pushes of each app."""
        if not app_ids:
            return {}
        keys, values = (
            sorted(app_ids),
            {"tag": str(Tag.BRANCH_PUSHED), "limit": limit, "until": until or _NEVER},
        )
        statement = _of_each(_PUSHES, keys).columns(EventRow.app_id, EventRow.actor, EventRow.payload)
        statement = statement.bindparams(bindparam("until", type_=UtcDateTime))
        pushes = self._session.execute(statement, {**_numbered(keys), **values})
        return {(app_id, payload.get("after", "")): actor for app_id, actor, payload in pushes}

    def names(self, owner_ids: Collection[str]) -> Mapping[str, str]:
        """Return what apps and workers are called, by their ids; those that are gone are left out."""
        apps = select(AppRow.id, AppRow.name).where(AppRow.id.in_(owner_ids))
        workers = select(WorkerRow.id, WorkerRow.name).where(WorkerRow.id.in_(owner_ids))
        return {owner_id: name for owner_id, name in self._session.execute(union_all(apps, workers))}  # noqa: C416 - rows are no pairs to mypy


def _of_each(query: str, keys: Sequence[str]) -> TextClause:
    """Return a statement that asks the same of each key: of objects it would take ten times as long."""
    parts = (query.format(n=number) for number in range(len(keys)))
    statement = text(" UNION ALL ".join(parts))
    return statement.bindparams(bindparam("statuses", expanding=True)) if ":statuses" in query else statement


def _numbered(keys: Sequence[str]) -> dict[str, str]:
    return {f"key{number}": key for number, key in enumerate(keys)}
