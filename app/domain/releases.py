"""Releases: in which order an environment's deployments follow one another, and which may show where.

A run's place is its number. A promotion takes the place after all runs that were known when it was made.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from app.domain.aliases import Alias
from app.domain.deployments import UNFINISHED, Deployment, Status
from app.domain.environments import Environment

# From where to where bytes are promoted; within one environment they only go live.
PROMOTIONS: Final[Mapping[Environment, frozenset[Environment]]] = {
    Environment.PREVIEW: frozenset({Environment.STAGING, Environment.PRODUCTION}),
    Environment.STAGING: frozenset({Environment.PRODUCTION}),
    Environment.PRODUCTION: frozenset(),
}
# What went up while its run goes on will be ready, however that run ends.
_ANSWERING: Final = frozenset({Status.DEPLOYING, Status.READY})


def can_be_shown(deployment: Deployment) -> bool:
    """Tell whether an alias may be pointed at it: its bytes are kept, and went up once, here or elsewhere."""
    has_been_up = deployment.uploaded_at is not None or deployment.promoted_from is not None
    return deployment.bundle is not None and has_been_up and deployment.status in _ANSWERING


def newest_first(deployments: Sequence[Deployment]) -> list[Deployment]:
    """Return the deployments to one alias by their places, the newest first."""
    latest, places = (0, 0), dict[str, tuple[tuple[int, int], str]]()
    for deployment in sorted(deployments, key=lambda it: (it.created_at, it.id)):
        if deployment.promoted_from is None:
            latest = max(latest, deployment.order)
            places[deployment.id] = (deployment.order, "")
        else:
            places[deployment.id] = (latest, deployment.id)
    return sorted(deployments, key=lambda it: places[it.id], reverse=True)


def gives_way(alias: Alias | None, branch: str, newest: Deployment | None) -> bool:
    """Tell whether what an alias shows of a branch is about to be replaced by another's newest run."""
    is_coming = newest is not None and newest.branch != branch and newest.status in UNFINISHED
    return is_coming and newest is not None and (alias is None or alias.takes(newest.order))
