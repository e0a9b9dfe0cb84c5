"""Which apps of the fake memory are in reach."""

from collections.abc import Mapping

from app.domain.callers import Reach
from app.domain.rights import Level, Right
from app.domain.workers import Worker


def is_within(reach: Reach, app_id: str, rights: Mapping[tuple[str, str], Right]) -> bool:
    """Tell whether an app is in reach."""
    known = rights.get((reach.person_id, app_id)) if reach.person_id else None
    is_readable = reach.person_id is None or (known is not None and known.level >= Level.READ)
    return is_readable and reach.app_id in {None, app_id}


def is_owned_within(
    reach: Reach, owner_id: str, rights: Mapping[tuple[str, str], Right], workers: Mapping[str, Worker]
) -> bool:
    """Tell whether an app is in reach, or a worker of the person's."""
    worker = workers.get(owner_id)
    is_own = worker is not None and worker.owner_id is not None and worker.owner_id == reach.person_id
    return (is_own and reach.app_id in {None, owner_id}) or is_within(reach, owner_id, rights)
