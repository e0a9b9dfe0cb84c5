"""What became of an address: asked by the dispatch worker when there is no script, and `restore`."""

from datetime import datetime
from typing import Annotated, Final, Literal

from flask import Response, jsonify
from flask_openapi3.blueprint import APIBlueprint
from pydantic import BaseModel, ConfigDict, StringConstraints

from app.domain.deployments import Deployment
from app.domain.rights import Act
from app.pipeline.restore import request_restore
from app.pipeline.workers_expire import expired_script_at
from app.ports import Transaction
from app.web.context import context
from app.web.errors import API_ERRORS, COMMON_ERRORS, ErrorOut
from app.web.forms import DeploymentPath
from app.web.guard import actor, needs
from app.web.views import View

addresses = APIBlueprint("addresses", __name__, url_prefix="/addresses", abp_responses=COMMON_ERRORS)
restores = APIBlueprint(
    "restores",
    __name__,
    url_prefix="/api/deployments",
    abp_security=[{"token": []}],
    abp_responses=API_ERRORS,
)

# The dispatch worker asks for whatever a visitor types, so that an answer is good for a while.
_CACHE: Final = "public, max-age=30"


class ScriptPath(BaseModel):
    """`script` is the name of a script, the first label of its address."""

    model_config = ConfigDict(extra="forbid")

    script: Annotated[str, StringConstraints(min_length=1, max_length=63)]


class AddressView(View):
    """What is known of an address that does not answer; of one that never did, nothing.

    `kind` says what expired, because each is brought back in another way.
    """

    state: Literal["expired", "unknown"]
    expired_at: datetime | None = None
    kind: Literal["deployment", "worker"] | None = None


class RestoreView(View):
    """Where a deployment answers again, and the job that sees to it."""

    deployment: str
    immutable_url: str | None
    job_id: str | None
    poll_url: str | None


@addresses.get("/<script>", responses={"200": AddressView})
def show_address(path: ScriptPath) -> Response:
    """Tell whether an address that does not answer did so once; anybody may ask, nobody learns a name."""
    with context().records.read() as tx:
        view = _state(tx, path.script)
    response = jsonify(view.body())
    response.headers["Cache-Control"] = _CACHE
    return response


@restores.post("/<deployment>/restore", responses={"200": RestoreView, "202": RestoreView, "409": ErrorOut})
@needs(Act.DEPLOY)
def restore_deployment(path: DeploymentPath) -> tuple[Response, int]:
    """Have a deployment answer at its own address again; 200 when it does already."""
    given = context()
    with given.records.begin() as tx:
        deployment, job = request_restore(tx, path.deployment, actor=actor())
    poll_url = f"{given.platform.url}/api/jobs/{job.id}" if job else None
    view = RestoreView(
        deployment=deployment.id,
        immutable_url=_own_url(deployment),
        job_id=job.id if job else None,
        poll_url=poll_url,
    )
    return jsonify(view.body()), 202 if job else 200


def _own_url(deployment: Deployment) -> str | None:
    own = deployment.own_script
    return context().platform.addresses.of(own).url if own else None


def _state(tx: Transaction, script: str) -> AddressView:
    ended_at = _deployment_ended_at(tx, script)
    if ended_at is not None:
        return AddressView(state="expired", expired_at=ended_at, kind="deployment")
    ended_at = expired_script_at(tx, script)
    if ended_at is not None:
        return AddressView(state="expired", expired_at=ended_at, kind="worker")
    return AddressView(state="unknown")


def _deployment_ended_at(tx: Transaction, script: str) -> datetime | None:
    alias = tx.aliases.get(script)
    if alias is not None and alias.expired_at is not None:
        return alias.expired_at
    deployment = tx.own_scripts.by_name(script)
    if deployment is not None and deployment.bundle is not None:
        return deployment.retired_at
    return None
