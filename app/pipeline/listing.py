"""Listing: a page of apps with how each stands, in a handful of statements however long it is. Only looks."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from app.domain.aliases import Alias
from app.domain.apps import App, AppStatus
from app.domain.callers import EVERYWHERE, Reach
from app.domain.deployments import Deployment
from app.domain.environments import Environment
from app.ports import Page, Transaction

# Where the push that made an app's last deployment is found; what was pushed before it matters to no list.
LAST_PUSHES: Final = 8


@dataclass(frozen=True, slots=True)
class Filter:
    """Which apps: those in reach that are all that is said here; `search` is a part of their names."""

    reach: Reach = EVERYWHERE
    search: str | None = None
    status: AppStatus | None = None
    environment: Environment | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """An app in a list: `last` is what was begun last, `by` who wanted that.

    `production` is the alias of production when it shows something, `previews` how many answer, and `drifts`
    counts what is not as it was recorded.
    """

    app: App
    last: Deployment | None
    by: str | None
    production: Alias | None
    previews: int
    drifts: int


@dataclass(frozen=True, slots=True)
class Listing:
    """A page of apps, newest first, and the cursors of those around it."""

    rows: Sequence[Row]
    next_cursor: str | None
    previous_cursor: str | None


def list_apps(
    tx: Transaction, wanted: Filter, *, cursor: str | None = None, is_back: bool = False, limit: int = 50
) -> Listing:
    """Return a page of apps. Raises InvalidInput on a cursor that is not ours."""
    page = tx.apps.list(
        cursor=cursor,
        limit=limit,
        is_back=is_back,
        reach=wanted.reach,
        search=wanted.search,
        status=wanted.status,
        environment=wanted.environment,
    )
    return Listing(_rows(tx, page), page.next_cursor, page.previous_cursor)


def by_whom(deployment: Deployment | None, pushers: Mapping[tuple[str, str], str]) -> str | None:
    """Return who wanted a deployment: who promoted it, else who pushed its commit, when that is known."""
    if deployment is None:
        return None
    return deployment.actor or pushers.get((deployment.app_id, deployment.commit))


def _rows(tx: Transaction, page: Page) -> Sequence[Row]:
    ids = [app.id for app in page.items]
    last, shown = tx.glances.last_deployments(ids), tx.glances.shown(ids)
    pushers = tx.glances.pushers(ids, limit=LAST_PUSHES)
    drifts = Counter(drift.app_id for drift in tx.drifts.of(ids))
    return [
        Row(
            app,
            last.get(app.id),
            by_whom(last.get(app.id), pushers),
            _production(shown.get(app.id, ())),
            _previews(shown.get(app.id, ())),
            drifts[app.id],
        )
        for app in page.items
    ]


def _production(aliases: Sequence[Alias]) -> Alias | None:
    return next((it for it in aliases if it.environment is Environment.PRODUCTION), None)


def _previews(aliases: Sequence[Alias]) -> int:
    return sum(it.environment is Environment.PREVIEW for it in aliases)
