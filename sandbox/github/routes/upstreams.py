"""Taking the new commits of the repository that a fork was made from.

https://docs.github.com/rest/branches/branches#sync-a-fork-branch-with-the-upstream-repository
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint

from sandbox.github import commits, lookups, refs
from sandbox.github.errors import ApiError, conflict, unprocessable
from sandbox.github.pushes import BRANCHES
from sandbox.github.routes import incoming
from sandbox.github.shapes import accounts
from sandbox.github.site import current_site

if TYPE_CHECKING:
    from sandbox.github.database import Row
    from sandbox.github.git import Git

routes = Blueprint("upstreams", __name__)


@routes.post("/repos/<owner>/<repo>/merge-upstream")
def merge_upstream(owner: str, repo: str) -> dict[str, str]:
    """Bring a branch up to date with the parent's branch of that name, or with its default branch."""
    site, row, given = current_site(), incoming.repository(owner, repo, "write"), incoming.body()
    branch = incoming.required(given, "branch", "Repository", str)
    parent = lookups.repository_if_any(site, row["parent_id"])
    if parent is None:
        raise unprocessable("The repository is not a fork.")
    git, theirs = site.git(row["id"]), _branch_of(parent, branch)
    with site.locks.of(row["id"]):
        head = git.ref(BRANCHES + branch)
        if head is None:
            raise ApiError(404, "Branch not found")
        git.fetch(site.git(parent["id"]).directory, BRANCHES + theirs)
        kind = _bring(git, parent, branch, head, str(site.git(parent["id"]).ref(BRANCHES + theirs)))
        refs.publish(site, row["id"], incoming.actor())
    name = f"{accounts.account(site, parent['owner_id'])['login']}:{theirs}"
    words = "is up to date with" if kind == "none" else "was brought up to date with"
    return {"message": f"{branch} {words} {name}", "merge_type": kind, "base_branch": name}


def _branch_of(parent: Row, branch: str) -> str:
    has_it = current_site().git(parent["id"]).ref(BRANCHES + branch) is not None
    return branch if has_it else str(parent["default_branch"])


def _bring(git: Git, parent: Row, branch: str, head: str, theirs: str) -> str:
    """Move the branch and return how: not at all, forwards, or to a merge."""
    if git.is_ancestor(theirs, head):
        return "none"
    if git.is_ancestor(head, theirs):
        git.update_ref(BRANCHES + branch, theirs, head)
        return "fast-forward"
    git.update_ref(BRANCHES + branch, _merge(git, parent, branch, head, theirs), head)
    return "merge"


def _merge(git: Git, parent: Row, branch: str, head: str, theirs: str) -> str:
    tree = git.merge_tree(head, theirs)
    if tree is None:
        raise conflict("There are merge conflicts")
    who = commits.Signature.of(incoming.signed_in())
    owner = accounts.account(current_site(), parent["owner_id"])["login"]
    message = f"Merge branch '{owner}:{branch}' into {branch}"
    return commits.write(git, tree=tree, parents=[head, theirs], message=message, author=who, committer=who)
