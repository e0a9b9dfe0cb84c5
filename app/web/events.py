"""`/api/events`: the append-only record, by page, as it grows, and what of it is archived."""

import json
from collections.abc import Generator
from contextlib import ExitStack
from typing import IO

from flask import Response, jsonify, request
from flask_openapi3.blueprint import APIBlueprint

from app.domain.archives import unpacked
from app.domain.rights import Act
from app.web.context import context
from app.web.errors import API_ERRORS, ErrorOut
from app.web.event_forms import ArchivePath, EventsQuery, SelectionQuery, place_of
from app.web.event_stream import DESCRIBED, streamed
from app.web.guard import caller, needs
from app.web.live import follow
from app.web.sight import chosen, reading, watching
from app.web.views.events import ArchivesView, ArchiveView, EventsView
from app.web.watch import Watch

api = APIBlueprint(
    "events",
    __name__,
    url_prefix="/api/events",
    abp_security=[{"token": []}],
    abp_responses=API_ERRORS,
)


@api.get("", responses={"200": EventsView, "410": ErrorOut})
@needs(Act.SEE)
def list_events(query: EventsQuery) -> Response:
    """List facts, newest first, or oldest first behind `after`."""
    after, before = place_of(query.after), place_of(query.before)
    wanted = chosen(query)
    with context().records.read() as tx:
        found = tx.events.page(wanted, after=after, before=before, limit=query.limit + 1)
    return jsonify(EventsView.page(found, query.limit).body())


@api.get("/stream", responses={"200": DESCRIBED, "429": ErrorOut, "503": ErrorOut})
@needs(Act.SEE)
def stream_events(query: SelectionQuery) -> Response:
    """Tell facts as they come about: behind `Last-Event-ID` or `after`, or from now on."""
    given = context()
    last = place_of(request.headers.get("Last-Event-ID") or query.after)
    with ExitStack() as opening_up:
        if not (asking := caller()).is_operator:
            opening_up.enter_context(
                given.live.shares.entered(asking.person.id if asking.person else asking.actor)
            )
        opening_up.enter_context(given.live.gate.entered("following events"))
        wanted, watch = chosen(query), Watch(watching(query), reading(query), given.live.heard)
        told = follow(wanted, last, given.live, given.records, watch=watch, opened=opening_up)
        return streamed(told, opening_up.pop_all())


@api.get("/archives", responses={"200": ArchivesView})
@needs(Act.OPERATE)
def list_archives() -> Response:
    """List what of the record is archived, oldest first."""
    with context().records.read() as tx:
        items = [ArchiveView.of(archive) for archive in tx.archives.list()]
    return jsonify(ArchivesView(items=items).body())


@api.get("/archives/<number>", responses={"200": {"content": {"application/x-ndjson": {}}}})
@needs(Act.OPERATE)
def show_archive(path: ArchivePath) -> Response:
    """Show the facts of an archive, one a line."""
    given = context()
    with given.records.read() as tx:
        archive = tx.archives.get(path.number)
    packed = given.bundles.open(archive.sha256)
    answer = Response(_lines(packed), content_type="application/x-ndjson")
    answer.call_on_close(packed.close)
    return answer


def _lines(packed: IO[bytes]) -> Generator[str, None, None]:
    for event in unpacked(packed):
        yield json.dumps(event, separators=(",", ":")) + "\n"
