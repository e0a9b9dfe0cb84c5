"""Sources: the files that functions are written in, and which of them say what is exported."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

# What is compiled, and what may be imported beside it.
CODE: Final = (".ts", ".mts", ".cts", ".js", ".mjs", ".cjs")
DATA: Final = (".json", ".txt")
_NOT_ENTRIES: Final = (".d", ".test", ".spec")


@dataclass(frozen=True, slots=True)
class Source:
    """One file as its author wrote it."""

    path: str
    content: str


def is_code(path: str) -> bool:
    """Tell whether a file is compiled."""
    return path.endswith(CODE)


def entry_points(paths: Sequence[str]) -> list[str]:
    """Return the files whose exports are functions to be called.

    That is `index`; without it every file at the top. Below, and in tests, are only their own affairs.
    """
    top = [path for path in sorted(paths) if "/" not in path and is_code(path) and not _is_apart(path)]
    return [path for path in top if PurePosixPath(path).stem == "index"][:1] or top


def _is_apart(path: str) -> bool:
    return PurePosixPath(PurePosixPath(path).stem).suffix in _NOT_ENTRIES
