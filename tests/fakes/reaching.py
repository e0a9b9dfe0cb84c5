"""Which apps of the fake memory are in reach."""

from collections.abc import Mapping

from app.domain.callers import Reach
from app.domain.rights import Level, Right


def is_within(reach: Reach, app_id: str, rights: Mapping[tuple[str, str], Right]) -> bool:
    """Tell whether an app is in reach."""
    known = rights.get((reach.person_id, app_id)) if reach.person_id else None
    is_readable = reach.person_id is None or (known is not None and known.level >= Level.READ)
    return is_readable and reach.app_id in {None, app_id}
