"""Who am I: user, token, accounts and memberships, as `wrangler whoami` asks."""

from flask import Blueprint, Response

from sandbox.cloudflare import errors
from sandbox.cloudflare.envelope import ok, page
from sandbox.cloudflare.model import Json
from sandbox.cloudflare.routes.world import world

routes = Blueprint("accounts", __name__)
_CREATED = "2026-01-01T00:00:00.000000Z"
_NAME = "Branchline sandbox"


@routes.get("/user/tokens/verify")
@routes.get("/accounts/<account_id>/tokens/verify")
def verify_token(account_id: str = "") -> Response:  # noqa: ARG001 - checked by the gate
    """Say that the token, which the gate has let through, is active."""
    return ok({"id": world().user_id, "status": "active"})


@routes.get("/user")
def user() -> Response:
    """Describe the token's user."""
    return ok(
        {"id": world().user_id, "email": "developer@localhost", "username": "developer", "suspended": False}
    )


@routes.get("/accounts")
def accounts() -> Response:
    """List the one account."""
    return page([_account()])


@routes.get("/accounts/<account_id>")
def account(account_id: str) -> Response:  # noqa: ARG001 - checked by the gate
    """Describe the account."""
    return ok(_account())


@routes.get("/memberships")
def memberships() -> Response:
    """List the user's membership in the one account."""
    membership = {
        "id": world().user_id,
        "status": "accepted",
        "account": _account(),
        "roles": ["Administrator"],
    }
    return page([membership])


@routes.get("/accounts/<account_id>/workers/scripts/<path:script>")
@routes.get("/accounts/<account_id>/workers/services/<path:script>")
def ordinary_worker(account_id: str, script: str) -> Response:  # noqa: ARG001
    """Refuse: there are no Workers outside dispatch namespaces. wrangler asks, and goes on at this code."""
    raise errors.worker_not_found()


def _account() -> Json:
    settings = {"enforce_twofactor": False}
    return {
        "id": world().gate.account_id,
        "name": _NAME,
        "type": "standard",
        "settings": settings,
        "created_on": _CREATED,
    }
