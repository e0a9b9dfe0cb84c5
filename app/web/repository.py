"""`/api/apps/{app}/commits`, `/export` and `/sync`: many files of an app at a time, in and out."""

from contextlib import ExitStack

from flask import Response, jsonify
from flask_openapi3.blueprint import APIBlueprint
from werkzeug.wsgi import ClosingIterator

from app.domain.apps import App
from app.domain.rights import Act
from app.pipeline.commit import Changes, Committed, check_changes, commit_files, request_commit
from app.pipeline.export import opened_export, plan_export
from app.pipeline.files import note_commit
from app.pipeline.reach import repository_of
from app.pipeline.sync import request_sync
from app.ports import ArchiveFormat
from app.web.context import context
from app.web.errors import API_ERRORS, ErrorOut
from app.web.file_forms import ByQuery, CommitIn, ExportQuery
from app.web.file_views import BINARY, BegunView, CommittedView
from app.web.files import reached
from app.web.forms import AppPath, require_object
from app.web.guard import actor, needs

api = APIBlueprint(
    "repository",
    __name__,
    url_prefix="/api/apps",
    abp_security=[{"token": []}],
    abp_responses={**API_ERRORS, "409": ErrorOut, "502": ErrorOut},
)
api.before_request(require_object)
syncs = APIBlueprint(
    "syncs",
    __name__,
    url_prefix="/api/apps",
    abp_security=[{"token": []}],
    abp_responses={**API_ERRORS, "409": ErrorOut},
)

_TYPES = {ArchiveFormat.TAR_GZ: "application/gzip", ArchiveFormat.ZIP: "application/zip"}
_ARCHIVE = {"description": "An archive", "content": dict.fromkeys(_TYPES.values(), BINARY)}


@api.post(
    "/<app>/commits",
    responses={"200": CommittedView, "201": CommittedView, "202": BegunView, "413": ErrorOut},
)
@needs(Act.WRITE_FILES)
def create_commit(path: AppPath, body: CommitIn) -> tuple[Response, int]:
    """Commit many files at once, perhaps on a new branch with a pull request; 202 when that takes long."""
    app = reached(path.app)
    changes = check_changes(app, body.order())
    if changes.takes_long:
        with context().records.begin() as tx:
            job = request_commit(tx, app, changes, actor=actor(body.by))
        return jsonify(BegunView.of(job, context().platform).body()), 202
    committed = _commit(app, changes, actor(body.by))
    view = CommittedView.of(committed, repository_of(app))
    return jsonify(view.body()), 201 if committed.is_changed else 200


@api.get("/<app>/export", responses={"200": _ARCHIVE})
@needs(Act.SEE)
def export(path: AppPath, query: ExportQuery) -> Response:
    """Download all files of a ref as one archive."""
    app, given = reached(path.app), context()
    with ExitStack() as opening:
        opening.enter_context(given.downloads.entered(f"exporting {app.name}"))
        planned = plan_export(app, query.ref, query.format, given.code_host())
        chunks = opening.enter_context(opened_export(app, planned, given.code_host()))
        opened = opening.pop_all()
    headers = {"Content-Disposition": f'attachment; filename="{planned.filename}"'}
    answer = Response(
        ClosingIterator(chunks, [opened.close]), mimetype=_TYPES[planned.packed], headers=headers
    )
    answer.set_etag(f"{planned.commit}.{planned.packed}")
    return answer


@syncs.post("/<app>/sync", responses={"202": BegunView})
@needs(Act.WRITE_FILES)
def sync(path: AppPath, query: ByQuery) -> tuple[Response, int]:
    """Take the new commits of the template, or of what the app was imported from."""
    with context().records.begin() as tx:
        job = request_sync(tx, path.app, actor=actor(query.by))
    return jsonify(BegunView.of(job, context().platform).body()), 202


def _commit(app: App, changes: Changes, author: str) -> Committed:
    given = context()
    with given.calls.entered(f"committing to {changes.branch}"):
        committed = commit_files(app, changes, given.code_host())
    if committed.is_changed:
        with given.records.begin() as tx:
            note_commit(
                tx,
                app,
                branch=committed.branch,
                commit=committed.commit,
                paths=changes.paths,
                actor=author,
                at=given.clock(),
            )
    return committed
