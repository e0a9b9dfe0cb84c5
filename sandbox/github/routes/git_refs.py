"""Git data: refs. Moving one here is a push like any other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Blueprint

from sandbox.github import refs
from sandbox.github.errors import not_found, unprocessable
from sandbox.github.git import Git, GitError
from sandbox.github.pushes import BRANCHES, TAGS
from sandbox.github.routes import incoming
from sandbox.github.routes.git_objects import opened
from sandbox.github.shapes import commits as shapes
from sandbox.github.site import current_site

if TYPE_CHECKING:
    from sandbox.github.database import Row

routes = Blueprint("git_refs", __name__)
_LEAST_SLASHES = 2


@routes.get("/repos/<owner>/<repo>/git/ref/<path:name>")
def show(owner: str, repo: str, name: str) -> dict[str, Any]:
    """Show one ref; its name is complete but for ``refs/``."""
    row = incoming.repository(owner, repo)
    sha = opened(row).refs().get(f"refs/{name}")
    if sha is None:
        raise not_found()
    return shapes.ref(current_site(), row, f"refs/{name}", sha)


@routes.get("/repos/<owner>/<repo>/git/refs/<path:name>")
def show_plural(owner: str, repo: str, name: str) -> dict[str, Any]:
    """Show one ref at the older address that clients still use."""
    return show(owner, repo, name)


@routes.get("/repos/<owner>/<repo>/git/refs", defaults={"name": ""})
@routes.get("/repos/<owner>/<repo>/git/matching-refs/<path:name>")
def matching(owner: str, repo: str, name: str) -> list[Any]:
    """List the refs whose names start with a text."""
    site, row = current_site(), incoming.repository(owner, repo)
    found = sorted(opened(row).matching(f"refs/{name}").items())
    return incoming.paged(found, lambda pair: shapes.ref(site, row, *pair))


@routes.post("/repos/<owner>/<repo>/git/refs")
def create(owner: str, repo: str) -> tuple[dict[str, Any], int]:
    """Create a branch or tag."""
    row, given = incoming.repository(owner, repo, "write"), incoming.body()
    git = opened(row)
    name = incoming.required(given, "ref", "Reference", str)
    if not name.startswith("refs/") or name.count("/") < _LEAST_SLASHES:
        raise unprocessable("Reference name is invalid: it must start with 'refs/' and have two slashes")
    with current_site().locks.of(row["id"]):
        if git.ref(name):
            raise unprocessable("Reference already exists")
        _move(row, git, name, incoming.required(given, "sha", "Reference", str), old="0" * 40)
    return shapes.ref(current_site(), row, name, given["sha"]), 201


@routes.patch("/repos/<owner>/<repo>/git/refs/<path:name>")
def update(owner: str, repo: str, name: str) -> dict[str, Any]:
    """Move a ref, forwards only unless forced."""
    row, given = incoming.repository(owner, repo, "write"), incoming.body()
    git, name = opened(row), f"refs/{name}"
    sha = incoming.required(given, "sha", "Reference", str)
    with current_site().locks.of(row["id"]):
        old = git.ref(name)
        if not old:
            raise unprocessable("Reference does not exist")
        forced = incoming.flag(given, "force", "Reference", default=False)
        if git.kind(sha) == "commit" and not forced and not git.is_ancestor(old, sha):
            raise unprocessable("Update is not a fast forward")
        _move(row, git, name, sha, old)
    return shapes.ref(current_site(), row, name, sha)


def _move(row: Row, git: Git, name: str, sha: str, old: str) -> None:
    if not name.startswith((BRANCHES, TAGS)):
        raise unprocessable("Reference cannot be updated")
    wanted = "commit" if name.startswith(BRANCHES) else None
    if git.kind(sha) is None or (wanted and git.kind(sha) != wanted):
        raise unprocessable(
            "Object does not exist" if git.kind(sha) is None else "Reference must name a commit"
        )
    try:
        git.update_ref(name, sha, old)
    except GitError:
        raise unprocessable("Reference update failed") from None
    refs.publish(current_site(), row["id"], incoming.actor())


@routes.delete("/repos/<owner>/<repo>/git/refs/<path:name>")
def delete(owner: str, repo: str, name: str) -> tuple[str, int]:
    """Delete a branch or tag."""
    row = incoming.repository(owner, repo, "write")
    git, name = opened(row), f"refs/{name}"
    with current_site().locks.of(row["id"]):
        if not git.ref(name):
            raise unprocessable("Reference does not exist")
        if name == BRANCHES + row["default_branch"] or not name.startswith((BRANCHES, TAGS)):
            raise unprocessable("Cannot delete this reference")
        git.delete_ref(name)
        refs.publish(current_site(), row["id"], incoming.actor())
    return "", 204
