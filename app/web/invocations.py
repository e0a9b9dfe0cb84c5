"""`/api/workers/{worker}`: call its functions, for one answer, for events as they come, or as a job.

What a worker answers is passed on with its status. Calls do not ask the database while they wait.
"""

from contextlib import ExitStack
from typing import Any, Final

from flask import Response, jsonify, request
from flask_openapi3.blueprint import APIBlueprint

from app.domain.invocations import number_of
from app.domain.rights import Act
from app.pipeline.invoke import Callee, callee, invoke, stream
from app.pipeline.invoke_later import request_invocation
from app.ports import Call, Reply
from app.web.context import context
from app.web.errors import API_ERRORS, ErrorOut, Responses
from app.web.event_stream import DESCRIBED
from app.web.forms import require_object
from app.web.guard import needs
from app.web.invocation_events import events_response, opening
from app.web.invocation_forms import (
    CalleePath,
    FunctionPath,
    InvocationPath,
    LaterIn,
    passed_on,
    read_payload,
)
from app.web.invocation_views import FunctionsView, InvocationErrorOut, InvokedView, LaterView

_FORM: Final[dict[str, Any]] = {"url_prefix": "/api/workers", "abp_security": [{"token": []}]}
calls = APIBlueprint("calls", __name__, abp_responses=API_ERRORS, **_FORM)
later = APIBlueprint("later", __name__, abp_responses=API_ERRORS, **_FORM)
later.before_request(require_object)

_REFUSALS: Final[Responses] = {
    str(status): InvocationErrorOut for status in (400, 404, 409, 410, 413, 429, 500, 502, 503, 504)
}
_HARMLESS: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


@calls.get("/<worker>/functions", responses={"200": FunctionsView, "409": ErrorOut, "410": ErrorOut})
@needs(Act.SEE)
def list_functions(path: CalleePath) -> Response:
    """List the functions of what the worker's address shows."""
    return jsonify(FunctionsView(functions=list(_callee(path).version.functions)).body())


@calls.post("/<worker>/functions/<function>", responses={"200": InvokedView, **_REFUSALS})
@needs(Act.INVOKE)
def invoke_function(path: FunctionPath) -> Response:
    """Call a function with the body, JSON of any type or none, and answer as the worker does."""
    given, called = context().invoking, _callee(path)
    with ExitStack() as opening_up:
        opening_up.enter_context(given.gate.entered(f"invoking {path.function}"))
        call = _call(called, path.function)
        reply = opening_up.enter_context(invoke(called, call, given.invoker))
        opened = opening_up.pop_all()
    return _passed_back(reply, opened)


@calls.post("/<worker>/invoke/<function>", responses={"200": DESCRIBED, **_REFUSALS})
@needs(Act.INVOKE)
def stream_function(path: FunctionPath) -> Response:
    """Call a function with the body, and answer with its events as they come."""
    given, called = context().invoking, _callee(path)
    with ExitStack() as opening_up:
        opening_up.enter_context(given.gate.entered(f"invoking {path.function}"))
        started = stream(called, _call(called, path.function), given.invoker)
        if isinstance(started, Reply):
            return _passed_back(started, ExitStack())
        events = started.follow(0)
        opened = opening_up.pop_all()
    url = f"{context().platform.url}/api/workers/{called.worker.id}/invocations/{started.id}/events"
    return events_response(started.id, events, opened, opening(started.id, path.function, url))


@calls.get(
    "/<worker>/invocations/<invocation>/events",
    responses={"200": DESCRIBED, "410": ErrorOut},
)
@needs(Act.INVOKE)
def resume_stream(path: InvocationPath) -> Response:
    """Go on with an invocation's events, behind the one of `Last-Event-ID` or with the first that is kept."""
    given = context().invoking
    with context().records.read() as tx:
        worker = tx.workers.get(path.worker)
    found = given.invoker.streams.find(worker.id, path.invocation)
    last = request.headers.get("Last-Event-ID")
    with ExitStack() as opening_up:
        opening_up.enter_context(given.gate.entered("reading events"))
        events = found.follow(number_of(found.id, last) if last else None)
        opened = opening_up.pop_all()
    return events_response(found.id, events, opened)


@later.post(
    "/<worker>/functions/<function>/jobs",
    responses={"202": LaterView, "409": ErrorOut, "410": ErrorOut, "413": ErrorOut, "429": ErrorOut},
)
@needs(Act.INVOKE)
def invoke_function_later(path: FunctionPath, body: LaterIn) -> tuple[Response, int]:
    """Have a job call a function, again when it fails; payload and answer are stored."""
    given, order = context(), body.order(path.function)
    with given.records.begin() as tx:
        worker = tx.workers.get(path.worker)
        given.invoking.rates.take(worker.id)
        job = request_invocation(tx, worker.id, order, given.vault)
    poll_url = f"{given.platform.url}/api/jobs/{job.id}"
    view = LaterView(worker_id=worker.id, function=path.function, job_id=job.id, poll_url=poll_url)
    return jsonify(view.body()), 202


def _callee(path: CalleePath) -> Callee:
    given = context()
    with given.records.read() as tx:
        return callee(tx, path.worker, given.vault)


def _call(called: Callee, function: str) -> Call:
    """Return the call that the request asks for, when its worker may be called once more."""
    context().invoking.rates.take(called.worker.id)
    payload = read_payload(called.version.options.max_payload_bytes)
    return called.call(function, payload, passed_on())


def _passed_back(reply: Reply, opened: ExitStack) -> Response:
    """Return a worker's reply as ours; what was opened for it is closed when it is sent."""
    answer = Response(reply.body, reply.status, reply.headers, content_type="application/json")
    answer.headers.update(_HARMLESS)
    answer.call_on_close(opened.close)
    return answer
