"""Health: is the process alive, can it do its work."""

from flask import Blueprint, Response, jsonify

from app.web.context import context

health = Blueprint("health", __name__)


@health.get("/healthz")
def healthz() -> Response:
    """Answer while the process lives."""
    return jsonify(status="ok")


@health.get("/readyz")
def readyz() -> Response:
    """Answer when the database is there and migrated; 503 says what is missing."""
    context().check_ready()
    return jsonify(status="ready")
