"""`/api/deployments/{deployment}`: what its run did and wrote, what it changed, what its scripts say."""

from contextlib import ExitStack

from flask import Response, jsonify
from flask_openapi3.blueprint import APIBlueprint

from app.domain.rights import Act
from app.errors import Gone
from app.pipeline.build import build_of
from app.pipeline.changes import span_of
from app.pipeline.overview import standing
from app.web.context import context
from app.web.errors import API_ERRORS, ErrorOut
from app.web.forms import DeploymentPath
from app.web.guard import needs
from app.web.looking import comparison_of, jobs_of, log_of, said_by, scripts_of
from app.web.views.builds import BuildView, DifferenceView, RuntimeLogsView

api = APIBlueprint(
    "builds",
    __name__,
    url_prefix="/api/deployments",
    abp_security=[{"token": []}],
    abp_responses={**API_ERRORS, "410": ErrorOut, "502": ErrorOut},
)
_HARMLESS = {"Cache-Control": "private, no-store", "X-Content-Type-Options": "nosniff"}


@api.get("/<deployment>/build", responses={"200": BuildView})
@needs(Act.SEE)
def show_build(path: DeploymentPath) -> Response:
    """Show the jobs and steps of the run that built a deployment."""
    with context().records.read() as tx:
        build = build_of(tx, tx.deployments.get(path.deployment))
    return jsonify(BuildView.of(build, jobs_of(build)).body())


@api.get("/<deployment>/log", responses={"200": {"content": {"text/plain": {}}}, "409": ErrorOut})
@needs(Act.SEE)
def download_log(path: DeploymentPath) -> Response:
    """Download what the run that built a deployment wrote."""
    with context().records.read() as tx:
        build = build_of(tx, tx.deployments.get(path.deployment))
    with ExitStack() as opening:
        chunks = opening.enter_context(log_of(build))
        opened = opening.pop_all()
    answer = Response(chunks, content_type="text/plain; charset=utf-8", headers=_HARMLESS)
    answer.headers.set("Content-Disposition", "attachment", filename=f"{build.deployment_id}.log")
    answer.call_on_close(opened.close)
    return answer


@api.get("/<deployment>/changes", responses={"200": DifferenceView})
@needs(Act.SEE)
def show_changes(path: DeploymentPath) -> Response:
    """Show what a deployment brought that the one before it at its address did not have."""
    with context().records.read() as tx:
        span = span_of(tx, tx.deployments.get(path.deployment))
    if span is None:
        return jsonify(DifferenceView.none().body())
    if span.full_name is None:
        raise Gone(f"comparing {path.deployment}: its repository is gone", code="app:deleted")
    return jsonify(DifferenceView.of(span, comparison_of(span.full_name, span)).body())


@api.get("/<deployment>/runtime-logs", responses={"200": RuntimeLogsView})
@needs(Act.SEE)
def show_runtime_logs(path: DeploymentPath) -> Response:
    """Show what the scripts of a deployment said within the last hour."""
    with context().records.read() as tx:
        scripts = scripts_of(standing(tx, tx.deployments.get(path.deployment)))
    return jsonify(RuntimeLogsView.of(scripts, said_by(scripts)).body())
