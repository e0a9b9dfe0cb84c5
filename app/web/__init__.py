"""The web side: webhooks in, the HTTP API, the pages. `create_app` puts it together.

A request verifies, keeps and answers; what takes longer becomes a job. Only requests about an app's files,
and those that put workers up, ask others while their caller waits (`outside`). Only `errors` knows status
codes.
"""

from typing import Final

from flask import Flask, jsonify
from flask_openapi3.models.info import Info
from flask_openapi3.openapi import OpenAPI
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from app.web import (
    addresses,
    apps,
    builds,
    deliveries,
    deployment_calls,
    deployments,
    drift,
    events,
    files,
    health,
    invocations,
    jobs,
    login,
    metrics,
    moments,
    previews,
    redelivery,
    releases,
    repository,
    tokens,
    variables,
    webhooks,
    worker_apps,
    worker_versions,
    workers,
)
from app.web.context import WebContext
from app.web.errors import ErrorOut, on_invalid, register_errors
from app.web.gateway import PREFIX, create_gateway
from app.web.gateway.context import GatewayContext
from app.web.guard import register_guard
from app.web.limits import register_limits
from app.web.pages import BLUEPRINTS as PAGES
from app.web.pages.failures import as_page
from app.web.pages.shell import register_shell

_VERSION: Final = "1"
_BLUEPRINTS: Final = (
    apps.api,
    variables.api,
    files.api,
    repository.api,
    repository.syncs,
    moments.api,
    deployments.api,
    builds.api,
    deployments.runs,
    releases.api,
    drift.api,
    previews.api,
    workers.api,
    workers.restores,
    worker_versions.api,
    worker_apps.api,
    jobs.api,
    invocations.calls,
    invocations.later,
    deployment_calls.api,
    deliveries.api,
    events.api,
    redelivery.api,
    tokens.api,
    tokens.me,
    login.api,
    webhooks.receivers,
    health.health,
    addresses.addresses,
    addresses.restores,
)


def create_app(context: WebContext) -> Flask:
    """Return the WSGI application; it holds no state but its context."""
    web = OpenAPI(
        "app.web",
        info=Info(title="Branchline", version=_VERSION, description="From git push to a live address."),
        security_schemes={
            "token": {"type": "http", "scheme": "bearer"},
            # Or the headers of Standard Webhooks, where the operator chose the app's key.
            "run": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
        },
        validation_error_status=400,
        validation_error_model=ErrorOut,
        validation_error_callback=on_invalid,
        doc_ui=False,
    )
    web.config["MAX_CONTENT_LENGTH"] = context.maximum_body_bytes
    web.json.sort_keys = False  # type: ignore[attr-defined] # Flask's default provider has it
    web.extensions["branchline"] = context
    register_errors(web, as_page)
    register_guard(web)
    register_shell(web)
    for blueprint in _BLUEPRINTS:
        web.register_api(blueprint)
    for pages in PAGES:
        web.register_blueprint(pages)
    web.add_url_rule("/metrics", "metrics", metrics.show)
    register_limits(web, context.proxies)
    web.add_url_rule("/api/openapi.json", "openapi", lambda: jsonify(web.api_doc))
    _mount_gateway(web, context.gateway)
    return web


def _mount_gateway(web: Flask, gateway: GatewayContext | None) -> None:
    if gateway is not None:
        application = create_gateway(gateway)
        web.wsgi_app = DispatcherMiddleware(web.wsgi_app, {PREFIX: application})  # type: ignore[method-assign]
