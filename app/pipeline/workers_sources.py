"""Sources of a worker: what its author gave, checked, kept, and read again.

Pure but for the bundle store. Whether it compiles is the compiler's to say.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Final

from app.domain.bundles import Bundle, Module
from app.domain.sources import CODE, DATA, Source
from app.errors import InvalidInput, TooLarge
from app.ports import Bundles

MAXIMUM_FILES: Final = 100
MAXIMUM_BYTES: Final = 1024 * 1024
# What a module is called that is given as text alone.
SINGLE: Final = "functions.ts"
_MAXIMUM_PATH: Final = 200
_PART: Final = re.compile(r"[\w@+~-][\w.@+~-]*")
# Where compilers and package managers look for what to do with the files beside them.
_MEANINGFUL: Final = frozenset({"package.json", "tsconfig.json", "jsconfig.json", "node_modules"})
_TEXT: Final = "text/plain"
_NO_DATE: Final = ""


def check_sources(files: Sequence[Source]) -> Sequence[Source]:
    """Return the author's files when they can be compiled together.

    Raises:
        InvalidInput: a path is not plain, leads out, is given twice or is both file and folder, or a file is
            neither code nor data.
        TooLarge: there are too many, or they are too large together.
    """
    if len(files) > MAXIMUM_FILES:
        raise TooLarge(
            f"reading the files: {len(files)} are more than {MAXIMUM_FILES}", code="worker:too-large"
        )
    if sum(len(file.content.encode(errors="replace")) for file in files) > MAXIMUM_BYTES:
        raise TooLarge(
            f"reading the files: together they are larger than {MAXIMUM_BYTES} bytes", code="worker:too-large"
        )
    for file in files:
        _check_path(file.path)
    _check_overlap([file.path for file in files])
    return files


def keep_sources(files: Sequence[Source], bundles: Bundles) -> str:
    """Keep an author's files, described as a bundle that nobody puts up, and return its digest."""
    modules = [_kept(file.path, file.content, bundles) for file in files]
    return bundles.save(Bundle(main_module=None, modules=modules, compatibility_date=_NO_DATE))


def read_sources(digest: str, bundles: Bundles) -> Mapping[str, bytes]:
    """Return an author's files by path. Raises NotFound when they are kept no more."""
    found = dict[str, bytes]()
    for module in bundles.load(digest).modules:
        with bundles.open(module.sha256) as content:
            found[module.name] = content.read()
    return found


def _kept(path: str, text: str, bundles: Bundles) -> Module:
    sha256, size_bytes = bundles.write([text.encode(errors="replace")])
    return Module(path, _TEXT, sha256, size_bytes)


def _check_path(path: str) -> None:
    parts = path.split("/")
    if len(path.encode(errors="replace")) > _MAXIMUM_PATH:
        raise _invalid(path, f"is longer than {_MAXIMUM_PATH} bytes")
    if not all(_PART.fullmatch(part) for part in parts):
        raise _invalid(path, "is not relative, or has a part that is not of letters, digits and _ - . @ + ~")
    if not _MEANINGFUL.isdisjoint(part.casefold() for part in parts):
        raise _invalid(path, "is for a repository: make an app of the worker for that")
    if not path.endswith(CODE + DATA):
        raise _invalid(path, f"has to end in one of {' '.join(CODE + DATA)}")


def _check_overlap(paths: Sequence[str]) -> None:
    seen = set[str]()
    for path in paths:
        if path.casefold() in seen:
            raise _invalid(path, "is given twice")
        seen.add(path.casefold())
    for path in paths:
        if any(str(parent).casefold() in seen for parent in PurePosixPath(path).parents):
            raise _invalid(path, "lies in what is a file")


def _invalid(path: str, problem: str) -> InvalidInput:
    return InvalidInput(
        f"reading the files: {path[:80]!r} {problem}", code="worker:invalid-files", path=path[:80]
    )
