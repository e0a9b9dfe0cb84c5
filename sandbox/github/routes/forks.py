"""Forks, made some time after they are answered, and repositories made from templates.

https://docs.github.com/rest/repos/forks
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Blueprint

from sandbox.github import actors, copies, events, lookups, names
from sandbox.github.errors import ApiError, forbidden
from sandbox.github.routes import incoming
from sandbox.github.routes.repositories import is_private, may_create
from sandbox.github.settings import SecondFork
from sandbox.github.shapes import repositories as shapes
from sandbox.github.site import current_site

if TYPE_CHECKING:
    from sandbox.github.database import Row

routes = Blueprint("forks", __name__)


@routes.get("/repos/<owner>/<repo>/forks")
def index(owner: str, repo: str) -> list[Any]:
    """List a repository's forks, newest first."""
    site, actor = current_site(), incoming.actor()
    row = incoming.repository(owner, repo)
    rows = site.database.all("SELECT * FROM repositories WHERE parent_id = ? ORDER BY id DESC", row["id"])
    visible = [fork for fork in rows if actors.may(site, actor, fork, "read")]
    return incoming.paged(visible, lambda fork: shapes.listed(site, fork, actor))


@routes.post("/repos/<owner>/<repo>/forks")
def create(owner: str, repo: str) -> tuple[dict[str, Any], int]:
    """Answer with the fork that is going to be; its git data follows later."""
    site, given, actor = current_site(), incoming.body(), incoming.actor()
    source = incoming.repository(owner, repo)
    target = _target(given)
    if target["id"] == source["owner_id"] and not _may_fork_own(target):
        raise forbidden("You cannot fork your own repository.")
    row = _existing(source, target)
    if row is None:
        row = _insert(source, target, given)
        site.git(row["id"]).create(row["default_branch"])
        only = incoming.flag(given, "default_branch_only", "Fork", default=False)
        copies.schedule(site, row, source, actor, default_branch_only=only)
    return shapes.full(site, row, actor), 202


def _target(given: dict[str, Any]) -> Row:
    organization = incoming.optional(given, "organization", "Fork", str)
    if not organization:
        return incoming.signed_in()
    incoming.signed_in()
    return may_create(incoming.account(organization, "Organization"))


def _may_fork_own(target: Row) -> bool:
    """Tell whether an owner may fork what it owns: organisations may."""
    return bool(target["type"] == "Organization")


def _existing(source: Row, target: Row) -> Row | None:
    """Return the fork that is there already, where this owner can have only one."""
    site = current_site()
    if target["type"] == "Organization" and site.settings.second_fork is SecondFork.NEW:
        return None
    query = "SELECT * FROM repositories WHERE owner_id = ? AND source_id = ? ORDER BY id"
    return site.database.one(query, target["id"], source["source_id"] or source["id"])


def _insert(source: Row, target: Row, given: dict[str, Any]) -> Row:
    site = current_site()
    wanted = incoming.optional(given, "name", "Fork", str)
    if wanted:
        names.check(site, target, wanted)
    relatives = {"parent_id": source["id"], "source_id": source["source_id"] or source["id"]}
    return names.insert(
        site,
        target,
        wanted or names.free(site, target, source["name"]),
        description=source["description"],
        private=source["private"],
        default_branch=source["default_branch"],
        has_issues=0,
        actions_enabled=0,
        **relatives,
    )


@routes.post("/repos/<owner>/<repo>/generate")
def generate(owner: str, repo: str) -> tuple[dict[str, Any], int]:
    """Create a repository with a template's files and a history of its own."""
    site, given, actor = current_site(), incoming.body(), incoming.actor()
    template = incoming.repository(owner, repo)
    if not template["is_template"]:
        raise ApiError(404, "Not Found")
    target = _generated_owner(given)
    name = incoming.required(given, "name", "Repository", str)
    names.check(site, target, name)
    row = names.insert(
        site,
        target,
        name,
        description=incoming.optional(given, "description", "Repository", str),
        private=is_private(given),
        default_branch=template["default_branch"],
        template_id=template["id"],
    )
    site.git(row["id"]).create(row["default_branch"])
    events.emit(site, "repository", row, {"action": "created"}, actor)
    every = incoming.flag(given, "include_all_branches", "Repository", default=False)
    copies.generate(site, row, template, actor, all_branches=every)
    row = lookups.repository(site, row["id"])
    return shapes.full(site, row, actor), 201


def _generated_owner(given: dict[str, Any]) -> Row:
    owner = incoming.optional(given, "owner", "Repository", str)
    return may_create(incoming.account(owner)) if owner else incoming.signed_in()
