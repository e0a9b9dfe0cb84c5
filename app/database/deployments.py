"""Deployments in the database."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import literal, select, tuple_
from sqlalchemy.orm import Session

from app.database.cursors import Cursor
from app.database.models import DeploymentRow
from app.database.rows import insert_if_new, newest_first, one, replace_known, several
from app.domain.deployments import Deployment, Run, Status
from app.domain.environments import Environment
from app.errors import Conflict, NotFound
from app.ports import Page


class SqlDeployments:
    """`ports.Deployments` within one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, deployment: Deployment) -> None:
        """Keep a new one. Raises Conflict when its run and attempt are known already."""
        if not insert_if_new(self._session, DeploymentRow, _values(deployment)):
            run = deployment.run
            raise Conflict(
                f"adding deployment {deployment.id}: attempt {run.attempt} of run {run.id} is known already",
                code="deployment:known",
            )

    def get(self, deployment_id: str) -> Deployment:
        """Return it. Raises NotFound."""
        row = one(self._session, select(DeploymentRow).where(DeploymentRow.id == deployment_id))
        if row is None:
            raise _not_found("looking for", deployment_id)
        return deployment_of(row)

    def save(self, deployment: Deployment) -> None:
        """Replace what is kept of it. Raises NotFound."""
        key = DeploymentRow.id == deployment.id
        if not replace_known(self._session, DeploymentRow, key, _values(deployment)):
            raise _not_found("saving", deployment.id)

    def by_run(self, app_id: str, run_id: int, attempt: int) -> Deployment | None:
        """Return the deployment that this attempt of a run makes."""
        statement = select(DeploymentRow).where(
            DeploymentRow.app_id == app_id,
            DeploymentRow.run_id == run_id,
            DeploymentRow.run_attempt == attempt,
            DeploymentRow.promoted_from.is_(None),
        )
        row = one(self._session, statement)
        return None if row is None else deployment_of(row)

    def find(
        self,
        app_id: str,
        *,
        script: str | None = None,
        pull_request: int | None = None,
        statuses: frozenset[Status] | None = None,
        before: tuple[int, int] | None = None,
        limit: int = 1000,
    ) -> Sequence[Deployment]:
        """Return the app's deployments that match, in the order of their runs, newest first."""
        statement = select(DeploymentRow).where(DeploymentRow.app_id == app_id)
        if script is not None:
            statement = statement.where(DeploymentRow.script == script)
        if pull_request is not None:
            statement = statement.where(DeploymentRow.pull_request == pull_request)
        if statuses is not None:
            statement = statement.where(DeploymentRow.status.in_(sorted(statuses)))
        if before is not None:
            order = tuple_(DeploymentRow.run_number, DeploymentRow.run_attempt)
            statement = statement.where(order < tuple_(*map(literal, before)))
        by_run = (DeploymentRow.run_number.desc(), DeploymentRow.run_attempt.desc(), DeploymentRow.id.desc())
        return [
            deployment_of(row) for row in several(self._session, statement.order_by(*by_run).limit(limit))
        ]

    def list(
        self,
        app_id: str,
        *,
        environment: Environment | None = None,
        status: Status | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page:
        """Return a page of deployments, newest first."""
        statement = newest_first(DeploymentRow, DeploymentRow.created_at, DeploymentRow.id, cursor)
        statement = statement.where(DeploymentRow.app_id == app_id)
        if environment is not None:
            statement = statement.where(DeploymentRow.environment == environment)
        if status is not None:
            statement = statement.where(DeploymentRow.status == status)
        rows = several(self._session, statement.limit(limit + 1))
        items = [deployment_of(row) for row in rows[:limit]]
        return Page(items, _cursor(items[-1]) if len(rows) > limit else None)


def _not_found(doing: str, deployment_id: str) -> NotFound:
    shown = deployment_id[:60]
    return NotFound(
        f"{doing} deployment {shown}: there is none", code="deployment:not-found", deployment=shown
    )


def _cursor(deployment: Deployment) -> str:
    return Cursor(deployment.created_at, deployment.id).encode()


def _values(deployment: Deployment) -> dict[str, Any]:
    return {
        "id": deployment.id,
        "app_id": deployment.app_id,
        "environment": deployment.environment,
        "namespace": deployment.namespace,
        "script": deployment.script,
        "branch": deployment.branch,
        "commit": deployment.commit,
        "message": deployment.message,
        "pull_request": deployment.pull_request,
        "run_id": deployment.run.id,
        "run_number": deployment.run.number,
        "run_attempt": deployment.run.attempt,
        "run_url": deployment.run.url,
        "status": deployment.status,
        "created_at": deployment.created_at,
        "updated_at": deployment.updated_at,
        "finished_at": deployment.finished_at,
        "phases": dict(deployment.phases),
        "error": deployment.error,
        "github_deployment_id": deployment.github_deployment_id,
        "published": deployment.published,
        "own_script": deployment.own_script,
        "bundle": deployment.bundle,
        "uploaded_at": deployment.uploaded_at,
        "expires_at": deployment.expires_at,
        "retired_at": deployment.retired_at,
        "promoted_from": deployment.promoted_from,
        "actor": deployment.actor,
        "is_from_fork": deployment.is_from_fork,
    }


def deployment_of(row: DeploymentRow) -> Deployment:
    """Return the deployment that a row holds."""
    return Deployment(
        id=row.id,
        app_id=row.app_id,
        environment=row.environment,
        namespace=row.namespace,
        script=row.script,
        branch=row.branch,
        commit=row.commit,
        message=row.message,
        pull_request=row.pull_request,
        run=Run(id=row.run_id, number=row.run_number, attempt=row.run_attempt, url=row.run_url),
        status=row.status,
        created_at=row.created_at,
        updated_at=row.updated_at,
        finished_at=row.finished_at,
        phases=row.phases,
        error=row.error,
        github_deployment_id=row.github_deployment_id,
        published=row.published,
        own_script=row.own_script,
        bundle=row.bundle,
        uploaded_at=row.uploaded_at,
        expires_at=row.expires_at,
        retired_at=row.retired_at,
        promoted_from=row.promoted_from,
        actor=row.actor,
        is_from_fork=row.is_from_fork,
    )
