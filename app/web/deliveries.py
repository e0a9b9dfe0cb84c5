"""`/api/deliveries`: the inbox, for operators."""

from flask import Response, jsonify
from flask_openapi3.blueprint import APIBlueprint

from app.domain.deliveries import DeliveryFilter
from app.domain.rights import Act
from app.pipeline.accept import VERSION
from app.pipeline.replay import part_of, replay_one, replay_part
from app.web.context import context
from app.web.delivery_forms import DeliveriesQuery, ReplayIn, ReplayOneIn
from app.web.errors import API_ERRORS, ErrorOut
from app.web.forms import DeliveryPath, require_object
from app.web.guard import actor, needs
from app.web.views import DeliveriesView, DeliveryDetailView, DeliveryView
from app.web.views.deliveries import ReplayView

api = APIBlueprint(
    "deliveries",
    __name__,
    url_prefix="/api/deliveries",
    abp_security=[{"token": []}],
    abp_responses=API_ERRORS,
)
api.before_request(require_object)


@api.get("", responses={"200": DeliveriesView})
@needs(Act.OPERATE)
def list_deliveries(query: DeliveriesQuery) -> Response:
    """List the deliveries, newest first."""
    wanted = DeliveryFilter(query.status, query.source, query.event, query.since, query.until)
    with context().records.read() as tx:
        page = tx.deliveries.list(wanted, cursor=query.cursor, limit=query.limit)
    items = [DeliveryView.of(delivery) for delivery in page.items]
    return jsonify(DeliveriesView(items=items, next_cursor=page.next_cursor).body())


@api.get("/<guid>", responses={"200": DeliveryDetailView})
@needs(Act.OPERATE)
def show_delivery(path: DeliveryPath) -> Response:
    """Show a delivery with its body."""
    with context().records.read() as tx:
        delivery = tx.deliveries.get(path.guid)
    return jsonify(DeliveryDetailView.whole(delivery).body())


@api.post("/<guid>/replay", responses={"202": DeliveryView, "409": ErrorOut})
@needs(Act.OPERATE)
def replay_delivery(path: DeliveryPath, body: ReplayOneIn) -> tuple[Response, int]:
    """Have a delivery worked off again, now."""
    with context().records.begin() as tx:
        delivery = replay_one(tx, path.guid, actor=actor(body.by), at=context().clock())
    return jsonify(DeliveryView.of(delivery).body()), 202


@api.post("/replay", responses={"200": ReplayView, "202": ReplayView})
@needs(Act.OPERATE)
def replay_deliveries(body: ReplayIn) -> tuple[Response, int]:
    """Have the next part of what a filter finds worked off again; behind `next` begins the one after it."""
    given, wanted = context(), body.wanted(VERSION)
    if body.dry_run:
        with given.records.read() as tx:
            part = part_of(tx, wanted, after=body.after, limit=body.limit)
    else:
        with given.records.begin() as tx:
            part = replay_part(
                tx, wanted, after=body.after, limit=body.limit, actor=actor(body.by), at=given.clock()
            )
    view = ReplayView(number=part.number, next=part.next_after, dry_run=body.dry_run)
    return jsonify(view.body()), 200 if body.dry_run else 202
