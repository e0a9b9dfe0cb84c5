"""Repositories: create, read, change, rename, delete, list."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

from flask import Blueprint, request

from sandbox.github import actors, clock, commits, events, lookups, names, refs, trees
from sandbox.github.errors import forbidden, invalid, unprocessable
from sandbox.github.pushes import BRANCHES
from sandbox.github.routes import incoming
from sandbox.github.shapes import repositories as shapes
from sandbox.github.site import current_site

if TYPE_CHECKING:
    from sandbox.github.database import Row

routes = Blueprint("repositories", __name__)
_FLAGS = (
    "has_issues",
    "has_projects",
    "has_wiki",
    "is_template",
    "allow_merge_commit",
    "allow_squash_merge",
    "delete_branch_on_merge",
)
_AFFILIATIONS = {
    "owner": "owner_id = ?",
    "collaborator": "id IN (SELECT repository_id FROM collaborators WHERE account_id = ?)",
    "organization_member": "owner_id IN (SELECT org_id FROM members WHERE account_id = ?)",
}
_SORTS = {"created": "created_at", "updated": "updated_at", "pushed": "pushed_at", "full_name": "name"}


@routes.get("/orgs/<org>/repos")
def of_organization(org: str) -> list[Any]:
    """List an organisation's repositories."""
    return _owned(incoming.account(org, "Organization"), "created")


@routes.get("/users/<login>/repos")
def of_user(login: str) -> list[Any]:
    """List somebody's repositories."""
    return _owned(incoming.account(login), "full_name")


@routes.get("/user/repos")
def mine() -> list[Any]:
    """List what the account that is asking owns, was invited to, or may use as a member."""
    site, account = current_site(), incoming.signed_in()
    wanted = request.args.get("affiliation", ",".join(_AFFILIATIONS)).split(",")
    if not _AFFILIATIONS.keys() >= set(wanted):
        raise unprocessable(f"{request.args['affiliation']!r} is no affiliation")
    queries = [f"SELECT * FROM repositories WHERE {_AFFILIATIONS[one]}" for one in wanted]  # noqa: S608 - ours
    found = site.database.all(" UNION ".join(queries), *([account["id"]] * len(queries)))
    rows = sorted(found, key=lambda row: (row["name"], row["id"]))
    return incoming.paged(rows, lambda row: shapes.listed(site, row, incoming.actor()))


def _owned(owner: Row, sort: str) -> list[Any]:
    site, actor = current_site(), incoming.actor()
    column = _SORTS.get(request.args.get("sort", sort), "created_at")
    rows = site.database.all("SELECT * FROM repositories WHERE owner_id = ? ORDER BY id", owner["id"])
    descending = request.args.get("direction", "asc" if column == "name" else "desc") == "desc"
    rows.sort(key=lambda row: (row[column], row["id"]), reverse=descending)
    visible = [row for row in rows if actors.may(site, actor, row, "read") and _of_type(row)]
    return incoming.paged(visible, lambda row: shapes.listed(site, row, actor))


def _of_type(row: Row) -> bool:
    wanted = request.args.get("type", "all")
    matches = {
        "public": not row["private"],
        "private": bool(row["private"]),
        "forks": row["parent_id"] is not None,
        "sources": row["parent_id"] is None,
    }
    return matches.get(wanted, True)


@routes.post("/orgs/<org>/repos")
def create_in_organization(org: str) -> tuple[dict[str, Any], int]:
    """Create a repository in an organisation."""
    return _create(may_create(incoming.account(org, "Organization")))


@routes.post("/user/repos")
def create_mine() -> tuple[dict[str, Any], int]:
    """Create a repository of one's own."""
    return _create(incoming.signed_in())


def may_create(owner: Row) -> Row:
    """Return the owner if the actor may create repositories there.

    Raises: ApiError 403 for outsiders.
    """
    account, actor = incoming.signed_in(), incoming.actor()
    role = actors.member_role(current_site(), owner["id"], account["id"])
    installed = actor.kind == actors.INSTALLATION and actors.covers(current_site(), actor, owner["id"])
    if actor.kind == actors.JOB or not (role or installed or owner["id"] == account["id"]):
        raise forbidden("You need admin access to the organization before adding a repository to it.")
    return owner


