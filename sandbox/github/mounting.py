"""Bringing the Actions engine and this GitHub together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import request

from sandbox import actions
from sandbox.actions.artifacts import service as artifacts
from sandbox.actions.oidc import routes as oidc
from sandbox.actions.pages import pages
from sandbox.actions.routes import blueprint
from sandbox.github import actors, authentication
from sandbox.github.application import API
from sandbox.github.errors import ApiError, forbidden
from sandbox.github.routes import incoming
from sandbox.github.shapes import accounts
from sandbox.github.side import GitHub
from sandbox.github.site import Site, current_site

if TYPE_CHECKING:
    from flask import Flask


def mount_actions(site: Site, flask: Flask) -> None:
    """Give the site an engine and the application its endpoints and pages."""
    github = GitHub(site)
    engine = actions.create(
        site.settings.directory / "actions", github, concurrency=site.settings.actions_concurrency
    )
    api = blueprint(engine, github, sender=_sender)
    api.before_request(_admit)
    flask.register_blueprint(api, url_prefix=API)
    flask.register_blueprint(pages(engine, github))
    flask.register_blueprint(oidc.blueprint(engine.issuer, check_administrator=_check_administrator))
    flask.register_blueprint(artifacts.blueprint(engine.uploads))
    site.actions = engine


def _admit() -> None:
    """Let readers look and writers act; the engine's endpoints do not ask themselves."""
    names = request.view_args or {}
    needed = "read" if request.method in {"GET", "HEAD"} else "write"
    incoming.repository(names["owner"], names["repo"], needed)


def _check_administrator() -> None:
    """Let the organisation's owners through.

    Raises: ApiError 401 or 403.
    """
    site = current_site()
    account = authentication.actor(site, request.headers.get("Authorization")).account
    if account is None:
        raise ApiError(401, "Requires authentication")
    org = incoming.account(site.settings.org)
    if actors.member_role(site, org["id"], account["id"]) != "admin":
        raise forbidden("Must be an owner of the organization.")


def _sender() -> dict[str, Any]:
    return accounts.user(current_site(), incoming.signed_in())
