"""Which bundles are in use: of deployments whose app is there, and of versions whose worker is."""

from collections.abc import Iterator
from typing import Any, Final

from sqlalchemy import CompoundSelect, Engine, select, union

from app.database.models import AppRow, DeploymentRow
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
    versions = select(VersionRow.bundle).join(WorkerRow, WorkerRow.id == VersionRow.worker_id)
    with reading(engine) as session:
        statement: CompoundSelect[Any] = union(deployed, versions).execution_options(yield_per=_AT_ONCE)
        for row in session.execute(statement):
            yield row[0]
