"""Own scripts of deployments in the database: columns of `deployments`, asked for by other things."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.database.deployments import deployment_of
from app.database.models import DeploymentRow
from app.database.rows import one, several
from app.domain.deployments import Deployment

_IS_UP = (DeploymentRow.uploaded_at.is_not(None), DeploymentRow.retired_at.is_(None))


class SqlOwnScripts:
    """`ports.OwnScripts` within one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def by_name(self, script: str) -> Deployment | None:
        """Return the deployment whose own script this is."""
        row = one(self._session, select(DeploymentRow).where(DeploymentRow.own_script == script))
        return None if row is None else deployment_of(row)

    def standing(self, app_id: str, script: str) -> Sequence[Deployment]:
        """Return the deployments to an alias whose own scripts are up, newest run first."""
        by_run = (DeploymentRow.run_number.desc(), DeploymentRow.run_attempt.desc(), DeploymentRow.id.desc())
        statement = select(DeploymentRow).where(
            DeploymentRow.app_id == app_id, DeploymentRow.script == script, *_IS_UP
        )
        return [deployment_of(row) for row in several(self._session, statement.order_by(*by_run))]

    def expired(self, now: datetime, *, limit: int) -> Sequence[Deployment]:
        """Return those whose time is over and that are not taken down yet, the longest over first."""
        statement = (
            select(DeploymentRow)
            .where(DeploymentRow.expires_at.is_not(None), DeploymentRow.expires_at <= now, *_IS_UP)
            .order_by(DeploymentRow.expires_at)
            .limit(limit)
        )
        return [deployment_of(row) for row in several(self._session, statement)]

    def renew(self, app_id: str, script: str, expires_at: datetime) -> None:
        """Give every own script of an alias that is up, and expires, until then."""
        statement = (
            update(DeploymentRow)
            .where(
                DeploymentRow.app_id == app_id,
                DeploymentRow.script == script,
                DeploymentRow.expires_at.is_not(None),
                *_IS_UP,
            )
            .values(expires_at=expires_at)
            .execution_options(synchronize_session=False)
        )
        self._session.execute(statement)
