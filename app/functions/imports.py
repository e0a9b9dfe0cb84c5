"""Imports: which of them lead out of an author's files. Pure; what is imported was told by the compiler."""

import posixpath
import re
from collections.abc import Iterator, Sequence
from typing import Final

from app.ports import Problem

# Provided by the platform, and resolved when the script is loaded.
_PROVIDED: Final = ("node:", "cloudflare:")


def is_relative(specifier: str) -> bool:
    """Tell whether an import names a file by where it is."""
    return specifier in {".", ".."} or specifier.startswith(("./", "../"))


def outside(path: str, text: str, imports: Sequence[str]) -> Iterator[Problem]:
    """Yield what is wrong with the imports of the file at `path`, whose text is given for their places."""
    for specifier in dict.fromkeys(imports):
        problem = _problem(path, specifier)
        if problem is not None:
            line, column = _place(text, specifier)
            yield Problem(problem, path, line, column)


def _problem(path: str, specifier: str) -> str | None:
    if specifier.startswith(_PROVIDED):
        return None
    if is_relative(specifier):
        place = posixpath.normpath(posixpath.join(posixpath.dirname(path), specifier))
        is_inside = place != ".." and not place.startswith("../")
        return None if is_inside else f'"{specifier}" leads out of the files that were given'
    if specifier.startswith("/") or "\\" in specifier:
        return f'"{specifier}" is no path relative to this file'
    if ":" in specifier:
        return f'"{specifier}" cannot be imported: code comes from the files that were given alone'
    return (
        f'"{specifier}" cannot be imported: packages of npm are for apps; modules of Node are imported '
        f'as "node:…"'
    )


def _place(text: str, specifier: str) -> tuple[int | None, int | None]:
    """Return line and column of an import; of several places that look like it, the first behind a keyword.

    The compiler does not tell the place. One that is written with escapes is not found.
    """
    quoted = re.compile(rf"(['\"`]){re.escape(specifier)}\1")
    found = list(quoted.finditer(text))
    for match in found:
        if re.search(
            r"(?:\bfrom|\bimport|\brequire)[\s(]*$", text[max(0, match.start() - 40) : match.start()]
        ):
            return _line_and_column(text, match.start())
    return _line_and_column(text, found[0].start()) if found else (None, None)


def _line_and_column(text: str, offset: int) -> tuple[int, int]:
    before = text[:offset]
    return before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1
