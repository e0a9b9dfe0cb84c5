"""Files: read, written and deleted one by one, each change a commit and a push.

https://docs.github.com/rest/repos/contents
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, request

from sandbox.github import commits, refs, trees
from sandbox.github.errors import ApiError, conflict, invalid, not_found, unprocessable
from sandbox.github.git import Git, GitError
from sandbox.github.pushes import BRANCHES
from sandbox.github.routes import incoming
from sandbox.github.routes.git_objects import decoded, signature
from sandbox.github.shapes import commits as shapes
from sandbox.github.site import current_site

if TYPE_CHECKING:
    from sandbox.github.database import Row

routes = Blueprint("contents", __name__)
RAW = "application/vnd.github.raw"


@routes.get("/repos/<owner>/<repo>/contents", defaults={"path": ""})
@routes.get("/repos/<owner>/<repo>/contents/<path:path>")
def show(owner: str, repo: str, path: str) -> Any:
    """Show a file with its content, or a directory's listing."""
    site, row = current_site(), incoming.repository(owner, repo)
    git, ref = site.git(row["id"]), request.args.get("ref") or row["default_branch"]
    commit = git.commit_of(ref)
    if commit is None:
        raise ApiError(
            404, "This repository is empty." if not git.refs() else f"No commit found for the ref {ref}"
        )
    entry = trees.at(git, commit, path.strip("/"))
    if entry is None:
        raise not_found()
    if entry.kind == "tree":
        below = [_below(entry, child) for child in trees.read(git, str(entry.sha))]
        return [shapes.content(site, row, child, ref) for child in below]
    content = git.blob(str(entry.sha))
    if RAW in request.headers.get("Accept", "") or "v3.raw" in request.headers.get("Accept", ""):
        return Response(content, mimetype=f"{RAW}; charset=utf-8")
    encoded = base64.encodebytes(content).decode()
    return shapes.content(site, row, entry, ref) | {"content": encoded, "encoding": "base64"}


def _below(parent: trees.Entry, child: trees.Entry) -> trees.Entry:
    path = f"{parent.path}/{child.path}" if parent.path else child.path
    return trees.Entry(path, child.mode, child.sha, child.size_bytes)


@routes.put("/repos/<owner>/<repo>/contents/<path:path>")
def write(owner: str, repo: str, path: str) -> tuple[dict[str, Any], int]:
    """Create or change a file; to change one its present ``sha`` has to be shown."""
    site, row, given = current_site(), incoming.repository(owner, repo, "write"), incoming.body()
    content = decoded(incoming.required(given, "content", "Content", str), "base64")
    git, branch = (
        site.git(row["id"]),
        incoming.optional(given, "branch", "Content", str) or row["default_branch"],
    )
    with site.locks.of(row["id"]):
        present = _present(git, row, branch, path)
        _check_sha(present, incoming.optional(given, "sha", "Content", str), path)
        mode = present.mode if present else trees.REGULAR
        sha = _commit(git, row, branch, trees.Entry(path, mode, git.write_blob(content)), given)
        refs.publish(site, row["id"], incoming.actor())
    entry = trees.at(git, sha, path)
    if entry is None:
        raise not_found()
    return _answer(row, sha, shapes.content(site, row, entry, branch)), 200 if present else 201


@routes.delete("/repos/<owner>/<repo>/contents/<path:path>")
def delete(owner: str, repo: str, path: str) -> dict[str, Any]:
    """Delete a file, whose present ``sha`` has to be shown."""
    site, row = current_site(), incoming.repository(owner, repo, "write")
    given = incoming.body() or request.args.to_dict()
    git, branch = site.git(row["id"]), given.get("branch") or row["default_branch"]
    with site.locks.of(row["id"]):
        present = _present(git, row, branch, path)
        if present is None:
            raise not_found()
        _check_sha(present, given.get("sha"), path)
        sha = _commit(git, row, branch, trees.Entry(path, present.mode, None), given)
        refs.publish(site, row["id"], incoming.actor())
    return _answer(row, sha, None)


def _answer(row: Row, sha: str, content: dict[str, Any] | None) -> dict[str, Any]:
    site = current_site()
    commit = commits.read(site.git(row["id"]), sha)
    return {"content": content, "commit": shapes.git_commit(site, row, commit)}


def _present(git: Git, row: Row, branch: str, path: str) -> trees.Entry | None:
    head = git.ref(BRANCHES + branch)
    if head is None and git.refs() and branch != row["default_branch"]:
        raise ApiError(404, f"Branch {branch} not found")
    return trees.at(git, head, path) if head else None


def _check_sha(present: trees.Entry | None, shown: str | None, path: str) -> None:
    if present is None:
        return
    if shown is None:
        raise unprocessable('Invalid request.\n\n"sha" wasn\'t supplied.')
    if present.kind != "blob":
        raise invalid("Content", "path", "invalid")
    if shown != present.sha:
        raise conflict(f"{path} does not match {shown}")


def _commit(git: Git, row: Row, branch: str, entry: trees.Entry, given: dict[str, Any]) -> str:
    message = incoming.required(given, "message", "Content", str)
    head = git.ref(BRANCHES + branch)
    author = signature(given.get("author") or given.get("committer"))
    committer = signature(given.get("committer") or given.get("author"))
    try:
        tree = trees.write(git, [entry], head)
    except GitError as error:
        raise unprocessable(f"path is not valid: {error}") from None
    parents = [head] if head else []
    sha = commits.write(git, tree=tree, parents=parents, message=message, author=author, committer=committer)
    git.update_ref(BRANCHES + (branch or row["default_branch"]), sha, head or "0" * 40)
    return sha
