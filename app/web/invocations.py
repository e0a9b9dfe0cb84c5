"""`/api/workers/{worker}`: call its functions, for one answer, for events as they come, or as a job.

What a worker answers is passed on with its status. Calls do not ask the database while they wait.
"""

from typing import Any, Final

from flask import Response, jsonify
from flask_openapi3.blueprint import APIBlueprint

from app.domain.rights import Act
from app.pipeline.invoke import Callee, callee
from app.pipeline.invoke_later import request_invocation
from app.web.calling import answered, resumed, streamed
from app.web.context import context
from app.web.errors import API_ERRORS, ErrorOut
from app.web.event_stream import DESCRIBED
from app.web.forms import require_object
from app.web.guard import actor, needs
from app.web.invocation_forms import (
    CalleePath,
    FunctionPath,
    InvocationPath,
    LaterIn,
)
from app.web.invocation_views import REFUSALS, FunctionsView, InvokedView, LaterView

_FORM: Final[dict[str, Any]] = {"url_prefix": "/api/workers", "abp_security": [{"token": []}]}
calls = APIBlueprint("calls", __name__, abp_responses=API_ERRORS, **_FORM)
later = APIBlueprint("later", __name__, abp_responses=API_ERRORS, **_FORM)
later.before_request(require_object)


@calls.get("/<worker>/functions", responses={"200": FunctionsView, "409": ErrorOut, "410": ErrorOut})
@needs(Act.SEE)
def list_functions(path: CalleePath) -> Response:
    """List the functions of what the worker's address shows."""
    return jsonify(FunctionsView(functions=list(_callee(path).version.functions)).body())


@calls.post("/<worker>/functions/<function>", responses={"200": InvokedView, **REFUSALS})
@needs(Act.INVOKE)
def invoke_function(path: FunctionPath) -> Response:
    """Call a function with the body, JSON of any type or none, and answer as the worker does."""
    called = _callee(path)
    return answered(called.worker.id, called, path.function, called.version.options.max_payload_bytes)


@calls.post("/<worker>/invoke/<function>", responses={"200": DESCRIBED, **REFUSALS})
@needs(Act.INVOKE)
def stream_function(path: FunctionPath) -> Response:
    """Call a function with the body, and answer with its events as they come."""
    called = _callee(path)
    most_bytes, place = called.version.options.max_payload_bytes, f"/api/workers/{called.worker.id}"
    return streamed(called.worker.id, called, path.function, most_bytes, place=place)


@calls.get(
    "/<worker>/invocations/<invocation>/events",
    responses={"200": DESCRIBED, "410": ErrorOut},
)
@needs(Act.INVOKE)
def resume_stream(path: InvocationPath) -> Response:
    """Go on with an invocation's events, behind the one of `Last-Event-ID` or with the first that is kept."""
    with context().records.read() as tx:
        worker = tx.workers.get(path.worker)
    return resumed(worker.id, path.invocation)


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
        job = request_invocation(tx, worker.id, order, given.vault, actor=actor())
    poll_url = f"{given.platform.url}/api/jobs/{job.id}"
    view = LaterView(worker_id=worker.id, function=path.function, job_id=job.id, poll_url=poll_url)
    return jsonify(view.body()), 202


def _callee(path: CalleePath) -> Callee:
    given = context()
    with given.records.read() as tx:
        return callee(tx, path.worker, given.vault)
