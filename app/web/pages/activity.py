"""`/activity`: what happened to everything that one may see, as it comes about."""

from typing import Any, Final
from urllib.parse import urlencode

from flask import Blueprint, Response, request

from app.domain.events import Place, Selection
from app.domain.rights import Act
from app.errors import InvalidInput
from app.ports import Transaction
from app.web.context import context
from app.web.guard import needs
from app.web.pages.event_rows import groups, rows_of
from app.web.pages.shell import render
from app.web.sight import within

pages = Blueprint("pages_activity", __name__)

_PER_PAGE: Final = 50
# Jobs tell each of their steps, and would drown what people did.
_USUAL: Final = "-job:"
_EVERYTHING: Final = "all"


@pages.get("/activity")
@needs(Act.SEE)
def show_activity() -> Response:
    """Show what happened, newest first."""
    asked = {name: request.args.get(name, "").strip() for name in ("app", "kind", "actor", "before")}
    owner, seen = within(asked["app"] or None)
    chosen = Selection(app_id=owner, tag=_tag(asked["kind"]), actor=asked["actor"] or None, reach=seen)
    with context().records.read() as tx:
        shown = _page(tx, chosen, asked["before"])
    kept = {name: asked[name] for name in ("app", "kind", "actor") if asked[name]}
    return render(
        "activity.html",
        asked=asked,
        groups=groups(),
        stream=_stream(chosen),
        older=f"/activity?{urlencode({**kept, 'before': shown.pop('last')})}" if shown["is_more"] else None,
        newest=f"/activity?{urlencode(kept)}" if asked["before"] else None,
        is_filtered=bool(kept),
        **shown,
    )


def _page(tx: Transaction, chosen: Selection, before: str) -> dict[str, Any]:
    place = Place.parse(before) if before else None
    found = tx.events.page(chosen, before=place, limit=_PER_PAGE + 1)
    events = found[:_PER_PAGE]
    return {
        "rows": rows_of(tx, events),
        "is_more": len(found) > _PER_PAGE,
        "last": events[-1].place if events else None,
    }


def _tag(kind: str) -> str | None:
    """Return which facts a kind means. Raises InvalidInput."""
    if kind == _EVERYTHING:
        return None
    if not kind:
        return _USUAL
    if kind not in groups():
        raise InvalidInput(f"choosing events: there are none of the kind {kind[:60]}")
    return f"{kind}:"


def _stream(chosen: Selection) -> str:
    """Return where the page hears of more of the same."""
    told = {"app": chosen.app_id, "tag": chosen.tag, "actor": chosen.actor}
    query = urlencode({name: value for name, value in told.items() if value is not None})
    return f"/api/events/stream?{query}" if query else "/api/events/stream"
