"""Commits, trees, refs and files as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from sandbox.github import commits as plumbing
from sandbox.github.shapes import accounts, repositories

if TYPE_CHECKING:
    from sandbox.github.commits import Commit, Signature
    from sandbox.github.database import Row
    from sandbox.github.diffs import FileChange
    from sandbox.github.site import Site
    from sandbox.github.trees import Entry

UNSIGNED = {"verified": False, "reason": "unsigned", "signature": None, "payload": None, "verified_at": None}


def person(who: Signature) -> dict[str, str]:
    """Return a commit's author or committer."""
    return {"name": who.name, "email": who.email, "date": who.utc}


def git_commit(site: Site, repository: Row, commit: Commit) -> dict[str, Any]:
    """Return a commit as the git data endpoints show it."""
    api, page = repositories.api_url(site, repository), repositories.html_url(site, repository)
    return {
        "sha": commit.sha,
        "node_id": f"C_{commit.sha}",
        "url": f"{api}/git/commits/{commit.sha}",
        "html_url": f"{page}/commit/{commit.sha}",
        "author": person(commit.author),
        "committer": person(commit.committer),
        "tree": {"sha": commit.tree, "url": f"{api}/git/trees/{commit.tree}"},
        "message": commit.message,
        "parents": [
            {"sha": sha, "url": f"{api}/git/commits/{sha}", "html_url": f"{page}/commit/{sha}"}
            for sha in commit.parents
        ],
        "verification": UNSIGNED,
    }


def commit(site: Site, repository: Row, found: Commit) -> dict[str, Any]:
    """Return a commit as the repository endpoints show it."""
    api, page = repositories.api_url(site, repository), repositories.html_url(site, repository)
    url = f"{api}/commits/{found.sha}"
    return {
        "sha": found.sha,
        "node_id": f"C_{found.sha}",
        "commit": {
            "author": person(found.author),
            "committer": person(found.committer),
            "message": found.message,
            "tree": {"sha": found.tree, "url": f"{api}/git/trees/{found.tree}"},
            "url": f"{api}/git/commits/{found.sha}",
            "comment_count": 0,
            "verification": UNSIGNED,
        },
        "url": url,
        "html_url": f"{page}/commit/{found.sha}",
        "comments_url": f"{url}/comments",
        "author": accounts.user_by_email(site, found.author.email),
        "committer": accounts.user_by_email(site, found.committer.email),
        "parents": [
            {"sha": sha, "url": f"{api}/commits/{sha}", "html_url": f"{page}/commit/{sha}"}
            for sha in found.parents
        ],
    }


def older(shape: dict[str, Any]) -> dict[str, Any]:
    """Return a commit as the schema of status webhooks has it, which does not know ``verified_at``."""
    verification = {name: value for name, value in UNSIGNED.items() if name != "verified_at"}
    return shape | {"commit": shape["commit"] | {"verification": verification}}


def commit_by_sha(site: Site, repository: Row, sha: str) -> dict[str, Any]:
    """Return a commit known by its name."""
    return commit(site, repository, plumbing.read(site.git(repository["id"]), sha))


def ref(site: Site, repository: Row, name: str, sha: str) -> dict[str, Any]:
    """Return a ref."""
    api = repositories.api_url(site, repository)
    kind = site.git(repository["id"]).kind(sha) or "commit"
    return {
        "ref": name,
        "node_id": accounts.node_id("REF", abs(hash((repository["id"], name)))),
        "url": f"{api}/git/{quote(name)}",
        "object": {"sha": sha, "type": kind, "url": f"{api}/git/{kind}s/{sha}"},
    }


def tree(site: Site, repository: Row, sha: str, entries: list[Entry]) -> dict[str, Any]:
    """Return a tree."""
    api = repositories.api_url(site, repository)
    return {
        "sha": sha,
        "url": f"{api}/git/trees/{sha}",
        "tree": [_tree_entry(api, entry) for entry in entries],
        "truncated": False,
    }


def _tree_entry(api: str, entry: Entry) -> dict[str, Any]:
    size = {"size": entry.size_bytes} if entry.size_bytes is not None else {}
    return {
        "path": entry.path,
        "mode": entry.mode,
        "type": entry.kind,
        "sha": entry.sha,
        "url": f"{api}/git/{entry.kind}s/{entry.sha}",
        **size,
    }


def file_change(site: Site, repository: Row, sha: str, change: FileChange) -> dict[str, Any]:
    """Return one changed file of a commit, comparison or pull request."""
    api, page = repositories.api_url(site, repository), repositories.html_url(site, repository)
    path = quote(change.path)
    result: dict[str, Any] = {
        "sha": change.sha,
        "filename": change.path,
        "status": change.status,
        "additions": change.additions,
        "deletions": change.deletions,
        "changes": change.additions + change.deletions,
        "blob_url": f"{page}/blob/{sha}/{path}",
        "raw_url": f"{page}/raw/{sha}/{path}",
        "contents_url": f"{api}/contents/{path}?ref={sha}",
    }
    if change.patch is not None:
        result["patch"] = change.patch
    if change.previous_path:
        result["previous_filename"] = change.previous_path
    return result


def content(site: Site, repository: Row, entry: Entry, ref_name: str) -> dict[str, Any]:
    """Return a file or directory as a directory's listing shows it."""
    api, page = repositories.api_url(site, repository), repositories.html_url(site, repository)
    kind, path = {"tree": "dir", "blob": "file"}.get(entry.kind, "submodule"), quote(entry.path)
    url = f"{api}/contents/{path}?ref={quote(ref_name)}"
    html = f"{page}/{'tree' if kind == 'dir' else 'blob'}/{quote(ref_name)}/{path}"
    git_url = f"{api}/git/{entry.kind}s/{entry.sha}"
    return {
        "name": entry.path.rsplit("/", 1)[-1],
        "path": entry.path,
        "sha": entry.sha,
        "size": entry.size_bytes or 0,
        "url": url,
        "html_url": html,
        "git_url": git_url,
        "download_url": f"{page}/raw/{quote(ref_name)}/{path}" if kind == "file" else None,
        "type": kind,
        "_links": {"self": url, "git": git_url, "html": html},
    }
