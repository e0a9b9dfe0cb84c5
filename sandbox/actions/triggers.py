"""Decide which workflows an occasion starts, as GitHub does. Pure: changed paths are asked for by a callable.

Covered: the event, its `types` with GitHub's defaults, branch, tag and path filters, `[skip ci]`. The
`schedule`, `workflow_run` and `workflow_call` events start nothing here.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from sandbox.actions import globs

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.actions.ports import Occasion

_DEFAULT_TYPES = {
    "pull_request": ("opened", "synchronize", "reopened"),
    "pull_request_target": ("opened", "synchronize", "reopened"),
}
_SKIP = re.compile(
    r"\[(?:skip ci|ci skip|no ci|skip actions|actions skip)\]|^skip-checks: ?true$",
    re.IGNORECASE | re.MULTILINE,
)
_FILTERED_BY_BASE = ("pull_request", "pull_request_target")


def starts(triggers: dict[str, dict[str, Any]], occasion: Occasion, changed: Callable[[], list[str]]) -> bool:
    """Say whether a workflow with these `triggers` runs on `occasion`."""
    if occasion.event not in triggers:
        return False
    filters = triggers[occasion.event]
    return (
        _has_type(filters, occasion)
        and _has_ref(filters, occasion)
        and _has_paths(filters, occasion, changed)
    )


def is_deletion(occasion: Occasion) -> bool:
    """Say whether the occasion is the end of a branch or tag, which starts nothing."""
    return occasion.event == "push" and bool(occasion.payload.get("deleted"))


def asks_for_skip(message: str) -> bool:
    """Say whether a commit message contains one of GitHub's skip marks."""
    return _SKIP.search(message) is not None


def _has_type(filters: dict[str, Any], occasion: Occasion) -> bool:
    types = filters.get("types") or _DEFAULT_TYPES.get(occasion.event)
    return types is None or occasion.action is None or occasion.action in _listed(types)


def _has_ref(filters: dict[str, Any], occasion: Occasion) -> bool:
    if occasion.event in _FILTERED_BY_BASE:
        base = ((occasion.payload.get("pull_request") or {}).get("base") or {}).get("ref", "")
        return _passes(filters, "branches", base)
    if occasion.event != "push":
        return True
    kind, name = _kind_and_name(occasion.ref)
    other = "branches" if kind == "tags" else "tags"
    if not _is_filtered(filters, kind) and _is_filtered(filters, other):
        return False
    return _passes(filters, kind, name)


def _has_paths(filters: dict[str, Any], occasion: Occasion, changed: Callable[[], list[str]]) -> bool:
    applies = occasion.event in ("push", *_FILTERED_BY_BASE) and not occasion.ref.startswith("refs/tags/")
    if not applies or not _is_filtered(filters, "paths"):
        return True
    if "paths-ignore" in filters:
        ignored = _listed(filters["paths-ignore"])
        return any(not globs.is_selected(path, ignored) for path in changed())
    return any(globs.is_selected(path, _listed(filters["paths"])) for path in changed())


def _passes(filters: dict[str, Any], kind: str, name: str) -> bool:
    if f"{kind}-ignore" in filters:
        return not globs.is_selected(name, _listed(filters[f"{kind}-ignore"]))
    return kind not in filters or globs.is_selected(name, _listed(filters[kind]))


def _is_filtered(filters: dict[str, Any], kind: str) -> bool:
    return kind in filters or f"{kind}-ignore" in filters


def _kind_and_name(ref: str) -> tuple[str, str]:
    if ref.startswith("refs/tags/"):
        return "tags", ref.removeprefix("refs/tags/")
    return "branches", ref.removeprefix("refs/heads/")


def _listed(value: Any) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list | tuple) else [str(value)]
