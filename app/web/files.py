"""`/api/apps/{app}/files`: list, read, write and delete files, each write one commit.

The code host is asked while the caller waits; `outside` says how many may.
"""

from contextlib import ExitStack
from typing import Final

from flask import Response, jsonify, request
from flask_openapi3.blueprint import APIBlueprint
from werkzeug.wsgi import ClosingIterator

from app.domain.apps import App
from app.domain.rights import Act
from app.pipeline.files import FileChange, Written, commit_of, list_files, note_commit, put_file, read_file
from app.pipeline.reach import reached_app, repository_of
from app.web.context import context
from app.web.errors import API_ERRORS, ErrorOut, Responses
from app.web.file_forms import RAW, FileBody, FilePath, RefQuery, WriteQuery, expectation, read_content
from app.web.file_views import FilesView, FileView, WrittenView
from app.web.forms import AppPath
from app.web.guard import actor, needs

api = APIBlueprint(
    "files",
    __name__,
    url_prefix="/api/apps",
    abp_security=[{"token": []}],
    abp_responses={**API_ERRORS, "409": ErrorOut, "502": ErrorOut},
)

_WRITES: Final[Responses] = {"200": WrittenView, "412": ErrorOut}
# A file may be anybody's page, and this origin is ours.
_HARMLESS: Final = {"X-Content-Type-Options": "nosniff", "Content-Disposition": "attachment"}


@api.get("/<app>/files", responses={"200": FilesView})
@needs(Act.SEE)
def list_all(path: AppPath, query: RefQuery) -> Response:
    """List the files of a ref, with the blob, size and mode of each."""
    app = reached(path.app)
    with context().calls.entered(f"listing the files of {app.name}"):
        listed = list_files(app, query.ref, context().code_host())
    return jsonify(FilesView.of(listed).body())


@api.get("/<app>/files/<path:path>", responses={"200": FileView, "304": {}})
@needs(Act.SEE)
def show_file(path: FilePath, query: RefQuery) -> Response:
    """Show a file as JSON or, where octets are accepted, as it is; its blob is the ETag."""
    app = reached(path.app)
    with context().calls.entered(f"reading {path.path}"):
        found = read_file(app, path.path, query.ref, context().code_host())
    is_raw = request.accept_mimetypes.best_match(["application/json", RAW]) == RAW
    if is_raw and found.content is None:
        return _passed_on(app, path.path, query.ref)
    answer = _octets(found.content or b"") if is_raw else jsonify(FileView.of(found).body())
    return _tagged(answer, found.sha)


@api.put("/<app>/files/<path:path>", responses={**_WRITES, "201": WrittenView, "413": ErrorOut})
@needs(Act.WRITE_FILES)
def write_file(path: FilePath, query: WriteQuery, raw: FileBody) -> tuple[Response, int]:
    """Create or replace a file in one commit; If-Match and If-None-Match say what is expected there."""
    del raw  # it is the request
    app = reached(path.app)
    content, where = read_content(path.path, query)
    written = _put(
        app, FileChange(path.path, content, expectation(), where.branch, where.message), actor(query.by)
    )
    return _answer(app, written), 201 if written.is_new else 200


@api.delete("/<app>/files/<path:path>", responses=_WRITES)
@needs(Act.WRITE_FILES)
def delete_file(path: FilePath, query: WriteQuery) -> Response:
    """Delete a file in one commit."""
    app = reached(path.app)
    change = FileChange(path.path, None, expectation(), query.branch, query.message)
    return _answer(app, _put(app, change, actor(query.by)))


def reached(key: str) -> App:
    """Return the app, whose repository can be spoken to. Raises NotFound, Conflict."""
    with context().records.read() as tx:
        return reached_app(tx, key)


def _put(app: App, change: FileChange, author: str) -> Written:
    given = context()
    with given.calls.entered(f"writing {change.path}"):
        written = put_file(app, change, given.code_host())
    if written.is_changed:
        with given.records.begin() as tx:
            note_commit(
                tx,
                app,
                branch=written.branch,
                commit=written.commit,
                paths=[written.path],
                actor=author,
                at=given.clock(),
            )
    return written


def _answer(app: App, written: Written) -> Response:
    answer = jsonify(WrittenView.of(written, repository_of(app)).body())
    if written.blob is not None:
        answer.set_etag(written.blob)
    return answer


def _tagged(answer: Response, blob: str) -> Response:
    """Return an answer with its ETag, or 304 to whoever knows it."""
    answer.set_etag(blob)
    answer.vary.add("Accept")
    answer.make_conditional(request)
    return answer


def _octets(content: bytes) -> Response:
    return Response(content, mimetype=RAW, headers=_HARMLESS)


def _passed_on(app: App, path: str, ref: str | None) -> Response:
    """Return a large file as it comes from the code host, at one commit."""
    given, host = context(), context().code_host()
    with ExitStack() as opening:
        opening.enter_context(given.downloads.entered(f"downloading {path}"))
        commit = commit_of(app, ref, host)
        found = read_file(app, path, commit, host)
        chunks = opening.enter_context(host.downloads.file(app.repository_name, path, commit))
        opened = opening.pop_all()
    answer = Response(ClosingIterator(chunks, [opened.close]), mimetype=RAW, headers=_HARMLESS)
    answer.set_etag(found.sha)
    return answer
