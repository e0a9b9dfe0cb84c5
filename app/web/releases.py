"""What is live, decided by people: roll back, resume, promote, and run again."""

from flask import Response, jsonify
from flask_openapi3.blueprint import APIBlueprint

from app.domain.rights import Act
from app.pipeline.overview import standing
from app.pipeline.point import Decision, Released
from app.pipeline.promote import request_promotion
from app.pipeline.redeploy import request_redeploy
from app.pipeline.resume import resume
from app.pipeline.rollback import rollback
from app.web.context import context
from app.web.errors import API_ERRORS, ErrorOut
from app.web.forms import (
    AppPath,
    DeploymentPath,
    PromoteIn,
    RedeployIn,
    ResumeIn,
    RollbackIn,
    require_object,
)
from app.web.guard import actor, needs, require_in
from app.web.views import JobOfDeploymentView, ReleaseView

api = APIBlueprint(
    "releases",
    __name__,
    url_prefix="/api",
    abp_security=[{"token": []}],
    abp_responses={**API_ERRORS, "409": ErrorOut},
)
api.before_request(require_object)


@api.post("/apps/<app>/rollback", responses={"202": ReleaseView})
@needs(Act.RELEASE)
def roll_back(path: AppPath, body: RollbackIn) -> tuple[Response, int]:
    """Put an earlier deployment back and keep later pushes from going live, until somebody resumes."""
    require_in(body.environment, Act.RELEASE)
    with context().records.begin() as tx:
        return _accepted(rollback(tx, path.app, body.environment, body.to, _decision(body.by)))


@api.post("/apps/<app>/resume", responses={"202": ReleaseView})
@needs(Act.RELEASE)
def resume_pushes(path: AppPath, body: ResumeIn) -> tuple[Response, int]:
    """Let pushes go live again, and with them the newest that was built meanwhile."""
    require_in(body.environment, Act.RELEASE)
    with context().records.begin() as tx:
        return _accepted(resume(tx, path.app, body.environment, body.pull_request, _decision(body.by)))


@api.post("/deployments/<deployment>/promote", responses={"202": ReleaseView})
@needs(Act.RELEASE)
def promote_deployment(path: DeploymentPath, body: PromoteIn) -> tuple[Response, int]:
    """Have the very bytes of a deployment live in an environment."""
    require_in(body.environment, Act.RELEASE)
    with context().records.begin() as tx:
        return _accepted(request_promotion(tx, path.deployment, body.environment, _decision(body.by)))


@api.post("/deployments/<deployment>/redeploy", responses={"202": JobOfDeploymentView})
@needs(Act.DEPLOY)
def redeploy(path: DeploymentPath, body: RedeployIn) -> tuple[Response, int]:
    """Have a deployment's workflow run once more; what it makes is a new deployment."""
    given = context()
    with given.records.begin() as tx:
        deployment, job = request_redeploy(tx, path.deployment, _decision(body.by))
        view = JobOfDeploymentView.about(standing(tx, deployment), job, given.platform, given.clock())
    return jsonify(view.body()), 202


def _decision(by: str | None) -> Decision:
    return Decision(actor(by), context().clock(), context().platform)


def _accepted(released: Released) -> tuple[Response, int]:
    given = context()
    return jsonify(ReleaseView.of(released, given.platform, given.clock()).body()), 202
