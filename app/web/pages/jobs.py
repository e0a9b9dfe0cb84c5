"""`/jobs`: the work that was asked for; `/jobs/<job>`: one of it, with its steps, to do again or to end."""

from typing import Any, Final
from urllib.parse import urlencode

from flask import Blueprint, Response, redirect, request

from app.domain.apps import App
from app.domain.events import Tag
from app.domain.jobs import Job, JobFilter, JobStatus, JobType
from app.domain.rights import Act
from app.errors import BranchlineError, InvalidInput
from app.pipeline.cancel import is_cancellable
from app.pipeline.known import known_app
from app.pipeline.retry import is_repeatable
from app.ports import Transaction
from app.web.context import context
from app.web.errors import refusal, status_of
from app.web.guard import caller, may, needs
from app.web.jobs import cancel_known, retry_known
from app.web.pages.event_rows import page_of, rows_of
from app.web.pages.shell import render
from app.web.sight import within

pages = Blueprint("pages_jobs", __name__)

_PER_PAGE: Final = 50
_MOST_FACTS: Final = 200
_DONE: Final = {
    "cancelling": "It begins no further step. It has failed as soon as a worker has seen that.",
    "retried": "Asked for again: this is the new job.",
}


@pages.get("/jobs")
@needs(Act.SEE)
def list_jobs() -> Response:
    """Show jobs, newest first."""
    asked = {name: request.args.get(name, "").strip() for name in ("app", "type", "status", "cursor")}
    owner, seen = within(asked["app"] or None)
    wanted = JobFilter(owner, _chosen(JobType, asked["type"]), _chosen(JobStatus, asked["status"]))
    with context().records.read() as tx:
        page = tx.jobs.list(wanted, reach=seen, cursor=asked["cursor"] or None, limit=_PER_PAGE)
        names = tx.glances.names({job.app_id for job in page.items})
    kept = {name: asked[name] for name in ("app", "type", "status") if asked[name]}
    more = urlencode({**kept, "cursor": page.next_cursor}) if page.next_cursor else None
    return render(
        "jobs.html",
        jobs=page.items,
        names=names,
        page_of=page_of,
        asked=asked,
        types=sorted(JobType),
        statuses=list(JobStatus),
        stream=f"/api/events/stream?{urlencode({'tag': 'job:', **_of_owner(wanted)})}",
        older=f"/jobs?{more}" if more else None,
        newest=f"/jobs?{urlencode(kept)}" if asked["cursor"] else None,
        is_filtered=bool(kept),
    )


@pages.get("/jobs/<job>")
@needs(Act.SEE)
def show_job(job: str) -> Response:
    """Show a job with its steps."""
    return _page(job)


@pages.post("/jobs/<job>/retry")
@needs(Act.DEPLOY)
def retry(job: str) -> Response:
    """Ask for what a failed job was asked for once more, and show the new job."""
    try:
        again = retry_known(job)
    except BranchlineError as error:
        return _page(job, error=refusal(error))
    return _to(f"/jobs/{again.id}?done=retried")


@pages.post("/jobs/<job>/cancel")
@needs(Act.DEPLOY)
def cancel(job: str) -> Response:
    """Let no further step of a job begin."""
    try:
        cancel_known(job)
    except BranchlineError as error:
        return _page(job, error=refusal(error))
    return _to(f"/jobs/{job}?done=cancelling")


def _page(job_id: str, *, error: BranchlineError | None = None) -> Response:
    """Return the page of a job, after an act that was refused with why. Raises NotFound."""
    given = context()
    with given.records.read() as tx:
        job = tx.jobs.get(job_id)
        shown = _shown(tx, job)
    return render(
        "job.html",
        status=200 if error is None else status_of(error),
        job=job,
        steps=given.engine.steps(job),
        can_retry=is_repeatable(job) and _may_act(job, shown["app"]),
        can_cancel=is_cancellable(job) and not shown["is_ending"] and _may_act(job, shown["app"]),
        error=error,
        done=_DONE.get(request.args.get("done", "")),
        **shown,
    )


def _shown(tx: Transaction, job: Job) -> dict[str, Any]:
    """Return what is known of a job beside it: whose it is, because of what, and what was done about it."""
    facts = tx.events.about(job.id, limit=_MOST_FACTS)
    asked = next((it for it in facts if it.tag == Tag.JOB_QUEUED), None)
    told = [it for it in facts if it.tag != Tag.JOB_STEP_COMPLETED]
    is_ending = any(it.tag == Tag.JOB_CANCEL_REQUESTED for it in facts)
    return {
        "app": known_app(tx, job.app_id),
        "owner_name": tx.glances.names([job.app_id]).get(job.app_id),
        "owner_url": page_of(job.app_id),
        "cause": rows_of(tx, [asked])[0] if asked is not None and asked.cause else None,
        "rows": rows_of(tx, told),
        "is_ending": is_ending,
    }


def _may_act(job: Job, app: App | None) -> bool:
    """Tell whether the caller may do something about a job; who sees one of a worker owns that."""
    if app is None:
        return caller().is_operator or job.app_id.startswith("wrk_")
    return may(Act.DELETE if job.type is JobType.DELETE else Act.DEPLOY, app)


def _chosen(kind: Any, word: str) -> Any:
    """Return the value that a word names; None for no word. Raises InvalidInput."""
    if not word:
        return None
    if word not in set(kind):
        raise InvalidInput(f"choosing jobs: {word[:60]} is none of {', '.join(kind)}")
    return kind(word)


def _of_owner(wanted: JobFilter) -> dict[str, str]:
    return {"app": wanted.app_id} if wanted.app_id else {}


def _to(url: str) -> Response:
    return redirect(url, 303)  # type: ignore[return-value] # Flask's own is one
