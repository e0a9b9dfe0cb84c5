"""`/api/apps/{app}/at`: what was live at a moment in the past."""

from flask import Response, jsonify
from flask_openapi3.blueprint import APIBlueprint
from pydantic import BaseModel, ConfigDict

from app.domain.rights import Act
from app.errors import InvalidInput
from app.pipeline.at import shown_at
from app.web.context import context
from app.web.errors import API_ERRORS
from app.web.forms import AppPath, Moment
from app.web.guard import needs
from app.web.views.moments import MomentView

api = APIBlueprint(
    "moments",
    __name__,
    url_prefix="/api/apps",
    abp_security=[{"token": []}],
    abp_responses=API_ERRORS,
)


class MomentQuery(BaseModel):
    """When, with a zone: `2026-11-22T12:00:00Z`; now, when nothing is said."""

    model_config = ConfigDict(extra="forbid")

    time: Moment | None = None


@api.get("/<app>/at", responses={"200": MomentView})
@needs(Act.SEE)
def show_moment(path: AppPath, query: MomentQuery) -> Response:
    """Show what was live of an app at a moment."""
    given = context()
    now = given.clock()
    if query.time is not None and query.time > now:
        raise InvalidInput("looking at what was live: that time is still to come")
    with given.records.read() as tx:
        moment = shown_at(tx, tx.apps.get(path.app), query.time or now)
        view = MomentView.of(moment, given.platform)
    return jsonify(view.body())
