"""`/api/drift`, `/api/reconcile` and what an app has of both: what differs, looking for it, healing it."""

from flask import Response, jsonify
from flask_openapi3.blueprint import APIBlueprint

from app.domain.rights import Act
from app.pipeline.known import standing_app
from app.pipeline.reconcile import estimate, request_pass, request_reconcile
from app.ports import Transaction
from app.web.context import context
from app.web.errors import API_ERRORS, ErrorOut
from app.web.forms import AppPath, LookIn, PageQuery, PassIn, require_object
from app.web.guard import actor, needs, reach
from app.web.views.drift import (
    AppDriftView,
    DriftsView,
    DriftView,
    EstimateView,
    LookView,
    PassView,
)

api = APIBlueprint(
    "drift",
    __name__,
    url_prefix="/api",
    abp_security=[{"token": []}],
    abp_responses=API_ERRORS,
)
api.before_request(require_object)


@api.get("/drift", responses={"200": DriftsView})
@needs(Act.SEE)
def list_drift(query: PageQuery) -> Response:
    """List all open drift, found last first."""
    within = reach()
    with context().records.read() as tx:
        page = tx.drifts.list(cursor=query.cursor, limit=query.limit, reach=within)
    items = [DriftView.of(drift) for drift in page.items]
    return jsonify(DriftsView(items=items, next_cursor=page.next_cursor).body())


@api.get("/apps/<app>/drift", responses={"200": AppDriftView})
@needs(Act.SEE)
def show_drift(path: AppPath) -> Response:
    """Show the open drift of an app, as it was seen last."""
    with context().records.read() as tx:
        app = tx.apps.get(path.app)
        items = [DriftView.of(drift) for drift in tx.drifts.of([app.id])]
    policy = app.heal or context().platform.heal
    return jsonify(AppDriftView(app_id=app.id, heal=policy, items=items).body())


@api.post("/apps/<app>/drift", responses={"202": LookView, "409": ErrorOut})
@needs(Act.RECONCILE)
def look_for_drift(path: AppPath, body: LookIn) -> tuple[Response, int]:
    """Look now what drifted of an app, and heal what its policy allows, or as far as `heal` says."""
    with context().records.begin() as tx:
        app = standing_app(tx, path.app, "looking for drift of")
        job = request_reconcile(tx, app, actor=actor(), heal=body.heal)
    return jsonify(LookView.of(job, context().platform).body()), 202


@api.get("/reconcile", responses={"200": EstimateView})
@needs(Act.OPERATE)
def show_estimate() -> Response:
    """Tell what a pass over everything would take."""
    with context().records.read() as tx:
        return jsonify(_estimate(tx).body())


@api.post("/reconcile", responses={"202": PassView})
@needs(Act.OPERATE)
def begin_pass(body: PassIn) -> tuple[Response, int]:
    """Begin a pass over everything, or tell of the one that is under way."""
    del body  # it is empty
    given = context()
    with given.records.begin() as tx:
        job, reckoned = request_pass(tx, actor=actor()), _estimate(tx)
    look = LookView.of(job, given.platform)
    view = PassView(app_id=look.app_id, job_id=look.job_id, poll_url=look.poll_url, estimate=reckoned)
    return jsonify(view.body()), 202


def _estimate(tx: Transaction) -> EstimateView:
    return EstimateView.of(estimate(tx, len(context().platform.all_namespaces)))
