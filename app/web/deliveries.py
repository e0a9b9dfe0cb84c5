"""`/api/deliveries`: the inbox, for operators."""

from flask import Response, jsonify
from flask_openapi3.blueprint import APIBlueprint

from app.web.auth import require_token
from app.web.context import context
from app.web.errors import API_ERRORS
from app.web.forms import DeliveryPath, PageQuery
from app.web.views import DeliveriesView, DeliveryDetailView, DeliveryView

api = APIBlueprint(
    "deliveries",
    __name__,
    url_prefix="/api/deliveries",
    abp_security=[{"token": []}],
    abp_responses=API_ERRORS,
)
api.before_request(require_token)


@api.get("", responses={"200": DeliveriesView})
def list_deliveries(query: PageQuery) -> Response:
    """List the deliveries, newest first."""
    with context().records.read() as tx:
        page = tx.deliveries.list(cursor=query.cursor, limit=query.limit)
    items = [DeliveryView.of(delivery) for delivery in page.items]
    return jsonify(DeliveriesView(items=items, next_cursor=page.next_cursor).body())


@api.get("/<guid>", responses={"200": DeliveryDetailView})
def show_delivery(path: DeliveryPath) -> Response:
    """Show a delivery with its body."""
    with context().records.read() as tx:
        delivery = tx.deliveries.get(path.guid)
    return jsonify(DeliveryDetailView.whole(delivery).body())
