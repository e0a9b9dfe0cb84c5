"""What the site holds, as the nodes of GitHub's schema: plain dictionaries whose functions answer when asked.

graphql-core calls a value that is a function with the field's arguments.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from sandbox.github import lookups
from sandbox.github.git import GitError
from sandbox.github.shapes import accounts, repositories

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sandbox.actions.records import Run
    from sandbox.github.database import Row
    from sandbox.github.git import Git
    from sandbox.github.site import Site

Node = dict[str, Any]
T = TypeVar("T")

_BRANCHES = "refs/heads/"
_KINDS = {"blob": "Blob", "tree": "Tree", "commit": "Commit", "tag": "Tag"}
_PULLS = "SELECT * FROM pulls WHERE repository_id = ? ORDER BY id"
_COLUMNS = {"CREATED_AT": "created_at", "UPDATED_AT": "updated_at"}


def account(site: Site, row: Row) -> Node:
    """Return somebody."""
    return {
        "__typename": "Bot" if row["type"] == "Bot" else "User",
        "databaseId": row["id"],
        "login": row["login"].removesuffix("[bot]"),
        "url": f"{site.url}/{row['login']}",
    }


def repository(site: Site, row: Row) -> Node:
    """Return a repository."""
    git, refs = site.git(row["id"]), cache(lambda: _refs(site.git(row["id"])))
    return {
        "id": accounts.node_id("R", row["id"]),
        "databaseId": row["id"],
        "name": row["name"],
        "nameWithOwner": repositories.full_name(site, row),
        "url": repositories.html_url(site, row),
        "isArchived": bool(row["archived"]),
        "isFork": row["parent_id"] is not None,
        "isPrivate": bool(row["private"]),
        "defaultBranchRef": lambda _info: _ref(site, row, refs(), _BRANCHES + row["default_branch"]),
        "ref": lambda _info, **given: _ref(site, row, refs(), _qualified(given["qualifiedName"])),
        "object": lambda _info, **given: _object(site, row, git, given.get("oid") or given.get("expression")),
        "pullRequests": lambda _info, **given: _pulls(site, row, given),
    }


def _refs(git: Git) -> dict[str, str]:
    """Return the refs; none while the repository is still being made."""
    try:
        return git.refs()
    except GitError:
        return {}


def _qualified(name: str) -> str:
    return name if name.startswith("refs/") else _BRANCHES + name


def _ref(site: Site, row: Row, refs: Mapping[str, str], name: str) -> Node | None:
    if name not in refs:
        return None
    prefix = "/".join(name.split("/")[:2]) + "/"
    commit = _commit(site, row, refs[name])
    return {
        "id": f"REF_{row['id']}_{name}",
        "name": name.removeprefix(prefix),
        "prefix": prefix,
        "target": commit,
    }


def _object(site: Site, row: Row, git: Git, expression: str | None) -> Node | None:
    sha = git.ref(expression) if expression else None
    kind = git.kind(sha) if sha else None
    if sha is None or kind is None:
        return None
    if kind == "commit":
        return _commit(site, row, sha)
    size = (lambda _info: len(git.blob(sha))) if kind == "blob" else None
    return {"__typename": _KINDS[kind], "id": f"O_{sha}", "oid": sha, "byteSize": size}


def _commit(site: Site, row: Row, sha: str) -> Node:
    return {
        "__typename": "Commit",
        "id": f"C_{row['id']}_{sha}",
        "oid": sha,
        "checkSuites": lambda _info, **given: _suites(site, row, sha, given),
    }


def _suites(site: Site, row: Row, sha: str, given: Mapping[str, Any]) -> Node:
    runs = site.actions.runs_of(row["id"], sha) if site.actions else []
    return _connection(runs, given, lambda run: run.id, lambda run: _suite(site, row, run))


def _suite(site: Site, row: Row, run: Run) -> Node:
    return {
        "id": accounts.node_id("CS", run.id),
        "databaseId": run.id,
        "status": run.status.upper(),
        "conclusion": run.conclusion.upper() if run.conclusion else None,
        "workflowRun": _run(site, row, run),
    }


def _run(site: Site, row: Row, run: Run) -> Node:
    home, page = repositories.full_name(site, row), f"actions/runs/{run.id}"
    return {
        "id": accounts.node_id("WFR", run.id),
        "databaseId": run.id,
        "event": run.event,
        "runNumber": run.number,
        "createdAt": run.created_at,
        "updatedAt": run.updated_at,
        "resourcePath": f"/{home}/{page}",
        "url": f"{repositories.html_url(site, row)}/{page}",
        "file": {"id": accounts.node_id("WRF", run.id), "path": run.path},
        "workflow": {
            "id": accounts.node_id("W", run.workflow_id),
            "databaseId": run.workflow_id,
            "name": run.name,
            "resourcePath": f"/{home}/actions/workflows/{run.path.rpartition('/')[2]}",
        },
    }


def _pulls(site: Site, row: Row, given: Mapping[str, Any]) -> Node:
    rows = [it for it in site.database.all(_PULLS, row["id"]) if _fits(it, given)]
    order = given.get("orderBy") or {"field": "CREATED_AT", "direction": "ASC"}
    column = _COLUMNS[order["field"]]
    rows.sort(key=lambda it: (it[column], it["id"]), reverse=order["direction"] == "DESC")
    return _connection(rows, given, lambda it: it["id"], lambda it: _pull(site, it))


def _fits(row: Row, given: Mapping[str, Any]) -> bool:
    is_named = given.get("headRefName") in {None, row["head_ref"]}
    return is_named and (not given.get("states") or _state(row) in given["states"])


def _state(row: Row) -> str:
    return "MERGED" if row["merged"] else str(row["state"]).upper()


def _pull(site: Site, row: Row) -> Node:
    home, head = lookups.repository(site, row["repository_id"]), row["head_repository_id"]
    known = lookups.repository_if_any(site, head)
    return {
        "id": accounts.node_id("PR", row["id"]),
        "number": row["number"],
        "title": row["title"],
        "url": f"{repositories.html_url(site, home)}/pull/{row['number']}",
        "state": _state(row),
        "isDraft": bool(row["draft"]),
        "isCrossRepository": head != row["repository_id"],
        "author": account(site, accounts.account(site, row["user_id"])),
        "baseRefName": row["base_ref"],
        "headRefName": row["head_ref"],
        "headRefOid": row["head_sha"],
        "headRepository": repository(site, known) if known else None,
        "createdAt": row["created_at"],
        "updatedAt": row["updated_at"],
        "commits": lambda _info, **given: _commits(site, home, row, given),
    }


def _commits(site: Site, home: Row, pull: Row, given: Mapping[str, Any]) -> Node:
    git = site.git(home["id"])
    shas = git.text("rev-list", "--reverse", f"{pull['base_sha']}..{pull['head_sha']}").split()
    return _connection(
        shas,
        given,
        lambda sha: sha,
        lambda sha: {"id": f"PRC_{pull['id']}_{sha}", "commit": _commit(site, home, sha)},
    )


def _connection(
    items: Sequence[T], given: Mapping[str, Any], key: Callable[[T], object], show: Callable[[T], Node]
) -> Node:
    """Return the asked page of a list; a cursor names the item that it stands behind."""
    keys = [str(key(item)) for item in items]
    after = urlsafe_b64decode(given["after"]).decode() if given.get("after") else None
    rest = range(keys.index(after) + 1 if after in keys else 0, len(items))
    page = rest[: given["first"]] if given.get("first") else rest[-given["last"] :]
    cursors = [urlsafe_b64encode(keys[index].encode()).decode() for index in page]
    return {
        "totalCount": len(items),
        "nodes": [show(items[index]) for index in page],
        "pageInfo": {
            "startCursor": cursors[0] if cursors else None,
            "endCursor": cursors[-1] if cursors else None,
            "hasNextPage": bool(page) and page[-1] < len(items) - 1,
            "hasPreviousPage": bool(page) and page[0] > 0,
        },
    }
