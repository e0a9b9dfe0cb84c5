"""`/deliveries`: the inbox, for operators; `/deliveries/<guid>`: one webhook as it came, to work off anew."""

import json
from contextlib import suppress
from typing import Any, Final
from urllib.parse import quote, urlencode

from flask import Blueprint, Response, redirect, request

from app.domain.deliveries import Delivery, DeliveryFilter, DeliverySource, DeliveryStatus
from app.domain.rights import Act
from app.errors import BranchlineError, InvalidInput
from app.pipeline.replay import replay_one
from app.render.build_log import visible
from app.web.context import context
from app.web.errors import refusal, status_of
from app.web.guard import actor, needs
from app.web.pages.shell import render

pages = Blueprint("pages_deliveries", __name__)

_PER_PAGE: Final = 50
# A body may have megabytes; whoever wants all of it asks the API.
_MOST_CHARACTERS: Final = 200_000
_LONGEST_EVENT: Final = 100


@pages.get("/deliveries")
@needs(Act.OPERATE)
def list_deliveries() -> Response:
    """Show the deliveries, newest first."""
    asked = {name: request.args.get(name, "").strip() for name in ("status", "source", "event", "cursor")}
    wanted = DeliveryFilter(
        status=_chosen(DeliveryStatus, asked["status"]),
        source=_chosen(DeliverySource, asked["source"]),
        event=asked["event"][:_LONGEST_EVENT] or None,
    )
    with context().records.read() as tx:
        page = tx.deliveries.list(wanted, cursor=asked["cursor"] or None, limit=_PER_PAGE)
    kept = {name: asked[name] for name in ("status", "source", "event") if asked[name]}
    more = urlencode({**kept, "cursor": page.next_cursor}) if page.next_cursor else None
    return render(
        "deliveries.html",
        deliveries=page.items,
        asked=asked,
        statuses=list(DeliveryStatus),
        sources=list(DeliverySource),
        older=f"/deliveries?{more}" if more else None,
        newest=f"/deliveries?{urlencode(kept)}" if asked["cursor"] else None,
        is_filtered=bool(kept),
    )


@pages.get("/deliveries/<guid>")
@needs(Act.OPERATE)
def show_delivery(guid: str) -> Response:
    """Show a delivery with its headers and its body."""
    return _page(guid)


@pages.post("/deliveries/<guid>/replay")
@needs(Act.OPERATE)
def replay(guid: str) -> Response:
    """Have a delivery worked off again, now."""
    given = context()
    try:
        with given.records.begin() as tx:
            replay_one(tx, guid, actor=actor(), at=given.clock())
    except BranchlineError as error:
        return _page(guid, error=refusal(error))
    return redirect(f"/deliveries/{quote(guid, safe='')}?done=yes", 303)  # type: ignore[return-value] # Flask's own


def _page(guid: str, *, error: BranchlineError | None = None) -> Response:
    """Return the page of a delivery, after a replay that was refused with why. Raises NotFound."""
    with context().records.read() as tx:
        delivery = tx.deliveries.get(guid)
    body, left_out = _body(delivery)
    return render(
        "delivery.html",
        status=200 if error is None else status_of(error),
        delivery=delivery,
        can_replay=delivery.status is not DeliveryStatus.DUPLICATE,
        body=body,
        left_out=left_out,
        error=error,
        is_done="done" in request.args,
        visible=visible,
    )


def _body(delivery: Delivery) -> tuple[str, int]:
    """Return a body as it is read best, and how many characters of it are left out."""
    text = delivery.body.decode("utf-8", "replace")
    if len(text) <= _MOST_CHARACTERS:
        with suppress(ValueError, RecursionError):
            text = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    return text[:_MOST_CHARACTERS], max(0, len(text) - _MOST_CHARACTERS)


def _chosen(kind: Any, word: str) -> Any:
    """Return the value that a word names; None for no word. Raises InvalidInput."""
    if not word:
        return None
    if word not in set(kind):
        raise InvalidInput(f"choosing deliveries: {word[:60]} is none of {', '.join(kind)}")
    return kind(word)
