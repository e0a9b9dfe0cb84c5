"""`/api/deployments`: look at one."""

from flask import Response, jsonify
from flask_openapi3.blueprint import APIBlueprint

from app.web.auth import require_token
from app.web.context import context
from app.web.errors import API_ERRORS
from app.web.forms import DeploymentPath
from app.web.views import DeploymentView

api = APIBlueprint(
    "deployments",
    __name__,
    url_prefix="/api/deployments",
    abp_security=[{"token": []}],
    abp_responses=API_ERRORS,
)
api.before_request(require_token)


@api.get("/<deployment>", responses={"200": DeploymentView})
def show_deployment(path: DeploymentPath) -> Response:
    """Show a deployment."""
    with context().records.read() as tx:
        deployment = tx.deployments.get(path.deployment)
    return jsonify(DeploymentView.of(deployment, context().platform).body())
