"""Which page answers which address, the same addresses as GitHub's."""

from __future__ import annotations

import mimetypes
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, abort, redirect, render_template, send_from_directory

from sandbox.github import commits, diffs, pulls, trees
from sandbox.github.errors import ApiError
from sandbox.github.pages import avatars, views
from sandbox.github.pages.markdown import render as markdown
from sandbox.github.shapes import accounts
from sandbox.github.shapes import pulls as pull_shapes
from sandbox.github.site import current_site

if TYPE_CHECKING:
    from werkzeug.wrappers import Response as BaseResponse

    from sandbox.github.database import Row

routes = Blueprint("pages", __name__, template_folder="templates")
STATIC = Path(__file__).parent / "static"
MOST_SHOWN_BYTES = 512 * 1024
SHOWN_COMMITS = 100
SAFE = {
    "Content-Security-Policy": "default-src 'none'; img-src *; style-src 'self'; sandbox",
    "X-Content-Type-Options": "nosniff",
}


@routes.app_template_filter("markdown")
def _markdown(text: str | None) -> str:
    return markdown(text)


@routes.app_template_filter("safe_link")
def _safe_link(url: str) -> str:
    """Return an address that may stand in a link; a javascript: one may not."""
    return url if url.startswith(("http://", "https://", "/")) else "#"


@routes.get("/static/<path:name>")
def static(name: str) -> Response:
    """Serve the style sheet."""
    return send_from_directory(STATIC, name)


@routes.get("/avatars/u/<int:account_id>")
def avatar(account_id: int) -> Response:
    """Draw an account's picture."""
    row = current_site().database.one("SELECT login FROM accounts WHERE id = ?", account_id) or abort(404)
    return Response(avatars.svg(row["login"]), mimetype="image/svg+xml")


@routes.get("/")
def home() -> str:
    """Show every owner with its repositories."""
    return render_template("github/home.html", owners=views.owners(current_site()))


@routes.get("/<owner>")
def owner_page(owner: str) -> str:
    """Show one owner's repositories."""
    row = accounts.by_login(current_site(), owner) or abort(404)
    found = [one for one in views.owners(current_site()) if one["login"] == row["login"]]
    return render_template("github/home.html", owners=found or [{"login": row["login"], "repositories": []}])


def _repository(owner: str, repo: str) -> Row:
    query = (
        "SELECT r.*, a.login AS owner FROM repositories r JOIN accounts a ON a.id = r.owner_id "
        "WHERE a.login = ? AND r.name = ?"
    )
    return current_site().database.one(query, owner, repo) or abort(404)


def _show(template: str, row: Row, **values: Any) -> str:
    return render_template(
        f"github/{template}.html", repository=row, full_name=f"{row['owner']}/{row['name']}", **values
    )


@routes.get("/<owner>/<repo>")
def repository(owner: str, repo: str) -> str | BaseResponse:
    """Show a repository: files at the head, branches, commits, deployments."""
    name = repo.removesuffix(".git")
    site, row = current_site(), _repository(owner, name)
    if name != repo:
        return redirect(f"/{row['owner']}/{row['name']}")
    return _show("repository", row, **views.overview(site, row))


def _located(row: Row, where: str) -> tuple[str, str, str]:
    """Split ``ref/with/slashes/and/a/path`` into ref, commit and path."""
    git, parts = current_site().git(row["id"]), where.strip("/").split("/")
    for length in range(1, len(parts) + 1):
        ref = "/".join(parts[:length])
        commit = git.commit_of(ref)
        if commit:
            return ref, commit, "/".join(parts[length:])
    return abort(404)


@routes.get("/<owner>/<repo>/tree/<path:where>")
def tree(owner: str, repo: str, where: str) -> str:
    """Show a directory."""
    site, row = current_site(), _repository(owner, repo)
    ref, commit, path = _located(row, where)
    entry = trees.at(site.git(row["id"]), commit, path) or abort(404)
    listing = views.listing(site, row, str(entry.sha))
    return _show("tree", row, ref=ref, path=path, listing=listing)


