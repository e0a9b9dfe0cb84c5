"""`GET /metrics`: what an operator watches, in Prometheus' text form or, for who asks for it, OpenMetrics."""

from flask import Response, request
from prometheus_client.exposition import choose_encoder

from app.errors import NotFound
from app.web.auth import require_token
from app.web.context import context


def show() -> Response:
    """Answer with every metric, to whom BRANCHLINE_METRICS lets read them."""
    watched = context().watched
    if watched is None or watched.access == "off":
        raise NotFound("looking for metrics: BRANCHLINE_METRICS is off", code="request:not-found")
    if watched.access == "token":
        require_token()
    encode, content_type = choose_encoder(request.headers.get("Accept", ""))
    return Response(encode(watched.registry), content_type=content_type)
