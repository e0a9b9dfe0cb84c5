"""Changes: what a deployment brought that the one before it at its address did not have. Only looks."""

from dataclasses import dataclass
from typing import Final

from app.domain.deployments import Deployment, Status
from app.pipeline.known import known_app
from app.ports import Transaction

# They were put up, so that somebody may have seen what they show.
_SHOWN: Final = frozenset({Status.READY, Status.REMOVED})


@dataclass(frozen=True, slots=True)
class Span:
    """From one deployment's commit to the next one's; `full_name` is None when the repository is gone."""

    full_name: str | None
    before: Deployment
    head: str


def span_of(tx: Transaction, deployment: Deployment) -> Span | None:
    """Return what lies between a deployment and the one before it; None when it is the first."""
    earlier = tx.deployments.find(
        deployment.app_id, script=deployment.script, statuses=_SHOWN, before=deployment.order, limit=1
    )
    if not earlier:
        return None
    app = known_app(tx, deployment.app_id)
    is_there = app is not None and app.repository is not None
    return Span(app.repository_name if app and is_there else None, earlier[0], deployment.commit)
