"""`/api/jobs`: how work goes, doing it once more, ending it."""

from flask import Response, jsonify
from flask_openapi3.blueprint import APIBlueprint

from app.domain.jobs import Job, JobFilter, JobType
from app.domain.rights import Act
from app.pipeline.cancel import request_cancel
from app.pipeline.known import known_app
from app.pipeline.retry import retry
from app.web.context import context
from app.web.errors import API_ERRORS, ErrorOut
from app.web.forms import JobPath, require_object
from app.web.guard import actor, needs, require
from app.web.job_forms import JobActIn, JobsQuery
from app.web.sight import within
from app.web.views import JobBegunView, JobSummaryView, JobsView, JobView

api = APIBlueprint(
    "jobs",
    __name__,
    url_prefix="/api/jobs",
    abp_security=[{"token": []}],
    abp_responses=API_ERRORS,
)
api.before_request(require_object)


@api.get("", responses={"200": JobsView})
@needs(Act.SEE)
def list_jobs(query: JobsQuery) -> Response:
    """List jobs, newest first."""
    owner, seen = within(query.app)
    wanted = JobFilter(owner, query.type, query.status)
    with context().records.read() as tx:
        page = tx.jobs.list(wanted, reach=seen, cursor=query.cursor, limit=query.limit)
    items = [JobSummaryView.of(job) for job in page.items]
    return jsonify(JobsView(items=items, next_cursor=page.next_cursor).body())


@api.get("/<job>", responses={"200": JobView})
@needs(Act.SEE)
def show_job(path: JobPath) -> Response:
    """Show a job with its steps."""
    with context().records.read() as tx:
        job = tx.jobs.get(path.job)
    return jsonify(JobView.whole(job, context().engine.steps(job)).body())


@api.post("/<job>/retry", responses={"202": JobBegunView, "409": ErrorOut, "410": ErrorOut})
@needs(Act.DEPLOY)
def retry_job(path: JobPath, body: JobActIn) -> tuple[Response, int]:
    """Ask for what a failed job was asked for once more, as a new job."""
    again = retry_known(path.job, body.by)
    poll_url = f"{context().platform.url}/api/jobs/{again.id}"
    return jsonify(JobBegunView(app_id=again.app_id, job_id=again.id, poll_url=poll_url).body()), 202


@api.post("/<job>/cancel", responses={"202": JobSummaryView, "409": ErrorOut})
@needs(Act.DEPLOY)
def cancel_job(path: JobPath, body: JobActIn) -> tuple[Response, int]:
    """Let no further step of a job begin; it has failed when a jobs process has seen that."""
    return jsonify(JobSummaryView.of(cancel_known(path.job, body.by)).body()), 202


def retry_known(job_id: str, by: str | None = None) -> Job:
    """Retry a job for who asks. Raises what `retry` raises, and NotAllowed."""
    given = context()
    _require_what_it_takes(job_id)
    with given.records.begin() as tx:
        return retry(tx, job_id, actor=actor(by), at=given.clock())


def cancel_known(job_id: str, by: str | None = None) -> Job:
    """Cancel a job for who asks: first it is written down, then the engine is told."""
    given = context()
    with given.records.begin() as tx:
        job = request_cancel(tx, job_id, actor=actor(by), at=given.clock())
    given.engine.cancel(job.id)
    return job


def _require_what_it_takes(job_id: str) -> None:
    """Refuse to have an app deleted by who could not ask for that. Raises NotAllowed."""
    with context().records.read() as tx:
        job = tx.jobs.get(job_id)
        app = known_app(tx, job.app_id)
    if job.type is JobType.DELETE and app is not None:
        require(Act.DELETE, app)
