"""`/apps/<app>`: one app: what is live of it, its previews and deployments, what drifted, its variables.

What is done from here is in `app_acts`.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urlencode

from flask import Blueprint, Response, redirect, request, url_for

from app.domain.apps import App, AppStatus, Heal
from app.domain.deployments import Deployment, Status
from app.domain.drift import healed_by
from app.domain.environments import Environment
from app.domain.events import Selection
from app.domain.jobs import JobStatus
from app.domain.releases import can_be_shown
from app.domain.rights import Act
from app.errors import BranchlineError
from app.pipeline import look
from app.pipeline.overview import days_until
from app.ports import Transaction
from app.web.context import context
from app.web.errors import status_of
from app.web.guard import may, needs
from app.web.pages.shell import render, wanted_part

pages = Blueprint("pages_app", __name__)

_PER_PAGE: Final = 20
_RECENT: Final = 12
_BUSY: Final = frozenset({Status.QUEUED, Status.BUILDING, Status.DEPLOYING})
# What a page says after an act, by the word that its address bears.
DONE: Final[Mapping[str, str]] = {
    "rolled-back": "Going back. Pushes do not go live there until you resume.",
    "resumed": "Resumed: pushes go live again.",
    "promoted": "Promoting: the same bytes go live, without a build.",
    "redeployed": "Its workflow runs again; a new deployment appears when the run begins.",
    "healing": "Looking at everything of this app, and healing what you allowed.",
    "variable-set": "Saved. What is live gets it without a build.",
    "variable-removed": "Removed. What is live loses it without a build.",
    "policy-set": "The policy is set.",
    "deleting": "Deleting: addresses stop answering as their scripts are taken down.",
    "requested": "Setting up the repository: the steps below tick as they happen.",
}


@pages.get("/apps/<app>")
@needs(Act.SEE)
def show_app(app: str) -> Response:
    """Show an app."""
    return page_of(app)


def page_of(
    key: str, *, error: BranchlineError | None = None, typed: Mapping[str, str] | None = None
) -> Response:
    """Return the page of an app, after an act that was refused with why, and with what was typed."""
    given, part = context(), wanted_part()
    with given.records.read() as tx:
        app = tx.apps.get(key)
        wanted = [part] if part is not None and part in _PARTS and error is None else list(_PARTS)
        shown = {name: value for it in wanted for name, value in _PARTS[it](tx, app).items()}
    return render(
        "app.html",
        status=200 if error is None else status_of(error),
        app=app,
        error=error,
        typed=typed or {},
        done=DONE.get(request.args.get("done", "")),
        Act=Act,
        days_until=lambda moment: days_until(moment, given.clock()),
        **shown,
    )


def back_to(app: App, done: str, part: str) -> Response:
    """Return the answer to an act that went well: the app's page, at the part that shows what comes of it."""
    url = f"{address_of(app)}?{urlencode({'done': done})}#{part}"
    return redirect(url, 303)  # type: ignore[return-value] # Flask's own is one


def address_of(app: App) -> str:
    """Return where an app's page is: by name, unless that is the name of another page."""
    return url_for("pages_app.show_app", app=app.slug if app.name == "new" else app.name)


def _summary(tx: Transaction, app: App) -> dict[str, Any]:
    """Return how an app stands as a whole, with the steps of its making until it is made."""
    is_made = app.status not in {AppStatus.PROVISIONING, AppStatus.FAILED}
    job = None if is_made else look.provision_job(tx, app)
    last = tx.glances.last_deployments([app.id]).get(app.id)
    return {
        "job": job,
        "steps": context().engine.steps(job) if job else (),
        "doing": job.status if job else JobStatus.COMPLETED,
        "state": _state(app, last),
    }


def _state(app: App, last: Deployment | None) -> tuple[str, str]:
    """Return the word for the title of the page, and what its icon shows: busy, failed or nothing."""
    if app.status in {AppStatus.PROVISIONING, AppStatus.DELETING}:
        return app.status, "busy"
    if app.status is not AppStatus.READY:
        return app.status, "failed"
    if last is None or last.status not in _BUSY | {Status.ERROR}:
        return "", ""
    return last.status, "busy" if last.status in _BUSY else "failed"


def _environments(tx: Transaction, app: App) -> dict[str, Any]:
    found = look.environments(tx, app)
    return {
        "columns": found.columns,
        "previews": found.previews,
        "targets_of": look.promotion_targets,
        "allowed": lambda targets: [it for it in targets if may(Act.RELEASE, app, it)],
    }


def _timeline(tx: Transaction, app: App) -> dict[str, Any]:
    asked = request.args.get("environment")
    environment = Environment(asked) if asked in set(Environment) else None
    found = look.timeline(tx, app, environment, request.args.get("cursor"), limit=_PER_PAGE)
    kept = {"environment": asked} if environment and asked else {}
    more = urlencode({**kept, "cursor": found.next_cursor}) if found.next_cursor else None
    return {
        "entries": found.entries,
        "environment": environment,
        "longest": max((_seconds(it.standing.deployment) for it in found.entries), default=0.0),
        "is_first": "cursor" not in request.args,
        "older": f"{address_of(app)}?{more}#timeline" if more else None,
        "can_be_shown": can_be_shown,
    }


def _seconds(deployment: Deployment) -> float:
    return sum(deployment.phases.values())


def _drift(tx: Transaction, app: App) -> dict[str, Any]:
    policy = app.heal or context().platform.heal
    drifts = [(it, healed_by(it.kind), it.may_be_healed(policy)) for it in tx.drifts.of([app.id])]
    return {"drifts": drifts, "policy": policy}


def _variables(tx: Transaction, app: App) -> dict[str, Any]:
    return {"variables": look.variables(tx, app), "has_gateway": context().platform.has_gateway}


def _activity(tx: Transaction, app: App) -> dict[str, Any]:
    return {"events": tx.events.page(Selection(app_id=app.id), limit=_RECENT)}


def _settings(tx: Transaction, app: App) -> dict[str, Any]:
    del tx, app
    return {"heals": list(Heal), "platform_heal": context().platform.heal}


# What each part of the page shows: the whole page asks for all, a part that is fetched again for its own.
_PARTS: Final[Mapping[str, Callable[[Transaction, App], dict[str, Any]]]] = {
    "summary": _summary,
    "environments": _environments,
    "timeline": _timeline,
    "drift": _drift,
    "variables": _variables,
    "activity": _activity,
    "settings": _settings,
}
