"""The Flask application: endpoints under /client/v4, Cloudflare's refusals, pages for people."""

from collections.abc import Callable

from flask import Flask, Response, g, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed, RequestEntityTooLarge

from sandbox.cloudflare import errors
from sandbox.cloudflare.envelope import refused
from sandbox.cloudflare.errors import ApiError
from sandbox.cloudflare.routes import (
    accounts,
    assets,
    internal,
    namespaces,
    pages,
    scripts,
    settings,
    telemetry,
)
from sandbox.cloudflare.routes.world import EXTENSION, World, world

API = "/client/v4"
_LARGEST_BODY_BYTES = 128 * 1024 * 1024
# A part that is no file is held in memory: the SDK sends assets so, as base64.
_LARGEST_FIELD_BYTES = 36 * 1024 * 1024
_API_ROUTES = (accounts, namespaces, scripts, settings, assets, telemetry)


def create_app(made: World) -> Flask:
    """Build the application around a world."""
    app = Flask("sandbox.cloudflare")
    app.extensions[EXTENSION] = made
    app.config.update(
        MAX_CONTENT_LENGTH=_LARGEST_BODY_BYTES,
        MAX_FORM_MEMORY_SIZE=_LARGEST_FIELD_BYTES,
        MAX_FORM_PARTS=2000,
        # Pages need no token, so no web site whose name leads to this machine may read them in a browser.
        TRUSTED_HOSTS=["127.0.0.1", "localhost"],
    )
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.before_request(_check)
    app.after_request(_add_rate_headers)
    app.register_error_handler(ApiError, refused)
    app.register_error_handler(HTTPException, _translate)
    for module in _API_ROUTES:
        app.register_blueprint(module.routes, url_prefix=API)
    app.register_blueprint(internal.routes)
    app.register_blueprint(pages.routes)

    @app.get("/healthz")
    def healthz() -> dict[str, bool]:
        made.runtime.await_ready()
        return {"ok": True}

    return app


def _check() -> None:
    """Check token, rate and account of an API request, in this order."""
    if not request.path.startswith(API + "/"):
        return
    gate = world().gate
    arguments = request.view_args or {}
    if not _bears_upload_token():
        gate.check_token(request.headers.get("authorization"), _refusal())
    g.rate_headers = gate.limit.take()
    if "account_id" in arguments:
        gate.check_account(arguments["account_id"], request.path.removeprefix(API))


def _bears_upload_token() -> bool:
    return request.endpoint in ("assets.upload_files", "assets.upload_file")


def _refusal() -> Callable[[], ApiError]:
    if request.path.endswith("/tokens/verify"):
        return errors.invalid_api_token
    return (
        errors.authentication_failed
        if "account_id" in (request.view_args or {})
        else errors.invalid_access_token
    )


def _add_rate_headers(response: Response) -> Response:
    response.headers.update(g.get("rate_headers", {}))
    return response


def _translate(problem: HTTPException) -> Response:
    """Say in Cloudflare's words what the framework refused."""
    if isinstance(problem, RequestEntityTooLarge):
        return refused(errors.too_large(_LARGEST_BODY_BYTES))
    if isinstance(problem, MethodNotAllowed):
        return refused(errors.method_not_allowed())
    if problem.code == 404:  # noqa: PLR2004
        return refused(errors.no_route(request.path.removeprefix(API)))
    return refused(ApiError(problem.code or 500, 10001, problem.description or problem.name))
