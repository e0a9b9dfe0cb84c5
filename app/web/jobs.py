"""`/api/jobs`: how long work goes."""

from flask import Response, jsonify
from flask_openapi3.blueprint import APIBlueprint

from app.domain.rights import Act
from app.web.context import context
from app.web.errors import API_ERRORS
from app.web.forms import JobPath
from app.web.guard import needs
from app.web.views import JobView

api = APIBlueprint(
    "jobs",
    __name__,
    url_prefix="/api/jobs",
    abp_security=[{"token": []}],
    abp_responses=API_ERRORS,
)


@api.get("/<job>", responses={"200": JobView})
@needs(Act.SEE)
def show_job(path: JobPath) -> Response:
    """Show a job with its steps."""
    with context().records.read() as tx:
        job = tx.jobs.get(path.job)
    return jsonify(JobView.of(job, context().engine.steps(job)).body())
