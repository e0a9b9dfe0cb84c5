"""Git data: blobs, trees, commits and tags' objects.

https://docs.github.com/rest/git
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING, Any

from flask import Blueprint, request

from sandbox.github import commits, trees
from sandbox.github.errors import conflict, invalid, not_found, unprocessable
from sandbox.github.git import Git, GitError
from sandbox.github.routes import incoming
from sandbox.github.shapes import commits as shapes
from sandbox.github.shapes import repositories
from sandbox.github.site import current_site

if TYPE_CHECKING:
    from sandbox.github.database import Row

routes = Blueprint("git_objects", __name__)
_SHA = re.compile(r"[0-9a-f]{40}")
_MODES = {"100644", "100755", "040000", "160000", "120000"}


def opened(row: Row) -> Git:
    """Return a repository's git.

    Raises: ApiError 409 while it has no branch, as GitHub's git data endpoints say.
    """
    git = current_site().git(row["id"])
    if not git.directory.exists() or not git.refs():
        raise conflict("Git Repository is empty.")
    return git


@routes.post("/repos/<owner>/<repo>/git/blobs")
def create_blob(owner: str, repo: str) -> tuple[dict[str, Any], int]:
    """Store a file's content."""
    row, given = incoming.repository(owner, repo, "write"), incoming.body()
    content = decoded(incoming.required(given, "content", "Blob", str), given.get("encoding", "utf-8"))
    sha = opened(row).write_blob(content)
    return {"sha": sha, "url": f"{repositories.api_url(current_site(), row)}/git/blobs/{sha}"}, 201


def decoded(content: str, encoding: str) -> bytes:
    """Return the bytes of a content in utf-8 or base64.

    Raises: ApiError 422 when it is neither.
    """
    if encoding in {"utf-8", "utf8"}:
        return content.encode()
    if encoding != "base64":
        raise invalid("Blob", "encoding", "invalid")
    try:
        return base64.b64decode("".join(content.split()), validate=True)
    except binascii.Error:
        raise unprocessable("content is not valid Base64") from None


@routes.get("/repos/<owner>/<repo>/git/blobs/<sha>")
def show_blob(owner: str, repo: str, sha: str) -> dict[str, Any]:
    """Show a file's content in base64."""
    row = incoming.repository(owner, repo)
    git = opened(row)
    if not git.has_object(sha, "blob"):
        raise not_found()
    content = git.blob(sha)
    return {
        "sha": sha,
        "node_id": f"B_{sha}",
        "size": len(content),
        "url": f"{repositories.api_url(current_site(), row)}/git/blobs/{sha}",
        "content": base64.encodebytes(content).decode(),
        "encoding": "base64",
    }


@routes.post("/repos/<owner>/<repo>/git/trees")
def create_tree(owner: str, repo: str) -> tuple[dict[str, Any], int]:
    """Store a tree made of entries on top of ``base_tree``; an entry may carry its content inline."""
    row, given = incoming.repository(owner, repo, "write"), incoming.body()
    git = opened(row)
    base = incoming.optional(given, "base_tree", "Tree", str)
    if base and (not _SHA.fullmatch(base) or not git.ref(f"{base}^{{tree}}")):
        raise unprocessable("base_tree is not a valid tree oid")
    entries = _entries(git, incoming.required(given, "tree", "Tree", list))
    try:
        sha = trees.write(git, entries, base)
    except GitError as error:
        raise unprocessable(f"tree entry is not valid: {error}") from None
    return shapes.tree(current_site(), row, sha, trees.read(git, sha)), 201


def _entries(git: Git, given: list[Any]) -> list[trees.Entry]:
    for entry in given:
        _check_entry(git, entry)
    inline = [index for index, entry in enumerate(given) if "content" in entry]
    written = trees.write_blobs(git, [given[index]["content"].encode() for index in inline])
    blobs = dict(zip(inline, written, strict=True))
    return [
        trees.Entry(entry["path"], entry["mode"], blobs.get(index, entry.get("sha")))
        for index, entry in enumerate(given)
    ]


def _check_entry(git: Git, entry: Any) -> None:
    if not isinstance(entry, dict) or not isinstance(entry.get("path"), str) or not _good_path(entry["path"]):
        raise unprocessable("tree.path contains a malformed path component")
    if entry.get("mode") not in _MODES:
        raise unprocessable("Must supply a valid tree.mode")
    if ("sha" in entry) == ("content" in entry):
        raise unprocessable("Must supply either tree.sha or tree.content")
    sha = entry.get("sha")
    if sha and (not _SHA.fullmatch(sha) or not (git.kind(sha) or entry["mode"] == "160000")):
        raise unprocessable(f"tree.sha {sha} is not a valid {entry.get('type', 'blob')}")
    if "content" in entry and not isinstance(entry["content"], str):
        raise unprocessable("tree.content must be a string")


def _good_path(path: str) -> bool:
    parts = path.split("/")
    return (
        all(part and part not in {".", ".."} and part.lower() != ".git" for part in parts)
        and "\0" not in path
    )


@routes.get("/repos/<owner>/<repo>/git/trees/<path:sha>")
def show_tree(owner: str, repo: str, sha: str) -> dict[str, Any]:
    """Show a tree, known by its name, a commit or a branch."""
    row = incoming.repository(owner, repo)
    git = opened(row)
    name = git.ref(f"{git.commit_of(sha) or sha}^{{tree}}")
    if not name:
        raise not_found()
    entries = trees.read(git, name, recursive="recursive" in request.args)
    return shapes.tree(current_site(), row, name, entries)


@routes.post("/repos/<owner>/<repo>/git/commits")
def create_commit(owner: str, repo: str) -> tuple[dict[str, Any], int]:
    """Store a commit; a ref has to be moved to it afterwards."""
    row, given = incoming.repository(owner, repo, "write"), incoming.body()
    git = opened(row)
    message, tree = (incoming.required(given, name, "Commit", str) for name in ("message", "tree"))
    parents = incoming.optional(given, "parents", "Commit", list) or []
    if not git.has_object(tree, "tree"):
        raise unprocessable("Tree SHA does not exist")
    if not all(isinstance(parent, str) and git.has_object(parent, "commit") for parent in parents):
        raise unprocessable("Parent SHA does not exist or is not a commit object")
    author = signature(given.get("author"))
    committer = signature(given.get("committer") or given.get("author"))
    sha = commits.write(git, tree=tree, parents=parents, message=message, author=author, committer=committer)
    return shapes.git_commit(current_site(), row, commits.read(git, sha)), 201


def signature(given: Any) -> commits.Signature:
    """Return who is named in a body, or else the account that is asking.

    Raises: ApiError 422 when a name or address is missing.
    """
    account = incoming.signed_in()
    if not given:
        return commits.Signature.of(account)
    if not isinstance(given, dict) or not given.get("name") or not given.get("email"):
        raise unprocessable("Invalid author: name and email are required")
    present = commits.Signature.now(str(given["name"]), str(given["email"]))
    return commits.Signature(present.name, present.email, str(given.get("date") or present.date))


@routes.get("/repos/<owner>/<repo>/git/commits/<sha>")
def show_commit(owner: str, repo: str, sha: str) -> dict[str, Any]:
    """Show a commit."""
    row = incoming.repository(owner, repo)
    git = opened(row)
    if not _SHA.fullmatch(sha) or not git.has_object(sha, "commit"):
        raise not_found()
    return shapes.git_commit(current_site(), row, commits.read(git, sha))
