"""`POST /api/deliveries/redeliver`: have what was missed looked for now instead of within the minute."""

from flask import Response, jsonify
from flask_openapi3.blueprint import APIBlueprint
from pydantic import BaseModel, ConfigDict

from app.domain.jobs import JobType
from app.domain.rights import Act
from app.pipeline.redeliver import ALL_APPS
from app.web.context import context
from app.web.errors import API_ERRORS
from app.web.forms import Moment, require_object
from app.web.guard import actor, needs
from app.web.views.base import View

api = APIBlueprint(
    "redelivery",
    __name__,
    url_prefix="/api/deliveries",
    abp_security=[{"token": []}],
    abp_responses=API_ERRORS,
)
api.before_request(require_object)


class RedeliverIn(BaseModel):
    """Since when GitHub's list is to be read again; it sends nothing again that is older than three days."""

    model_config = ConfigDict(extra="forbid", strict=False)

    since: Moment | None = None


class RedeliveryView(View):
    """The job that looks."""

    job_id: str


@api.post("/redeliver", responses={"202": RedeliveryView})
@needs(Act.OPERATE)
def redeliver(body: RedeliverIn) -> tuple[Response, int]:
    """Compare what GitHub says it sent with what was received, and have it send again what is missing."""
    arguments = {"since": body.since.isoformat()} if body.since else {}
    with context().records.begin() as tx:
        job = tx.jobs.enqueue(JobType.REDELIVER, ALL_APPS, arguments, actor=actor())
    return jsonify(RedeliveryView(job_id=job.id).body()), 202
