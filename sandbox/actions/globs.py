"""GitHub's filter patterns for branches, tags and paths, as regular expressions.

`*` stops at `/`, `**` does not, `?` and `+` repeat the character before them, `[]` is one of a set, a
leading `!` takes back what an earlier pattern allowed. Nothing here looks at a repository.
https://docs.github.com/en/actions/reference/workflow-syntax-for-github-actions#filter-pattern-cheat-sheet
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_PIECE = re.compile(
    r"(?P<any>\*\*/?)|(?P<part>\*)|(?P<set>\[[^\]]+\])|(?P<repeat>[?+])|\\?(?P<plain>.)", re.DOTALL
)


class PatternError(ValueError):
    """A pattern that GitHub would refuse."""


def is_selected(name: str, patterns: Iterable[str]) -> bool:
    """Say whether `patterns`, read in order, select `name`: the last one that matches decides."""
    selected = False
    for pattern in patterns:
        negated = pattern.startswith("!")
        if matches(name, pattern[1:] if negated else pattern):
            selected = not negated
    return selected


def matches(name: str, pattern: str) -> bool:
    """Say whether one pattern matches the whole of `name`.

    Raises: PatternError.
    """
    return _compiled(pattern).fullmatch(name) is not None


@lru_cache(maxsize=512)
def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile("".join(_translated(match) for match in _PIECE.finditer(pattern)), re.DOTALL)
    except re.error as error:
        raise PatternError(f"invalid filter pattern '{pattern}': {error}") from error


def _translated(match: re.Match[str]) -> str:
    kind, text = match.lastgroup, match[0]
    if kind == "any":
        return "(?:.*/)?" if text.endswith("/") else ".*"
    if kind == "part":
        return "[^/]*"
    if kind == "set":
        return "[" + re.sub(r"([\\^&~|\[])", r"\\\1", text[1:-1]) + "]"
    return text if kind == "repeat" else re.escape(match["plain"])