@routes.get("/<owner>/<repo>/blob/<path:where>")
def blob(owner: str, repo: str, where: str) -> str:
    """Show a file."""
    row = _repository(owner, repo)
    ref, _commit, path = _located(row, where)
    content = _content(row, where)
    binary = b"\0" in content[:8000] or len(content) > MOST_SHOWN_BYTES
    text = None if binary else content.decode(errors="replace")
    return _show("blob", row, ref=ref, path=path, text=text, size=len(content))


@routes.get("/<owner>/<repo>/raw/<path:where>")
def raw(owner: str, repo: str, where: str) -> Response:
    """Serve a file's bytes, as text: nothing from a repository runs under this address."""
    row = _repository(owner, repo)
    kind = mimetypes.guess_type(where)[0] or "text/plain"
    shown = kind if kind.startswith("image/") else "text/plain; charset=utf-8"
    return Response(_content(row, where), content_type=shown, headers=SAFE)


def _content(row: Row, where: str) -> bytes:
    git = current_site().git(row["id"])
    _ref, commit, path = _located(row, where)
    entry = trees.at(git, commit, path)
    if entry is None or entry.kind != "blob":
        abort(404)
    return git.blob(str(entry.sha))


@routes.get("/<owner>/<repo>/commits", defaults={"ref": None})
@routes.get("/<owner>/<repo>/commits/<path:ref>")
def history(owner: str, repo: str, ref: str | None) -> str:
    """Show the commits of a branch."""
    site, row = current_site(), _repository(owner, repo)
    git, ref = site.git(row["id"]), ref or row["default_branch"]
    head = git.commit_of(ref) or abort(404)
    found = commits.log(git, head, limit=SHOWN_COMMITS)
    return _show("commits", row, ref=ref, commits=views.with_statuses(site, row, found))


@routes.get("/<owner>/<repo>/commit/<sha>")
def commit_page(owner: str, repo: str, sha: str) -> str:
    """Show a commit with its changes and statuses."""
    site, row = current_site(), _repository(owner, repo)
    git = site.git(row["id"])
    found = commits.read(git, git.commit_of(sha) or abort(404))
    changes = diffs.between(git, found.parents[0] if found.parents else None, found.sha)
    statuses = views.statuses(site, row, found.sha)
    return _show("commit", row, commit=found, changes=changes, statuses=statuses)


@routes.get("/<owner>/<repo>/pulls")
def pull_list(owner: str, repo: str) -> str:
    """Show every pull request."""
    site, row = current_site(), _repository(owner, repo)
    return _show("pulls", row, pulls=views.pull_requests(site, row))


@routes.get("/<owner>/<repo>/deployments")
def deployments(owner: str, repo: str) -> str:
    """Show every deployment with its latest status."""
    site, row = current_site(), _repository(owner, repo)
    return _show("deployments", row, deployments=views.deployments(site, row, limit=100))


def _pull(row: Row, number: int) -> Row:
    try:
        return pulls.get(current_site(), row["id"], number)
    except ApiError:
        abort(404)


@routes.get("/<owner>/<repo>/pull/<int:number>")
def pull(owner: str, repo: str, number: int) -> str:
    """Show a pull request with its conversation."""
    site, row = current_site(), _repository(owner, repo)
    return _show("pull", row, **views.conversation(site, row, _pull(row, number)))


@routes.get("/<owner>/<repo>/pull/<int:number>/files")
def pull_files(owner: str, repo: str, number: int) -> str:
    """Show what a pull request changes."""
    site, row = current_site(), _repository(owner, repo)
    found = _pull(row, number)
    changes = pull_shapes.files(site.git(row["id"]), found)
    return _show("pull_files", row, pull=found, changes=changes)
