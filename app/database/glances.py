"""What lists show of many things at once, in one statement each: no list asks again for each of its rows."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from sqlalchemy import select, union_all
from sqlalchemy.orm import Session, aliased

from app.database.aliases import alias_of
from app.database.deployments import deployment_of
from app.database.models import AppRow, DeploymentRow, EventRow
from app.database.release_models import AliasRow
from app.database.rows import several
from app.domain.aliases import Alias
from app.domain.deployments import Deployment, Status
from app.domain.events import Tag

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
        row = DeploymentRow
        by_run = (row.run_number.desc(), row.run_attempt.desc(), row.id.desc())
        each = (
            select(row.id)
            .where(row.app_id == app_id, row.script == script, row.status.in_(sorted(statuses)))
            .order_by(*by_run)
            .limit(1)
            .subquery()
            for script in scripts
        )
        ids = union_all(*(select(it.c.id) for it in each))
        return [deployment_of(it) for it in several(self._session, select(row).where(row.id.in_(ids)))]

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

    def pushers(self, app_ids: Collection[str], *, limit: int) -> Mapping[tuple[str, str], str]:
        """Return who pushed a commit, by app and commit, of the last pushes of each app."""
        if not app_ids:
            return {}
        row = EventRow
        each = (
            select(row.app_id, row.actor, row.payload)
            .where(row.app_id == app_id, row.tag == str(Tag.BRANCH_PUSHED))
            .order_by(row.position.desc(), row.id.desc())
            .limit(limit)
            .subquery()
            for app_id in sorted(app_ids)
        )
        pushes = self._session.execute(union_all(*(select(it) for it in each)))
        return {(app_id, payload.get("after", "")): actor for app_id, actor, payload in pushes}
