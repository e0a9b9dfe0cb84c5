"""Health: is the process alive, can it do its work."""

from flask import Response, jsonify
from flask_openapi3.blueprint import APIBlueprint

from app.web.context import context
from app.web.errors import COMMON_ERRORS
from app.web.views import HealthView

health = APIBlueprint("health", __name__, abp_responses=COMMON_ERRORS)


@health.get("/healthz", responses={"200": HealthView})
def healthz() -> Response:
    """Answer while the process lives."""
    return jsonify(HealthView(status="ok").body())


@health.get("/readyz", responses={"200": HealthView})
def readyz() -> Response:
    """Answer when the database is there and migrated; 503 says what is missing."""
    context().check_ready()
    return jsonify(HealthView(status="ready").body())
