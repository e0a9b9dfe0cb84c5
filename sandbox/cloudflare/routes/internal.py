"""What workerd tells us; nobody else knows the token."""

import hmac

from flask import Blueprint, Response, request

from sandbox.cloudflare import errors
from sandbox.cloudflare.routes.body import json_object
from sandbox.cloudflare.routes.world import world

routes = Blueprint("internal", __name__)


@routes.before_request
def check_token() -> None:
    """Refuse everybody but workerd."""
    expected = f"Bearer {world().runtime.token}"
    if not hmac.compare_digest(request.headers.get("authorization", "").encode(), expected.encode()):
        raise errors.authentication_failed()


@routes.post("/internal/invocations")
def keep_invocations() -> Response:
    """Keep what a script logged and threw."""
    sent = json_object()
    for invocation in sent["invocations"]:
        world().logs.add(sent["namespace"], sent["script"], {**invocation, "version": sent["id"]})
    return Response(status=204)