def _create(owner: Row) -> tuple[dict[str, Any], int]:
    site, given, actor = current_site(), incoming.body(), incoming.actor()
    name = incoming.required(given, "name", "Repository", str)
    names.check(site, owner, name)
    row = names.insert(site, owner, name, **_given_columns(given), private=is_private(given))
    site.git(row["id"]).create(row["default_branch"])
    events.emit(site, "repository", row, {"action": "created"}, actor)
    if incoming.flag(given, "auto_init", "Repository", default=False):
        _initialise(row)
    return shapes.full(site, row, actor), 201


def is_private(given: dict[str, Any]) -> bool:
    """Tell what ``private`` or ``visibility`` ask for."""
    return given.get("visibility") == "private" or incoming.flag(
        given, "private", "Repository", default=False
    )


def _given_columns(given: dict[str, Any]) -> dict[str, Any]:
    columns: dict[str, Any] = {
        name: incoming.flag(given, name, "Repository", default=False) for name in _FLAGS if name in given
    }
    for name in ("description", "homepage"):
        if name in given:
            columns[name] = incoming.optional(given, name, "Repository", str)
    return columns


def _initialise(row: Row) -> None:
    """Make the first commit with a README."""
    site, account = current_site(), incoming.signed_in()
    git = site.git(row["id"])
    blob = git.write_blob(f"# {row['name']}\n".encode())
    tree = trees.write(git, [trees.Entry("README.md", trees.REGULAR, blob)])
    who = commits.Signature.of(account)
    sha = commits.write(git, tree=tree, parents=[], message="Initial commit", author=who, committer=who)
    git.update_ref(BRANCHES + row["default_branch"], sha)
    refs.publish(site, row["id"], incoming.actor())


@routes.get("/repos/<owner>/<repo>")
def show(owner: str, repo: str) -> dict[str, Any]:
    """Show a repository."""
    return shapes.full(current_site(), incoming.repository(owner, repo), incoming.actor())


@routes.patch("/repos/<owner>/<repo>")
def change(owner: str, repo: str) -> dict[str, Any]:
    """Change, rename or archive a repository."""
    site, given = current_site(), incoming.body()
    row = incoming.repository(owner, repo, "admin")
    changed = _given_columns(given) | _default_branch(row, given)
    if "private" in given or "visibility" in given:
        changed["private"] = is_private(given)
    if "archived" in given:
        changed["archived"] = incoming.flag(given, "archived", "Repository", default=False)
    name = incoming.optional(given, "name", "Repository", str)
    with site.database.transaction():
        site.database.update("repositories", row["id"], **changed, updated_at=clock.now())
        if name and name != row["name"]:
            _rename(row, name)
    row = lookups.repository(site, row["id"])
    return shapes.full(site, row, incoming.actor())


def _default_branch(row: Row, given: dict[str, Any]) -> dict[str, Any]:
    branch = incoming.optional(given, "default_branch", "Repository", str)
    if not branch or branch == row["default_branch"]:
        return {}
    git = current_site().git(row["id"])
    if not git.ref(BRANCHES + branch):
        raise invalid("Repository", "default_branch", "invalid", f"The branch {branch} was not found.")
    git.set_head(branch)
    return {"default_branch": branch}


def _rename(row: Row, name: str) -> None:
    site = current_site()
    owner = site.database.get("SELECT * FROM accounts WHERE id = ?", row["owner_id"])
    names.check(site, owner, name, except_id=row["id"])
    site.database.execute(
        "DELETE FROM former_names WHERE owner_id = ? AND name IN (?, ?)", owner["id"], name, row["name"]
    )
    site.database.insert("former_names", owner_id=owner["id"], name=row["name"], repository_id=row["id"])
    site.database.update("repositories", row["id"], name=name)
    changes = {"repository": {"name": {"from": row["name"]}}}
    events.emit(
        site, "repository", row | {"name": name}, {"action": "renamed", "changes": changes}, incoming.actor()
    )


@routes.delete("/repos/<owner>/<repo>")
def delete(owner: str, repo: str) -> tuple[str, int]:
    """Delete a repository for good; its own hooks go with it and organisation hooks are told."""
    site = current_site()
    row = incoming.repository(owner, repo, "admin")
    with site.locks.of(row["id"]):
        with site.database.transaction():
            events.emit(site, "repository", row, {"action": "deleted"}, incoming.actor())
            site.database.execute("UPDATE repositories SET parent_id = NULL WHERE parent_id = ?", row["id"])
            site.database.execute("DELETE FROM repositories WHERE id = ?", row["id"])
        shutil.rmtree(site.git(row["id"]).directory, ignore_errors=True)
    return "", 204
