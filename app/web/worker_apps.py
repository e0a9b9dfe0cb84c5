"""From workers to apps: make an app of a worker, and add functions to an app."""

from flask import Response, jsonify
from flask_openapi3.blueprint import APIBlueprint

from app.domain.rights import Act
from app.pipeline.add_function import Added, add_function, check_function
from app.pipeline.files import note_commit
from app.pipeline.reach import repository_of
from app.pipeline.workers_app import app_files, request_worker_app, worker_of_version
from app.web.apps import accepted
from app.web.context import context
from app.web.errors import API_ERRORS, ErrorOut
from app.web.files import reached
from app.web.forms import AppPath, require_object
from app.web.guard import actor, caller, needs
from app.web.views import AcceptedView
from app.web.worker_forms import FunctionIn, WorkerAppIn, WorkerPath
from app.web.worker_views import FunctionAddedView

api = APIBlueprint(
    "worker_apps",
    __name__,
    url_prefix="/api",
    abp_security=[{"token": []}],
    abp_responses={**API_ERRORS, "409": ErrorOut},
)
api.before_request(require_object)


@api.post("/workers/<worker>/app", responses={"202": AcceptedView})
@needs(Act.CREATE)
def make_app(path: WorkerPath, body: WorkerAppIn) -> tuple[Response, int]:
    """Make an app of a worker: its functions are files of a new repository; the worker stays."""
    given = context()
    with given.records.read() as tx:
        worker, version = worker_of_version(tx, path.worker)
    files = app_files(version, given.workshop.bundles)
    with given.records.begin() as tx:
        app, job = request_worker_app(
            tx,
            worker,
            files,
            body.wish(),
            entropy=given.entropy,
            actor=actor(),
            to=given.workshop,
            creator=caller().person,
        )
        return accepted(tx, app, job)


@api.post(
    "/apps/<app>/functions",
    responses={"200": FunctionAddedView, "201": FunctionAddedView, "422": ErrorOut, "502": ErrorOut},
)
@needs(Act.WRITE_FILES)
def add(path: AppPath, body: FunctionIn) -> tuple[Response, int]:
    """Commit one more function to an app's repository, after the compiler looked at it."""
    given, app, new = context(), reached(path.app), body.function()
    with given.calls.entered(f"adding function {new.name[:60]}"):
        added = add_function(app, new, check_function(new, given.workshop.compiler), given.code_host())
    _note(app.id, added)
    view = FunctionAddedView.added(new.name, added, repository_of(app))
    return jsonify(view.body()), 201 if added.written.is_changed else 200


def _note(app_id: str, added: Added) -> None:
    given, written = context(), added.written
    if not written.is_changed:
        return
    with given.records.begin() as tx:
        note_commit(
            tx,
            tx.apps.get(app_id),
            branch=written.branch,
            commit=written.commit,
            paths=[written.path],
            actor=actor(),
            at=given.clock(),
        )
