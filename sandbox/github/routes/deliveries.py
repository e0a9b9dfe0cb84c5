"""Deliveries of hooks: list, look at, send again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from flask import Blueprint, g, request

from sandbox.github import clock
from sandbox.github.errors import not_found
from sandbox.github.routes import hooks, incoming
from sandbox.github.shapes import hooks as shapes
from sandbox.github.site import current_site

if TYPE_CHECKING:
    from sandbox.github.database import Row

routes = Blueprint("deliveries", __name__)
REPOSITORY = "/repos/<owner>/<repo>/hooks/<int:hook_id>/deliveries"
ORGANIZATION = "/orgs/<owner>/hooks/<int:hook_id>/deliveries"
_AGAIN = ("hook_id", "guid", "event", "action", "repository_id", "installation_id", "body")


@routes.get(REPOSITORY)
@routes.get(ORGANIZATION, defaults={"repo": None})
def index(owner: str, repo: str | None, hook_id: int) -> list[Any]:
    """List a hook's deliveries, newest first, in pages that a cursor separates."""
    return listed(hooks.found(owner, repo, hook_id))


def listed(hook: Row) -> list[Any]:
    """Return the asked page of a hook's deliveries."""
    size = min(max(request.args.get("per_page", incoming.PER_PAGE, int), 1), incoming.MOST_PER_PAGE)
    before = request.args.get("cursor", 2**62, int)
    query = (
        "SELECT * FROM deliveries WHERE hook_id = ? AND state = 'sent' AND id < ? ORDER BY id DESC LIMIT ?"
    )
    rows = current_site().database.all(query, hook["id"], before, size + 1)
    if len(rows) > size:
        arguments = request.args.to_dict() | {"cursor": str(rows[size - 1]["id"])}
        g.link = f'<{current_site().url}{request.path}?{urlencode(arguments)}>; rel="next"'
    return [shapes.delivery(row) for row in rows[:size]]


def found(hook: Row, delivery_id: int) -> Row:
    """Return one delivery of a hook.

    Raises: ApiError 404, also while it has not been sent.
    """
    query = "SELECT * FROM deliveries WHERE hook_id = ? AND id = ? AND state = 'sent'"
    row = current_site().database.one(query, hook["id"], delivery_id)
    if row is None:
        raise not_found()
    return row


@routes.get(f"{REPOSITORY}/<int:delivery_id>")
@routes.get(f"{ORGANIZATION}/<int:delivery_id>", defaults={"repo": None})
def show(owner: str, repo: str | None, hook_id: int, delivery_id: int) -> dict[str, Any]:
    """Show a delivery with its bodies."""
    row = found(hooks.found(owner, repo, hook_id), delivery_id)
    return shapes.full_delivery(row, f"{current_site().url}{request.path}")


@routes.post(f"{REPOSITORY}/<int:delivery_id>/attempts")
@routes.post(f"{ORGANIZATION}/<int:delivery_id>/attempts", defaults={"repo": None})
def redeliver(owner: str, repo: str | None, hook_id: int, delivery_id: int) -> tuple[dict[str, Any], int]:
    """Send a delivery again under its old GUID."""
    again(found(hooks.found(owner, repo, hook_id), delivery_id))
    return {}, 202


def again(row: Row) -> None:
    """Queue a delivery once more."""
    site = current_site()
    same = {name: row[name] for name in _AGAIN}
    site.database.insert("deliveries", **same, redelivery=1, state="waiting", created_at=clock.now())
    site.news.set()
