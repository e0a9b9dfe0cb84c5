"""Reactions to the comments of pull requests: one of each kind from everybody who may read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Blueprint, request

from sandbox.github import clock
from sandbox.github.errors import forbidden, invalid, not_found
from sandbox.github.routes import comments, incoming
from sandbox.github.shapes import reactions as shapes
from sandbox.github.site import current_site

if TYPE_CHECKING:
    from sandbox.github.database import Row

routes = Blueprint("reactions", __name__)
REACTIONS = "/repos/<owner>/<repo>/issues/comments/<int:comment_id>/reactions"


@routes.get(REACTIONS)
def index(owner: str, repo: str, comment_id: int) -> list[Any]:
    """List the reactions to a comment, oldest first."""
    site, comment = current_site(), _comment(owner, repo, comment_id)
    found = site.database.all("SELECT * FROM reactions WHERE comment_id = ? ORDER BY id", comment["id"])
    content = request.args.get("content")
    wanted = [row for row in found if content in {None, row["content"]}]
    return incoming.paged(wanted, lambda row: shapes.reaction(site, row))


@routes.post(REACTIONS)
def create(owner: str, repo: str, comment_id: int) -> tuple[dict[str, Any], int]:
    """React to a comment; 200 for who has done so already."""
    site, comment = current_site(), _comment(owner, repo, comment_id)
    account = incoming.signed_in()
    content = incoming.required(incoming.body(), "content", "Reaction", str)
    if content not in shapes.CONTENTS:
        raise invalid("Reaction", "content", "invalid")
    given = {"comment_id": comment["id"], "user_id": account["id"], "content": content}
    query = "SELECT * FROM reactions WHERE comment_id = ? AND user_id = ? AND content = ?"
    with site.database.transaction():
        row = site.database.one(query, *given.values())
        if row is None:
            site.database.insert("reactions", **given, created_at=clock.now())
    known = row or site.database.get(query, *given.values())
    return shapes.reaction(site, known), 200 if row else 201


@routes.delete(f"{REACTIONS}/<int:reaction_id>")
def delete(owner: str, repo: str, comment_id: int, reaction_id: int) -> tuple[str, int]:
    """Take one's own reaction back."""
    site, comment = current_site(), _comment(owner, repo, comment_id)
    query = "SELECT * FROM reactions WHERE comment_id = ? AND id = ?"
    row = site.database.one(query, comment["id"], reaction_id)
    if row is None:
        raise not_found()
    if row["user_id"] != incoming.signed_in()["id"]:
        raise forbidden("You can only delete your own reactions.")
    site.database.execute("DELETE FROM reactions WHERE id = ?", reaction_id)
    return "", 204


def _comment(owner: str, repo: str, comment_id: int) -> Row:
    return comments.found(incoming.repository(owner, repo), comment_id)
