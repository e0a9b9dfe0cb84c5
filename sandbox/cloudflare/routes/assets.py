"""Uploading static assets: a session, then files as forms of base64 or one by one.

https://developers.cloudflare.com/workers/static-assets/direct-upload/
"""

from collections.abc import Iterator
from io import BytesIO
from typing import IO

from flask import Blueprint, Response, request

from sandbox.cloudflare import names
from sandbox.cloudflare.asset_uploads import Base64Reader, Session
from sandbox.cloudflare.envelope import ok
from sandbox.cloudflare.gate import bearer
from sandbox.cloudflare.routes.body import json_object
from sandbox.cloudflare.routes.namespaces import namespace_of_path
from sandbox.cloudflare.routes.scripts import SCRIPT
from sandbox.cloudflare.routes.world import world

routes = Blueprint("assets", __name__)
# These bear the upload's own token instead of the account's.
UPLOAD = "/accounts/<account_id>/workers/assets/upload"


@routes.post(SCRIPT + "/assets-upload-session")
def open_session(account_id: str, namespace: str, script: str) -> Response:  # noqa: ARG001
    """Announce files; the answer names those that are still to be uploaded."""
    manifest = json_object().get("manifest")
    token, buckets = world().assets.open(namespace_of_path(), names.check_script(script), manifest)
    return ok({"jwt": token, "buckets": buckets})


@routes.post(UPLOAD)
def upload_files(account_id: str) -> Response:  # noqa: ARG001
    """Store the files of one bucket, each a part named by its hash."""
    session = world().assets.session(bearer(request.headers.get("authorization")))
    is_base64 = request.args.get("base64") == "true"
    for digest, content, kind in _sent_files():
        reader = Base64Reader(content) if is_base64 else content
        world().assets.receive(session, digest, reader, kind)
    return _progress(session)


@routes.post(UPLOAD + "/<digest>")
def upload_file(account_id: str, digest: str) -> Response:  # noqa: ARG001
    """Store one file, which is the request's body."""
    session = world().assets.session(bearer(request.headers.get("authorization")))
    world().assets.receive(session, digest, request.stream, request.content_type)
    return _progress(session)


def _sent_files() -> Iterator[tuple[str, IO[bytes], str | None]]:
    for digest, file in request.files.items(multi=True):
        yield digest, file.stream, file.content_type
    for digest, text in request.form.items(multi=True):
        yield digest, BytesIO(text.encode()), None


def _progress(session: Session) -> Response:
    completion = world().assets.completion(session)
    return ok({}, status=202) if completion is None else ok({"jwt": completion}, status=201)
