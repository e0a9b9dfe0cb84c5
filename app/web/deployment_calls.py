"""`/api/deployments/{deployment}`: call functions of an app, as that deployment has them.

The answers, the events and how they are gone on with are those of workers (`invocations`).
"""

from typing import Any, Final

from flask import Response, jsonify
from flask_openapi3.blueprint import APIBlueprint

from app.domain.rights import Act
from app.pipeline.invoke_deployment import DEFAULTS, DeployedCallee, deployed_callee, functions_of
from app.web.calling import answered, resumed, streamed
from app.web.context import context
from app.web.errors import API_ERRORS, ErrorOut
from app.web.event_stream import DESCRIBED
from app.web.forms import DeploymentPath
from app.web.guard import needs
from app.web.invocation_forms import DeployedFunctionPath, DeployedInvocationPath
from app.web.invocation_views import REFUSALS, FunctionsView, InvokedView

_FORM: Final[dict[str, Any]] = {"url_prefix": "/api/deployments", "abp_security": [{"token": []}]}
api = APIBlueprint("deployment_calls", __name__, abp_responses=API_ERRORS, **_FORM)


@api.get("/<deployment>/functions", responses={"200": FunctionsView, "409": ErrorOut, "410": ErrorOut})
@needs(Act.INVOKE)
def list_functions(path: DeploymentPath) -> Response:
    """List the functions that can be called there, as they are told there."""
    given = context()
    with given.invoking.gate.entered("listing functions"):
        names = functions_of(_callee(path), given.workshop.endpoints)
    return jsonify(FunctionsView(functions=list(names)).body())


@api.post("/<deployment>/functions/<function>", responses={"200": InvokedView, **REFUSALS})
@needs(Act.INVOKE)
def invoke_function(path: DeployedFunctionPath) -> Response:
    """Call a function with the body, JSON of any type or none, and answer as the app does."""
    called = _callee(path)
    return answered(called.deployment.id, called, path.function, DEFAULTS.max_payload_bytes)


@api.post("/<deployment>/invoke/<function>", responses={"200": DESCRIBED, **REFUSALS})
@needs(Act.INVOKE)
def stream_function(path: DeployedFunctionPath) -> Response:
    """Call a function with the body, and answer with its events as they come."""
    called = _callee(path)
    place = f"/api/deployments/{called.deployment.id}"
    return streamed(called.deployment.id, called, path.function, DEFAULTS.max_payload_bytes, place=place)


@api.get(
    "/<deployment>/invocations/<invocation>/events",
    responses={"200": DESCRIBED, "410": ErrorOut},
)
@needs(Act.INVOKE)
def resume_stream(path: DeployedInvocationPath) -> Response:
    """Go on with an invocation's events, behind the one of `Last-Event-ID` or with the first that is kept."""
    with context().records.read() as tx:
        deployment = tx.deployments.get(path.deployment)
    return resumed(deployment.id, path.invocation)


def _callee(path: DeploymentPath) -> DeployedCallee:
    given = context()
    with given.records.read() as tx:
        return deployed_callee(tx, path.deployment, given.vault)
