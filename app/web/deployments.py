"""`/api/deployments`: look at one; a workflow run asks for one, with a proof of its own."""

from flask import Response, jsonify
from flask_openapi3.blueprint import APIBlueprint

from app.domain.rights import Act
from app.pipeline.overview import standing
from app.pipeline.start import start
from app.web.context import context
from app.web.errors import API_ERRORS, ErrorOut
from app.web.forms import DeploymentPath
from app.web.guard import needs
from app.web.messages import StartMessage
from app.web.plans import PlanView
from app.web.proofs import prove
from app.web.views import DeploymentView

api = APIBlueprint(
    "deployments",
    __name__,
    url_prefix="/api/deployments",
    abp_security=[{"token": []}],
    abp_responses=API_ERRORS,
)
runs = APIBlueprint(
    "runs",
    __name__,
    url_prefix="/api/deployments",
    abp_security=[{"run": []}],
    abp_responses={**API_ERRORS, "409": ErrorOut, "413": ErrorOut},
)


@api.get("/<deployment>", responses={"200": DeploymentView})
@needs(Act.SEE)
def show_deployment(path: DeploymentPath) -> Response:
    """Show a deployment."""
    given = context()
    with given.records.read() as tx:
        found = standing(tx, tx.deployments.get(path.deployment))
    return jsonify(DeploymentView.of(found, given.platform, given.clock()).body())


@runs.post("", responses={"200": PlanView})
def plan_deployment() -> Response:
    """Answer a workflow run that has built: where to deploy and with what, or why not."""
    given, proof = context(), prove()
    message, at = StartMessage.read(proof.body), given.clock()
    report = proof.report(message.report())
    with given.records.begin() as tx:
        proof.use(tx, report, "start", at)
        plan = start(tx, report, given.platform, at)
    if plan.refusal is not None:
        return jsonify(PlanView.refusing(plan.deployment, plan.refusal).body())
    access = given.grant(plan.deployment)
    view = PlanView.of(plan, access, uploads_by_itself=not given.platform.has_gateway)
    return jsonify(view.body())
