"""`/api/workers/{worker}/versions`: what versions of a worker say, and how one of them goes live again."""

from flask import Response, jsonify
from flask_openapi3.blueprint import APIBlueprint

from app.domain.rights import Act
from app.pipeline.workers_versions import restore_version, version_of, written_sources
from app.web.context import context
from app.web.errors import API_ERRORS, ErrorOut
from app.web.forms import require_object
from app.web.guard import actor, needs
from app.web.worker_forms import ReplacesIn, VersionPath
from app.web.worker_views import DeployedView, WrittenVersionView
from app.web.workers import deployed_body

api = APIBlueprint(
    "worker_versions",
    __name__,
    url_prefix="/api/workers",
    abp_security=[{"token": []}],
    abp_responses=API_ERRORS,
)
api.before_request(require_object)


@api.get("/<worker>/versions/<version>", responses={"200": WrittenVersionView})
@needs(Act.SEE)
def show_version(path: VersionPath) -> Response:
    """Show a version with its files, as they were written."""
    given = context()
    with given.records.read() as tx:
        worker, version = tx.workers.get(path.worker), version_of(tx, path.worker, path.version)
    sources = written_sources(version, given.bundles)
    return jsonify(WrittenVersionView.written(version, worker, sources, given.platform).body())


@api.post(
    "/<worker>/versions/<version>/restore",
    responses={"200": DeployedView, "409": ErrorOut, "413": ErrorOut, "422": ErrorOut},
)
@needs(Act.DEPLOY)
def restore(path: VersionPath, body: ReplacesIn) -> Response:
    """Put an earlier version's code and options up as the newest version."""
    given = context()
    with given.deploys.entered(f"restoring a version of worker {path.worker}"):
        deployed = restore_version(
            path.worker, path.version, actor=actor(), to=given.workshop, replaces=body.replaces
        )
    return jsonify(deployed_body(deployed))
