"""Which bundles are in use: of deployments whose app is there, and of versions whose worker is."""

from collections.abc import Iterator
from typing import Final

from sqlalchemy import Engine, Select, select, union

from app.database.models import AppRow, DeploymentRow
from app.database.release_models import AliasRow
from app.database.session import reading
from app.database.worker_models import VersionRow, WorkerRow

_AT_ONCE: Final = 1000


def used_bundles(engine: Engine) -> Iterator[str]:
    """Yield the digest of each, once."""
    deployed = (
        select(DeploymentRow.bundle)
        .join(AppRow, AppRow.id == DeploymentRow.app_id)
        .where(DeploymentRow.bundle.is_not(None))
    )
    # What an author wrote is kept in the form of a bundle too.
    versions, sources = (
        select(digest).join(WorkerRow, WorkerRow.id == VersionRow.worker_id)
        for digest in (VersionRow.bundle, VersionRow.source)
    )
    yield from _each(engine, select(union(deployed, versions, sources).subquery().c.bundle))


def live_bundles(engine: Engine) -> Iterator[str]:
    """Yield the digest of each that an alias or a worker shows now, once."""
    shown = (
        select(DeploymentRow.bundle)
        .join(AliasRow, AliasRow.deployment_id == DeploymentRow.id)
        .where(DeploymentRow.bundle.is_not(None), AliasRow.expired_at.is_(None))
    )
    answering = (
        select(VersionRow.bundle)
        .join(WorkerRow, WorkerRow.version_id == VersionRow.id)
        .where(WorkerRow.expired_at.is_(None))
    )
    yield from _each(engine, select(union(shown, answering).subquery().c.bundle))


def _each(engine: Engine, statement: Select[str]) -> Iterator[str]:
    with reading(engine) as session:
        yield from session.scalars(statement.execution_options(yield_per=_AT_ONCE))
