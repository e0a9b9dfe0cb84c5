"""What the site says about itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response

from sandbox.github import events
from sandbox.github.routes import incoming
from sandbox.github.site import current_site

if TYPE_CHECKING:
    from sandbox.github.rates import Rate

routes = Blueprint("meta", __name__)


@routes.get("/")
def root() -> dict[str, str]:
    """Name the entry points."""
    api = current_site().api_url
    return {
        "current_user_url": f"{api}/user",
        "rate_limit_url": f"{api}/rate_limit",
        "repository_url": f"{api}/repos/{{owner}}/{{repo}}",
        "organization_url": f"{api}/orgs/{{org}}",
        "user_url": f"{api}/users/{{user}}",
    }


@routes.get("/meta")
def meta() -> dict[str, Any]:
    """Say that this is an Enterprise Server without passwords."""
    return {"verifiable_password_authentication": False, "installed_version": "3.19.0"}


@routes.get("/zen")
def zen() -> Response:
    """Say something wise."""
    return Response(events.zen(), mimetype="text/plain")


@routes.get("/rate_limit")
def rate_limit() -> dict[str, Any]:
    """Tell what is left; asking is free."""
    site, token_id = current_site(), incoming.actor().token_id
    core, graphql = _left(site.budgets.look(token_id)), _left(site.points.look(token_id))
    search = core | {"used": 0, "remaining": core["limit"]}
    return {"resources": {"core": core, "search": search, "graphql": graphql}, "rate": core}


def _left(rate: Rate) -> dict[str, int]:
    return {"limit": rate.limit, "used": rate.used, "remaining": rate.remaining, "reset": rate.reset}
