"""GitHub Apps: an App's own view of itself, and its installations' tokens."""

from __future__ import annotations

from flask import Blueprint

routes = Blueprint("apps", __name__)
