"""At: what an app showed at some moment in the past, told from facts alone. Only looks.

A script showed what the last fact about it said. Where that is archived, or there never was one, it showed
what the next fact says that was there before it, or what its alias says today when nothing changed since.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from app.domain.aliases import Alias
from app.domain.apps import App
from app.domain.deployments import Deployment
from app.domain.environments import Environment
from app.domain.events import Event, Tag
from app.ports import Transaction

# The migration that brought these facts set it.
KNOWN_SINCE: Final = "environment:changed"


@dataclass(frozen=True, slots=True)
class Shown:
    """What one script showed; since when, by whom and why are None where the fact of it is archived."""

    script: str
    environment: Environment
    pull_request: int | None
    deployment: Deployment
    is_pinned: bool
    since: datetime | None = None
    by: str | None = None
    why: str | None = None


@dataclass(frozen=True, slots=True)
class Moment:
    """What an app showed; nothing is told of a time before facts of all changes are there."""

    at: datetime
    known_since: datetime | None
    is_known: bool
    shown: Sequence[Shown]


def shown_at(tx: Transaction, app: App, at: datetime) -> Moment:
    """Return what an app showed at a moment."""
    known_since = _known_since(tx)
    is_known = known_since is None or at >= known_since or at < app.created_at
    shown = sorted(_shown(tx, app, at), key=lambda it: it.script) if is_known else []
    return Moment(at, known_since, is_known, shown)


def _known_since(tx: Transaction) -> datetime | None:
    mark = tx.marks.get(KNOWN_SINCE)
    times = [datetime.fromisoformat(mark)] if mark else []
    return max((*times, *(it.last_at for it in tx.archives.list())), default=None)


def _shown(tx: Transaction, app: App, at: datetime) -> Iterator[Shown]:
    last = {it.subject: it for it in tx.events.last_of_each(app.id, Tag.ENVIRONMENT_CHANGED, until=at)}
    following = tx.events.first_of_each(app.id, Tag.ENVIRONMENT_CHANGED, since=at)
    then = {it.subject: it for it in following if it.subject not in last}
    told = [_as_told(tx, event) for event in last.values()] + [_before(tx, it) for it in then.values()]
    aliases = (it for it in tx.aliases.of_app(app.id) if it.script not in last and it.script not in then)
    yield from (it for it in (*told, *(_unchanged(tx, alias, at) for alias in aliases)) if it)


def _as_told(tx: Transaction, event: Event) -> Shown | None:
    payload = event.payload
    shown = _shown_as(tx, event, payload["deployment"], is_pinned=payload["pinned"])
    return shown and replace(shown, since=event.at, by=event.actor, why=payload["why"])


def _before(tx: Transaction, event: Event) -> Shown | None:
    return _shown_as(tx, event, event.payload["before"], is_pinned=event.payload["wasPinned"])


def _unchanged(tx: Transaction, alias: Alias, at: datetime) -> Shown | None:
    if alias.shown is None or alias.updated_at > at:
        return None
    deployment = tx.deployments.get(alias.shown)
    return Shown(
        alias.script,
        alias.environment,
        alias.pull_request,
        deployment,
        alias.is_pinned,
        alias.updated_at,
        alias.actor,
    )


def _shown_as(tx: Transaction, event: Event, deployment_id: str | None, *, is_pinned: bool) -> Shown | None:
    if deployment_id is None:
        return None
    payload, deployment = event.payload, tx.deployments.get(deployment_id)
    environment = Environment(payload["environment"])
    return Shown(event.subject, environment, payload["pullRequest"], deployment, is_pinned)
