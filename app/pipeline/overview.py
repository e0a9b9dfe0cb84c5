"""Overview: what is live of an app, told from its deployments. Only looks."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from app.domain.apps import App
from app.domain.deployments import Deployment, Status
from app.domain.environments import Environment
from app.domain.names import script_name
from app.domain.pulls import PullRequest
from app.ports import Transaction

# What was stopped on its way hides nothing of what was there before; what was removed hides all of it.
_TELLING: Final = frozenset(Status) - {Status.CANCELLED, Status.SUPERSEDED}


@dataclass(frozen=True, slots=True)
class EnvironmentState:
    """`live` answers at the environment's address, `newest` is the last that set out for it."""

    environment: Environment
    live: Deployment | None
    newest: Deployment | None


@dataclass(frozen=True, slots=True)
class PreviewState:
    """The newest deployment of a preview; `pull` is None for the preview of the last pushed branch."""

    pull: PullRequest | None
    deployment: Deployment


@dataclass(frozen=True, slots=True)
class Overview:
    """Production and staging, and the previews that are live, on their way or failed."""

    environments: Sequence[EnvironmentState]
    previews: Sequence[PreviewState]


def overview(tx: Transaction, app: App) -> Overview:
    """Return what is live of an app; previews of pull requests come first."""
    lasting = (Environment.PRODUCTION, Environment.STAGING)
    return Overview([_environment(tx, app, environment) for environment in lasting], _previews(tx, app))


def _previews(tx: Transaction, app: App) -> list[PreviewState]:
    places: list[PullRequest | None] = [*tx.pulls.open(app.id), None]
    found = [PreviewState(pull, it) for pull in places for it in _newest_of(tx, app, pull)]
    return [preview for preview in found if preview.deployment.status is not Status.REMOVED]


def _newest_of(tx: Transaction, app: App, pull: PullRequest | None) -> Sequence[Deployment]:
    script = script_name(app.slug, Environment.PREVIEW, pull.number if pull else None)
    return tx.deployments.find(app.id, script=script, statuses=_TELLING, limit=1)


def _environment(tx: Transaction, app: App, environment: Environment) -> EnvironmentState:
    script = script_name(app.slug, environment)
    live = tx.deployments.find(app.id, script=script, statuses=frozenset({Status.READY}), limit=1)
    newest = tx.deployments.find(app.id, script=script, limit=1)
    return EnvironmentState(environment, live[0] if live else None, newest[0] if newest else None)
