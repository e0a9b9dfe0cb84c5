"""git over HTTP: who may fetch and push, and the announcement of what a push moved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, Response, request
from werkzeug.wsgi import ClosingIterator

from sandbox.github import actors, authentication, backend, lookups, refs
from sandbox.github.errors import ApiError
from sandbox.github.site import current_site

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sandbox.github.actors import Actor
    from sandbox.github.database import Row

routes = Blueprint("smart_http", __name__)
RECEIVE = "git-receive-pack"
_REALM = {"WWW-Authenticate": 'Basic realm="GitHub"'}


@routes.get("/<owner>/<name>/info/refs")
def info_refs(owner: str, name: str) -> Response:
    """Advertise refs; the dumb protocol is not spoken, as on GitHub."""
    service = request.args.get("service", "")
    if service not in {"git-upload-pack", RECEIVE}:
        return _refuse(403, "Please upgrade your git client.")
    return _serve(owner, name, "/info/refs", pushing=service == RECEIVE)


@routes.post("/<owner>/<name>/git-upload-pack")
def upload_pack(owner: str, name: str) -> Response:
    """Serve a clone or fetch."""
    return _serve(owner, name, "/git-upload-pack", pushing=False)


@routes.post("/<owner>/<name>/git-receive-pack")
def receive_pack(owner: str, name: str) -> Response:
    """Take a push."""
    return _serve(owner, name, "/git-receive-pack", pushing=True)


def _serve(owner: str, name: str, service: str, *, pushing: bool) -> Response:
    site = current_site()
    try:
        actor = authentication.actor(site, request.headers.get("Authorization"))
    except ApiError:
        return _refuse(401, "Invalid username or token.")
    repository = _repository(owner, name.removesuffix(".git"))
    refusal = _refusal(actor, repository, pushing=pushing)
    if refusal or repository is None:
        return refusal or _refuse(404, "Repository not found.")
    if service == "/git-receive-pack":
        return _receive(actor, repository, service)
    answer = backend.ask(_question(actor, repository, service))
    return _streamed(answer, answer.finish)


def _repository(owner: str, name: str) -> Row | None:
    site = current_site()
    return lookups.by_name(site, owner, name) or lookups.by_former_name(site, owner, name)


def _refusal(actor: Actor, repository: Row | None, *, pushing: bool) -> Response | None:
    site = current_site()
    readable = repository is not None and actors.may(site, actor, repository, "read")
    if actor.account is None and (pushing or not readable):
        return _refuse(401, "Authentication required.")
    if repository is None or not readable:
        return _refuse(404, "Repository not found.")
    if not site.git(repository["id"]).directory.exists():
        return _refuse(404, "Repository not found.")  # a fork whose data has not been copied yet
    if pushing and (repository["archived"] or not actors.may(site, actor, repository, "write")):
        login = actor.account["login"] if actor.account else ""
        return _refuse(403, f"Permission to {repository['name']} denied to {login}.")
    return None


def _refuse(status: int, message: str) -> Response:
    headers = _REALM if status == 401 else {}  # noqa: PLR2004
    return Response(message + "\n", status, headers, mimetype="text/plain")


def _question(actor: Actor, repository: Row, service: str) -> backend.Question:
    site = current_site()
    return backend.Question(
        directory=site.repositories,
        path=f"/{repository['id']}.git{service}",
        method=request.method,
        query=request.query_string.decode(),
        content_type=request.headers.get("Content-Type", ""),
        content_encoding=request.headers.get("Content-Encoding", ""),
        protocol=request.headers.get("Git-Protocol", ""),
        user=actor.account["login"] if actor.account else "",
        body=request.stream,
    )


def _receive(actor: Actor, repository: Row, service: str) -> Response:
    """Take a push while no other one changes the repository, and announce it before it is answered."""
    site = current_site()
    lock = site.locks.of(repository["id"])
    lock.acquire()
    try:
        answer = backend.ask(_question(actor, repository, service))
    except BaseException:
        lock.release()
        raise
    ended = False

    def finish() -> None:
        nonlocal ended
        if ended:
            return
        ended = True
        try:
            answer.finish()
            refs.publish(site, repository["id"], actor)
        finally:
            lock.release()

    return _streamed(answer, finish)


def _streamed(answer: backend.Answer, finish: Callable[[], None]) -> Response:
    def chunks() -> Iterator[bytes]:
        yield from answer.chunks()
        finish()

    body = ClosingIterator(chunks(), [finish])
    response = Response(body, answer.status, direct_passthrough=True)
    response.headers.clear()
    for name, value in answer.headers:
        response.headers.add(name, value)
    return response
