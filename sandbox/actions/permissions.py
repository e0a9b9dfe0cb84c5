"""What the `permissions` of a workflow and of its jobs allow a run. Pure.

A job's own statement replaces the workflow's; where neither says anything, the token may write, as in
repositories with that default, and no identity may be had.
https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#permissions
"""

from __future__ import annotations

from typing import Any

_IDENTITY = "id-token"
_EVERYTHING = "write-all"


def may_have_identity(permissions: Any) -> bool:
    """Say whether `id-token: write` is among the permissions."""
    if isinstance(permissions, dict):
        return bool(permissions.get(_IDENTITY) == "write")
    return bool(permissions == _EVERYTHING)


def is_read_only(permissions: Any) -> bool:
    """Say whether a token with these permissions may write nothing in the repository."""
    if isinstance(permissions, dict):
        return not any(level == "write" for scope, level in permissions.items() if scope != _IDENTITY)
    return permissions is not None and permissions != _EVERYTHING
