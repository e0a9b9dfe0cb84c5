"""Look: what the page of one app shows, read part by part in a few statements each. Changes nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from app.domain.apps import App
from app.domain.deployments import Deployment, Status
from app.domain.environments import Environment
from app.domain.jobs import Job, JobFilter, JobType
from app.domain.names import script_name
from app.domain.releases import PROMOTIONS, can_be_shown, newest_first
from app.domain.variables import Variable
from app.pipeline.listing import by_whom
from app.pipeline.overview import EnvironmentState, Overview, PreviewState, Standing, overview, standings
from app.ports import Transaction

# Where the pushes that made some deployments are found: others were pushed between them.
_PUSHES: Final = 40
# A push is told of at once, and its run when it begins; one may overtake the other.
_OVERTAKING: Final = timedelta(minutes=1)
# Among so many an earlier deployment is looked for, from the newest on and from what is live.
_EARLIER: Final = 8
_READY: Final = frozenset({Status.READY})


@dataclass(frozen=True, slots=True)
class Column:
    """An environment: what is live there, who wanted it, and where it could go back, or on, to.

    `earlier` is what a rollback would show, `coming` what resuming would. `targets` are where its bytes may
    be promoted to.
    """

    environment: Environment
    script: str
    state: EnvironmentState
    by: str | None
    earlier: Deployment | None = None
    coming: Deployment | None = None
    targets: Sequence[Environment] = ()


@dataclass(frozen=True, slots=True)
class Environments:
    """Production, staging and the preview of the branch that was pushed last; and pull requests' previews."""

    columns: Sequence[Column]
    previews: Sequence[PreviewState]


@dataclass(frozen=True, slots=True)
class Entry:
    """A deployment in the timeline, and who wanted it."""

    standing: Standing
    by: str | None


@dataclass(frozen=True, slots=True)
class Timeline:
    """A page of an app's deployments, newest first."""

    entries: Sequence[Entry]
    next_cursor: str | None


def environments(tx: Transaction, app: App) -> Environments:
    """Return an app's three environments and its previews."""
    whole = overview(tx, app)
    pushers = tx.glances.pushers([app.id], limit=_PUSHES)
    states = [*whole.environments, _branch_preview(tx, whole)]
    columns = [_column(tx, app, state, pushers) for state in states]
    return Environments(columns, [it for it in whole.previews if it.pull is not None])


def timeline(
    tx: Transaction, app: App, environment: Environment | None, cursor: str | None, *, limit: int
) -> Timeline:
    """Return a page of an app's deployments. Raises InvalidInput on a cursor that is not ours."""
    page = tx.deployments.list(app.id, environment=environment, cursor=cursor, limit=limit)
    until = page.items[0].created_at + _OVERTAKING if page.items and cursor else None
    pushers = tx.glances.pushers([app.id], limit=_PUSHES, until=until)
    entries = [Entry(it, by_whom(it.deployment, pushers)) for it in standings(tx, app.id, page.items)]
    return Timeline(entries, page.next_cursor)


def variables(tx: Transaction, app: App) -> Mapping[Environment, Sequence[Variable]]:
    """Return the variables and secrets of each environment by name."""
    return {environment: tx.variables.of(app.id, environment) for environment in Environment}


def provision_job(tx: Transaction, app: App) -> Job | None:
    """Return the job that makes, or made, an app, unless it is forgotten."""
    found = tx.jobs.list(JobFilter(app_id=app.id, type=JobType.PROVISION), limit=1).items
    return found[0] if found else None


def promotion_targets(deployment: Deployment | None) -> Sequence[Environment]:
    """Return where a deployment's bytes may be promoted, the nearest first."""
    if deployment is None or deployment.is_from_fork or not can_be_shown(deployment):
        return ()
    allowed = PROMOTIONS[deployment.environment]
    return [it for it in (Environment.STAGING, Environment.PRODUCTION) if it in allowed]


def _column(
    tx: Transaction, app: App, state: EnvironmentState, pushers: Mapping[tuple[str, str], str]
) -> Column:
    script = script_name(app.slug, state.environment)
    is_pinned = state.alias is not None and state.alias.is_pinned
    earlier = coming = None
    if state.environment is not Environment.PREVIEW and state.live is not None:
        showable = _showable(tx, app, script)
        earlier = _behind(state.live, showable) or _behind(state.live, _before(tx, app, state.live))
        coming = showable[0] if is_pinned and showable else None
    return Column(
        state.environment,
        script,
        state,
        by_whom(state.live, pushers),
        earlier=earlier,
        coming=coming,
        targets=promotion_targets(state.live),
    )


def _showable(tx: Transaction, app: App, script: str) -> Sequence[Deployment]:
    found = tx.deployments.find(app.id, script=script, statuses=_READY, limit=_EARLIER)
    return [it for it in newest_first(found) if can_be_shown(it)]


def _before(tx: Transaction, app: App, live: Deployment) -> Sequence[Deployment]:
    """Return what can be shown of the runs before what is live, behind it."""
    found = tx.deployments.find(
        app.id, script=live.script, statuses=_READY, before=live.order, limit=_EARLIER
    )
    return [live, *(it for it in newest_first(found) if can_be_shown(it))]


def _behind(live: Deployment, showable: Sequence[Deployment]) -> Deployment | None:
    """Return what was there before what is live; None where that is not among the last."""
    ids = [it.id for it in showable]
    behind = showable[ids.index(live.id) + 1 :] if live.id in ids else ()
    return behind[0] if behind else None


def _branch_preview(tx: Transaction, whole: Overview) -> EnvironmentState:
    """Return the preview of the branch that was pushed last, as an environment."""
    found = next((it for it in whole.previews if it.pull is None), None)
    if found is None:
        return EnvironmentState(Environment.PREVIEW, None, None)
    shown = found.alias.shown if found.alias else None
    is_newest = shown == found.deployment.id
    live = found.deployment if is_newest else tx.deployments.get(shown) if shown else None
    return EnvironmentState(Environment.PREVIEW, live, found.deployment, found.alias)
