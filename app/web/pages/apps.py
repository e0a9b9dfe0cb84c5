"""`/`: all apps that the caller may see, with how each stands."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Final, TypeVar
from urllib.parse import urlencode

from flask import Blueprint, Response, request, url_for

from app.domain.apps import AppStatus
from app.domain.environments import Environment
from app.domain.rights import Act
from app.pipeline.listing import Filter, Listing, list_apps
from app.web.context import context
from app.web.guard import needs, reach
from app.web.pages.shell import render

pages = Blueprint("pages_apps", __name__)

PER_PAGE: Final = 50
_LONGEST_SEARCH: Final = 100
T = TypeVar("T", bound=StrEnum)


@pages.get("/")
@needs(Act.SEE)
def show_apps() -> Response:
    """Show the apps, newest first: those whose name holds `q`, of a `status`, live in an `environment`."""
    asked = request.args
    wanted = Filter(
        reach=reach(),
        search=asked.get("q", "").strip()[:_LONGEST_SEARCH] or None,
        status=_one_of(AppStatus, asked.get("status")),
        environment=_one_of(Environment, asked.get("environment")),
    )
    back, onward = asked.get("before"), asked.get("cursor")
    with context().records.read() as tx:
        listing = list_apps(tx, wanted, cursor=back or onward, is_back=bool(back), limit=PER_PAGE)
    return render(
        "apps.html",
        rows=listing.rows,
        wanted=wanted,
        is_filtered=any((wanted.search, wanted.status, wanted.environment)),
        statuses=_values(AppStatus),
        environments=_values(Environment),
        newer=_other_page(listing, is_back=True),
        older=_other_page(listing, is_back=False),
    )


def _other_page(listing: Listing, *, is_back: bool) -> str | None:
    """Return the address of the page beside this one, under the same filters."""
    cursor = listing.previous_cursor if is_back else listing.next_cursor
    if cursor is None:
        return None
    kept = {name: value for name in ("q", "status", "environment") if (value := request.args.get(name))}
    kept["before" if is_back else "cursor"] = cursor
    return f"{url_for('pages_apps.show_apps')}?{urlencode(kept)}"


def _one_of(kind: type[T], text: str | None) -> T | None:
    """Return a value by its name; a filter that nobody knows does not filter."""
    return kind(text) if text in set(kind) else None


def _values(kind: type[StrEnum]) -> Sequence[str]:
    return [it.value for it in kind]
