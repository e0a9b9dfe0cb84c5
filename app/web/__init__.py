"""The web side: webhooks in, the HTTP API. `create_app` puts it together.

A request verifies, keeps and answers; what takes longer becomes a job. Nothing here speaks to GitHub or
Cloudflare, and only `errors` knows status codes.
"""

from flask import Flask, jsonify
from flask_openapi3.models.info import Info
from flask_openapi3.openapi import OpenAPI

from app.web import apps, deliveries, deployments, health, jobs, webhooks
from app.web.context import WebContext
from app.web.errors import ErrorOut, on_invalid, register_errors

_VERSION = "1"


def create_app(context: WebContext) -> Flask:
    """Return the WSGI application; it holds no state but its context."""
    web = OpenAPI(
        "app.web",
        info=Info(title="Branchline", version=_VERSION, description="From git push to a live address."),
        security_schemes={"token": {"type": "http", "scheme": "bearer"}},
        validation_error_status=400,
        validation_error_model=ErrorOut,
        validation_error_callback=on_invalid,
        doc_ui=False,
    )
    web.config["MAX_CONTENT_LENGTH"] = context.maximum_body_bytes
    web.json.sort_keys = False  # type: ignore[attr-defined] # Flask's default provider has it
    web.extensions["branchline"] = context
    register_errors(web)
    blueprints = (apps.api, deployments.api, jobs.api, deliveries.api, webhooks.receivers, health.health)
    for blueprint in blueprints:
        web.register_api(blueprint)
    web.add_url_rule("/api/openapi.json", "openapi", lambda: jsonify(web.api_doc))
    return web
