"""`/api/apps/{app}/pulls/{number}/preview`: have one commit of a fork's pull request shown."""

from flask import Response, jsonify
from flask_openapi3.blueprint import APIBlueprint

from app.domain.environments import Environment
from app.domain.names import script_name
from app.domain.rights import Act
from app.pipeline.approve import request_preview
from app.web.context import context
from app.web.errors import API_ERRORS, ErrorOut
from app.web.forms import PreviewIn, PullRequestPath, require_object
from app.web.guard import actor, needs
from app.web.views import ApprovalView

api = APIBlueprint(
    "previews",
    __name__,
    url_prefix="/api/apps",
    abp_security=[{"token": []}],
    abp_responses={**API_ERRORS, "409": ErrorOut},
)
api.before_request(require_object)


@api.post("/<app>/pulls/<number>/preview", responses={"202": ApprovalView})
@needs(Act.PREVIEW)
def approve_preview(path: PullRequestPath, body: PreviewIn) -> tuple[Response, int]:
    """Approve the newest commit of a fork's pull request, which is shown when its run has ended well."""
    given = context()
    with given.records.begin() as tx:
        approval, job = request_preview(
            tx, path.app, path.number, body.commit, actor=actor(body.by), at=given.clock()
        )
        slug = tx.apps.get(approval.app_id).slug
    script = script_name(slug, Environment.PREVIEW, path.number, is_from_fork=True)
    return jsonify(ApprovalView.of(approval, script, job, given.platform).body()), 202
