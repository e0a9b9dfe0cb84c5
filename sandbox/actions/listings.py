"""Lists as GitHub's API answers them: pages of bounded size with a count and a `Link` header."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlencode

from flask import Response, jsonify, request

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sandbox.actions.records import Records, Run

_PER_PAGE = 30
_MAXIMUM_PER_PAGE = 100
_Item = TypeVar("_Item")


def page(name: str, items: list[_Item], shape: Callable[[_Item], dict[str, Any]]) -> Response:
    """Return the page that the request asks for."""
    size = min(max(_number("per_page", _PER_PAGE), 1), _MAXIMUM_PER_PAGE)
    number = max(_number("page", 1), 1)
    last = max(-(-len(items) // size), 1)
    shown = [shape(item) for item in items[(number - 1) * size : number * size]]
    response = jsonify({"total_count": len(items), name: shown})
    links = {"prev": number - 1, "next": number + 1, "last": last, "first": 1}
    wanted = ["prev", "first"] if number > 1 else []
    wanted += ["next", "last"] if number < last else []
    if wanted:
        response.headers["Link"] = ", ".join(f'<{_address(links[rel])}>; rel="{rel}"' for rel in wanted)
    return response


def selected_runs(
    records: Records, repository_id: int, asked: Mapping[str, str], **filters: int
) -> list[Run]:
    """Return the runs that the query of a list asks for, newest first."""
    columns = {"branch": "head_branch", "event": "event", "head_sha": "head_sha"}
    equal = {column: asked[name] for name, column in columns.items() if asked.get(name)}
    runs = records.runs(repository_id, **equal, **filters)
    if status := asked.get("status"):
        runs = [run for run in runs if status in (run.status, run.conclusion)]
    if actor := asked.get("actor"):
        senders = {run.id: run.caused_by().payload.get("sender") or {} for run in runs}
        runs = [run for run in runs if senders[run.id].get("login") == actor]
    return runs


def _number(name: str, default: int) -> int:
    text = request.args.get(name, "")
    return int(text) if text.isdecimal() else default


def _address(number: int) -> str:
    query = {**request.args.to_dict(), "page": str(number)}
    return f"{request.base_url}?{urlencode(query)}"
