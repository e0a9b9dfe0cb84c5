"""`/deployments/<deployment>`: its steps, log and changes, what its scripts say, what may be done about it.

What GitHub and Cloudflare have to be asked for is fetched after the page, part by part. With the log in it
the page is at `/deployments/<deployment>/log`, for who reads without scripts.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urlencode

from flask import Blueprint, Response, redirect, request

from app.domain.apps import App, AppStatus
from app.domain.deployments import UNFINISHED, Deployment
from app.domain.releases import can_be_shown
from app.domain.rights import Act
from app.errors import BranchlineError, Conflict, Gone
from app.pipeline.build import Build, build_of
from app.pipeline.changes import span_of
from app.pipeline.known import known_app
from app.pipeline.look import promotion_targets
from app.pipeline.overview import Standing, days_until, standing
from app.pipeline.restore import request_restore
from app.ports import Transaction
from app.render.build_log import excerpt, visible
from app.web.context import context
from app.web.errors import refusal, status_of
from app.web.guard import actor, may, needs
from app.web.looking import comparison_of, jobs_of, log_of, said_by, scripts_of
from app.web.pages.event_rows import rows_of
from app.web.pages.shell import render, wanted_part

pages = Blueprint("pages_deployment", __name__)

# How soon a part that goes on is fetched again, in seconds.
_AGAIN: Final = 4
_AGAIN_SAID: Final = 5
_AGAIN_AWAY: Final = 15
_MOST_FACTS: Final = 60
_DONE: Final = {
    "restoring": "Putting its own address up again, with the same bytes.",
    "restored": "Its own address answers already.",
}


@pages.get("/deployments/<deployment>")
@needs(Act.SEE)
def show_deployment(deployment: str) -> Response:
    """Show a deployment, or one part of its page."""
    return _page(deployment)


@pages.get("/deployments/<deployment>/log")
@needs(Act.SEE)
def show_log(deployment: str) -> Response:
    """Show a deployment with its log, and its steps, in the page."""
    return _page(deployment, is_whole=True)


@pages.post("/deployments/<deployment>/restore")
@needs(Act.RELEASE)
def restore(deployment: str) -> Response:
    """Have a deployment answer at its own address again."""
    try:
        with context().records.begin() as tx:
            job = request_restore(tx, deployment, actor=actor())[1]
    except BranchlineError as error:
        return _page(deployment, error=refusal(error))
    done = urlencode({"done": "restoring" if job else "restored"})
    return redirect(f"/deployments/{deployment}?{done}", 303)  # type: ignore[return-value] # Flask's own is one


def _page(deployment_id: str, *, is_whole: bool = False, error: BranchlineError | None = None) -> Response:
    """Return the page, or its part, after an act that was refused with why. Raises NotFound."""
    given, part = context(), wanted_part() if error is None else None
    with given.records.read() as tx:
        deployment = tx.deployments.get(deployment_id)
        shown = _known(tx, deployment)
    later = _whole(part) if is_whole or part is not None else []
    for name in later:
        shown |= _asked(name, shown)
    return render(
        "deployment.html",
        status=200 if error is None else status_of(error),
        deployment=deployment,
        inline=frozenset(later),
        error=error,
        done=_DONE.get(request.args.get("done", "")),
        days_until=lambda moment: days_until(moment, given.clock()),
        Act=Act,
        visible=visible,
        **shown,
    )


def _whole(part: str | None) -> list[str]:
    """Return which parts others are asked for: the one that is wanted, or those of the whole page."""
    if part is None:
        return ["build", "changes", "log"]
    return [part] if part in _ASKED else []


def _known(tx: Transaction, deployment: Deployment) -> dict[str, Any]:
    """Return what we know ourselves: everything that is shown at once."""
    state, app = standing(tx, deployment), known_app(tx, deployment.app_id)
    span = span_of(tx, deployment)
    return {
        "app": app,
        "state": state,
        "span": span,
        "build": _build(tx, deployment),
        "rows": rows_of(tx, tx.events.about(deployment.id, limit=_MOST_FACTS)),
        "is_busy": deployment.status in UNFINISHED,
        "immutable_url": _immutable_url(deployment),
        "compare_url": _compare_url(app, span.before.commit if span else None, deployment.commit),
        **_acts(app, state),
    }


def _build(tx: Transaction, deployment: Deployment) -> Build | None:
    try:
        return build_of(tx, deployment)
    except Gone:
        return None


def _immutable_url(deployment: Deployment) -> str | None:
    own = deployment.own_script if deployment.has_own_address else None
    return context().platform.addresses.of(own).url if own else None


def _compare_url(app: App | None, base: str | None, head: str) -> str | None:
    if app is None or app.repository is None or base is None:
        return None
    return f"{app.repository.html_url}/compare/{base}...{head}"


def _acts(app: App | None, state: Standing) -> dict[str, Any]:
    """Return what the caller may do about it as it stands; nothing of an app that is gone, or on its way."""
    deployment = state.deployment
    is_settled = app is not None and app.status not in {AppStatus.PROVISIONING, AppStatus.DELETING}
    if app is None or not is_settled:
        return {"targets": (), "can_roll_back": False, "can_redeploy": False, "can_restore": False}
    may_release = may(Act.RELEASE, app, deployment.environment)
    may_go_back = can_be_shown(deployment) and not state.is_live and deployment.environment != "preview"
    has_run = deployment.promoted_from is None and not deployment.is_from_fork
    return {
        "targets": [it for it in promotion_targets(deployment) if may(Act.RELEASE, app, it)],
        "can_roll_back": may_go_back and may_release,
        "can_redeploy": has_run and deployment.is_finished and may(Act.DEPLOY, app),
        "can_restore": state.can_be_restored and may(Act.RELEASE, app),
    }


def _asked(part: str, shown: Mapping[str, Any]) -> dict[str, Any]:
    """Return what others tell; when they cannot, why, and when to ask again."""
    try:
        return {"trouble": None, "again": None, **_ASKED[part](shown)}
    except (Gone, Conflict) as error:
        return {"trouble": error, "again": None, f"{part}_found": None}
    except BranchlineError as error:
        return {"trouble": refusal(error), "again": _AGAIN_AWAY, f"{part}_found": None}


def _steps(shown: Mapping[str, Any]) -> dict[str, Any]:
    build = shown["build"]
    if build is None:
        return {"build_found": None}
    jobs = jobs_of(build)
    is_over = build.is_over and all(job.is_over for job in jobs)
    return {"build_found": jobs, "again": None if is_over else _AGAIN}


def _log(shown: Mapping[str, Any]) -> dict[str, Any]:
    build, asked = shown["build"], request.args.get("from", "")
    if build is None:
        return {"log_found": None}
    try:
        with log_of(build) as chunks:
            text = b"".join(chunks).decode("utf-8", "replace")
    except Conflict as going_on:
        return {"log_found": None, "trouble": going_on, "again": _AGAIN}
    first = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 10 else None  # noqa: PLR2004
    return {"log_found": excerpt(text, first), "again": None if build.is_over else _AGAIN_AWAY}


def _changes(shown: Mapping[str, Any]) -> dict[str, Any]:
    span = shown["span"]
    if span is None or span.full_name is None:
        return {"changes_found": None}
    return {"changes_found": comparison_of(span.full_name, span)}


def _runtime(shown: Mapping[str, Any]) -> dict[str, Any]:
    scripts = scripts_of(shown["state"])
    if not scripts:
        return {"runtime_found": None}
    return {"runtime_found": said_by(scripts), "again": _AGAIN_SAID}


_ASKED: Final[Mapping[str, Callable[[Mapping[str, Any]], dict[str, Any]]]] = {
    "build": _steps,
    "log": _log,
    "changes": _changes,
    "runtime": _runtime,
}
