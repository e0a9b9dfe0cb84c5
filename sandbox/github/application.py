"""The Flask application: the API, git, pages and Actions, and what every answer carries."""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING, Any

from flask import Flask, Response, g, jsonify, request
from werkzeug.exceptions import HTTPException

from sandbox.github import authentication, pages
from sandbox.github.errors import ApiError, Moved
from sandbox.github.oauth import pages as sign_in
from sandbox.github.oauth import tokens
from sandbox.github.routes import BLUEPRINTS, archives, graphql, smart_http
from sandbox.github.site import EXTENSION, Site, current_site

if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

API = "/api/v3"
GRAPHQL = "/api/graphql"
APPLICATIONS = f"{API}/applications/"  # an application says who it is by its secret
MOST_BODY_BYTES = 100 * 1024 * 1024
_BY_ID = re.compile(rf"^{API}/repositories/(\d+)(/.*)?$")
_APP_JWT = re.compile(rf"^{API}/(app(/.*)?|(orgs|users)/[^/]+/installation|repos/[^/]+/[^/]+/installation)$")
_FREE = {f"{API}/rate_limit"}


def create(site: Site) -> Flask:
    """Return the application of a site."""
    flask = Flask("sandbox.github", template_folder=None, static_folder=None)
    flask.extensions[EXTENSION] = site
    # Pages need no token, so no web site whose name leads to this machine may read them in a browser.
    flask.config["TRUSTED_HOSTS"] = ["127.0.0.1", "localhost"]
    flask.json.sort_keys = False  # type: ignore[attr-defined]
    flask.url_map.strict_slashes = False
    for blueprint in BLUEPRINTS:
        flask.register_blueprint(blueprint, url_prefix=API)
    flask.register_blueprint(graphql.routes)
    flask.register_blueprint(smart_http.routes)
    flask.register_blueprint(archives.downloads)
    flask.register_blueprint(sign_in.routes)
    flask.register_blueprint(tokens.routes)
    flask.register_blueprint(pages.routes)
    flask.before_request(_admit)
    flask.after_request(_stamp)
    flask.register_error_handler(ApiError, _refused)
    flask.register_error_handler(HTTPException, _http_refused)
    flask.wsgi_app = _by_id(site, flask.wsgi_app)  # type: ignore[method-assign, assignment]
    return flask


def _admit() -> None:
    """Find out who is asking and take the request off their budget; GraphQL has one of its own."""
    if not _is_api():
        return
    request.max_content_length = MOST_BODY_BYTES
    request.get_data(
        cache=True
    )  # an answer before the whole question would be lost when the connection closes
    site = current_site()
    if request.path.startswith(APPLICATIONS):
        return
    if _APP_JWT.match(request.path):
        g.app_row = authentication.app(site, request.headers.get("Authorization"))
        return
    g.actor = authentication.actor(site, request.headers.get("Authorization"))
    if request.path == GRAPHQL:
        return
    free = request.path in _FREE
    g.rate = (site.budgets.look if free else site.budgets.spend)(g.actor.token_id)
    if g.rate.exceeded and not free:
        raise ApiError(403, f"API rate limit exceeded for user ID {_account_id()}.")


def _account_id() -> int:
    return int(g.actor.account["id"]) if g.actor.account else 0


def _is_api() -> bool:
    return request.path.startswith((API, GRAPHQL))


def _stamp(response: Response) -> Response:
    if not _is_api():
        return response
    response.headers["X-GitHub-Request-Id"] = ":".join(secrets.token_hex(2).upper() for _ in range(5))
    response.headers["X-GitHub-Media-Type"] = "github.v3; format=json"
    response.headers["X-GitHub-Enterprise-Version"] = "3.19.0"
    response.headers["X-GitHub-Api-Version-Selected"] = request.headers.get(
        "X-GitHub-Api-Version", "2022-11-28"
    )
    for name, value in (g.rate.headers() if "rate" in g else {}).items():
        response.headers[name] = value
    if "link" in g:
        response.headers["Link"] = g.link
    return response


def _refused(error: ApiError) -> tuple[Response, int]:
    response = jsonify(error.body())
    if isinstance(error, Moved):
        response.headers["Location"] = error.url
    return response, error.status


def _http_refused(error: HTTPException) -> Any:
    if not _is_api():
        return error
    status = error.code or 500
    body = ApiError(404 if status == 405 else status, _MESSAGES.get(status, error.name))  # noqa: PLR2004
    return _refused(body)


_MESSAGES = {404: "Not Found", 405: "Not Found", 500: "Server Error"}


def _by_id(site: Site, inner: WSGIApplication) -> WSGIApplication:
    """Let ``/repositories/{id}/...`` mean ``/repos/{owner}/{repo}/...``, as GitHub does everywhere."""

    def outer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        found = _BY_ID.match(environ["PATH_INFO"])
        if found:
            environ["PATH_INFO"] = _named_path(site, int(found[1]), found[2] or "")
        return inner(environ, start_response)

    return outer


def _named_path(site: Site, repository_id: int, rest: str) -> str:
    row = site.database.one(
        "SELECT a.login, r.name FROM repositories r JOIN accounts a ON a.id = r.owner_id WHERE r.id = ?",
        repository_id,
    )
    return f"{API}/repos/{row['login']}/{row['name']}{rest}" if row else f"{API}/none"
