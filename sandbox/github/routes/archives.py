"""Archives of a repository: the API answers with an address elsewhere, which opens without a token.

https://docs.github.com/rest/repos/contents#download-a-repository-archive-tar
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import subprocess
import time
from typing import TYPE_CHECKING

from flask import Blueprint, Response, request

from sandbox.github import lookups
from sandbox.github.errors import not_found
from sandbox.github.git import environment
from sandbox.github.routes import incoming
from sandbox.github.shapes import repositories
from sandbox.github.site import current_site

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

routes = Blueprint("archives", __name__)
downloads = Blueprint("codeload", __name__)
LINK_SECONDS = 300
CHUNK_BYTES = 64 * 1024
_FORMATS = {"tarball": ("tar.gz", "application/x-gzip"), "zipball": ("zip", "application/zip")}
# Links do not outlive the process, which is sooner than GitHub's.
_KEY = secrets.token_bytes(32)


@routes.get("/repos/<owner>/<repo>/<any(tarball, zipball):kind>/<path:ref>")
def link(owner: str, repo: str, kind: str, ref: str) -> Response:
    """Send to where the archive is."""
    site, row = current_site(), incoming.repository(owner, repo)
    sha = site.git(row["id"]).commit_of(ref)
    if sha is None:
        raise not_found()
    until = int(time.time()) + LINK_SECONDS
    token = _token(row["id"], kind, sha, until)
    location = f"{site.url}/_codeload/{row['id']}/{kind}/{sha}?until={until}&token={token}"
    return Response(status=302, headers={"Location": location})


@downloads.get("/_codeload/<int:repository_id>/<any(tarball, zipball):kind>/<sha>")
def download(repository_id: int, kind: str, sha: str) -> Response:
    """Stream an archive to whoever has the link."""
    site, until = current_site(), request.args.get("until", 0, type=int)
    is_ours = hmac.compare_digest(_token(repository_id, kind, sha, until), request.args.get("token", ""))
    row = lookups.repository_if_any(site, repository_id)
    if row is None or not is_ours or until < time.time():
        return Response("404: Not Found", 404, mimetype="text/plain")
    packed, mimetype = _FORMATS[kind]
    name = f"{repositories.full_name(site, row).replace('/', '-')}-{sha[:7]}"
    headers = {"Content-Disposition": f"attachment; filename={name}.{packed}"}
    chunks = _packed(site.git(row["id"]).directory, sha, packed, name)
    return Response(chunks, headers=headers, mimetype=mimetype)


def _packed(directory: Path, sha: str, packed: str, name: str) -> Iterator[bytes]:
    """Yield what git packs, as it comes; git ends when nobody reads on."""
    command = ["git", "--git-dir", str(directory), "archive", f"--format={packed}", f"--prefix={name}/", sha]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment()
    ) as packing:
        assert packing.stdout  # noqa: S101 - it was asked for as a pipe
        while chunk := os.read(packing.stdout.fileno(), CHUNK_BYTES):
            yield chunk


def _token(repository_id: int, kind: str, sha: str, until: int) -> str:
    return hmac.new(_KEY, f"{repository_id}/{kind}/{sha}/{until}".encode(), hashlib.sha256).hexdigest()
