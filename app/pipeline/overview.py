"""Overview: what is live of an app, told from its aliases and deployments. Only looks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from app.domain.aliases import Alias
from app.domain.apps import App
from app.domain.deployments import Deployment, Status
from app.domain.environments import Environment
from app.domain.names import script_name
from app.domain.pulls import PullRequest
from app.ports import Transaction

# What was stopped on its way hides nothing of what was there before; what was removed hides all of it.
_TELLING: Final = frozenset(Status) - {Status.CANCELLED, Status.SUPERSEDED}
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Standing:
    """A deployment and the alias that it is meant for, which may show another one, or nothing."""

    deployment: Deployment
    alias: Alias | None

    @property
    def is_live(self) -> bool:
        """The alias shows it."""
        alias = self.alias
        return alias is not None and alias.deployment_id == self.deployment.id and alias.expired_at is None

    @property
    def is_pinned(self) -> bool:
        """The alias shows it whatever is pushed."""
        return self.is_live and self.alias is not None and self.alias.is_pinned

    @property
    def can_be_restored(self) -> bool:
        """Its own address does not answer any more, and its bytes are kept."""
        deployment = self.deployment
        was_up = deployment.bundle is not None and deployment.uploaded_at is not None
        return was_up and not deployment.has_own_address


@dataclass(frozen=True, slots=True)
class EnvironmentState:
    """`live` answers at the environment's address, `newest` is the last that set out for it."""

    environment: Environment
    live: Deployment | None
    newest: Deployment | None
    alias: Alias | None = None


@dataclass(frozen=True, slots=True)
class PreviewState:
    """The newest deployment of a preview; `pull` is None for the preview of the last pushed branch."""

    pull: PullRequest | None
    deployment: Deployment
    alias: Alias | None = None


@dataclass(frozen=True, slots=True)
class Overview:
    """Production and staging, and the previews that are live, on their way or failed."""

    environments: Sequence[EnvironmentState]
    previews: Sequence[PreviewState]


def overview(tx: Transaction, app: App) -> Overview:
    """Return what is live of an app; previews of pull requests come first."""
    lasting = (Environment.PRODUCTION, Environment.STAGING)
    aliases = {alias.script: alias for alias in tx.aliases.of_app(app.id)}
    environments = [_environment(tx, app, environment, aliases) for environment in lasting]
    return Overview(environments, _previews(tx, app, aliases))


def standing(tx: Transaction, deployment: Deployment) -> Standing:
    """Return a deployment with its alias."""
    return Standing(deployment, tx.aliases.get(deployment.script))


def standings(tx: Transaction, app_id: str, deployments: Sequence[Deployment]) -> list[Standing]:
    """Return deployments of one app with their aliases."""
    aliases = {alias.script: alias for alias in tx.aliases.of_app(app_id)}
    return [Standing(it, aliases.get(it.script)) for it in deployments]


def days_until(moment: datetime | None, now: datetime) -> int | None:
    """Return in how many days something expires, the last one counted whole; 0 when it has."""
    return None if moment is None else max(0, -((now - moment) // _DAY))


def _previews(tx: Transaction, app: App, aliases: Mapping[str, Alias]) -> list[PreviewState]:
    places: list[PullRequest | None] = [*tx.pulls.open(app.id), None]
    by_script = {_script_of(app, pull): pull for pull in places}
    newest = tx.glances.newest_to(app.id, by_script, _TELLING)
    return [
        PreviewState(pull, newest[script], aliases.get(script))
        for script, pull in by_script.items()
        if script in newest and newest[script].status is not Status.REMOVED
    ]


def _script_of(app: App, pull: PullRequest | None) -> str:
    return script_name(
        app.slug,
        Environment.PREVIEW,
        pull.number if pull else None,
        is_from_fork=pull is not None and pull.is_from_fork,
    )


def _environment(
    tx: Transaction, app: App, environment: Environment, aliases: Mapping[str, Alias]
) -> EnvironmentState:
    script = script_name(app.slug, environment)
    alias = aliases.get(script)
    live_id = alias.deployment_id if alias and alias.expired_at is None else None
    newest = next(iter(tx.deployments.find(app.id, script=script, limit=1)), None)
    return EnvironmentState(environment, _live(tx, live_id, newest), newest, alias)


def _live(tx: Transaction, live_id: str | None, newest: Deployment | None) -> Deployment | None:
    """Return what is live, which mostly is the newest."""
    if live_id is None or (newest is not None and newest.id == live_id):
        return newest if live_id else None
    return tx.deployments.get(live_id)
