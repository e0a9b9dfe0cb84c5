"""Generate the files of an app: what its caller gave, checked, beside what every app gets.

Pure: nothing is read or sent. The workflow comes from `install`.
"""

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

from app.errors import InvalidInput
from app.ports import File

MAXIMUM_FILES: Final = 500
MAXIMUM_FILE_BYTES: Final = 1024 * 1024
MAXIMUM_TOTAL_BYTES: Final = 10 * 1024 * 1024
_MAXIMUM_PATH: Final = 255
_FORBIDDEN_ROOTS: Final = frozenset({".git", ".github"})


@dataclass(frozen=True, slots=True)
class GivenFile:
    """A file as a caller gave it; `encoding` is utf-8 or base64."""

    path: str
    content: str
    encoding: str = "utf-8"


def check_files(given: Iterable[GivenFile]) -> list[File]:
    """Return the caller's files as they will be committed.

    Raises:
        InvalidInput: a path leaves the repository or reaches into `.git` or `.github`, is given twice or is
            both file and folder, the content is not what its encoding says, or a size is exceeded.
    """
    files = [_check_file(file) for file in given]
    if len(files) > MAXIMUM_FILES:
        raise _invalid(f"{len(files)} files are more than {MAXIMUM_FILES}")
    if sum(len(file.content) for file in files) > MAXIMUM_TOTAL_BYTES:
        raise _invalid(f"the files are larger than {MAXIMUM_TOTAL_BYTES} bytes together")
    _check_overlap(file.path for file in files)
    return files


def merge(generated: Sequence[File], given: Sequence[File]) -> list[File]:
    """Return both, sorted by path; a caller's file takes the place of a generated one.

    Raises:
        InvalidInput: a caller's file would lie in a generated one.
    """
    merged = {file.path: file for file in generated} | {file.path: file for file in given}
    _check_overlap(merged)
    return [file for _, file in sorted(merged.items())]


def _check_file(given: GivenFile) -> File:
    path = check_path(given.path)
    content = _decode(given)
    if len(content) > MAXIMUM_FILE_BYTES:
        raise _invalid(f"{path} is larger than {MAXIMUM_FILE_BYTES} bytes", path=path)
    return File(path, content)


def check_path(path: str) -> str:
    """Return `path` when a file of the app may have it.

    Raises:
        InvalidInput: it is absolute, climbs, is not written plainly, or belongs to git or to Branchline.
    """
    parts = path.split("/")
    if not path or len(path.encode(errors="replace")) > _MAXIMUM_PATH:
        raise _invalid(f"{path[:80]!r} is empty or longer than {_MAXIMUM_PATH} bytes", path=path[:80])
    # A colon is a drive, or a stream of a file or folder of that name.
    if path.startswith("/") or ":" in path or "\\" in path:
        raise _invalid(f"{path!r} is not relative with forward slashes", path=path)
    if any(part in {"", ".", ".."} for part in parts) or not path.isprintable():
        raise _invalid(f"{path!r} has an empty, dotted or unprintable part", path=path)
    # Git itself refuses these on file systems that fold case or trailing dots and spaces.
    folded = [part.rstrip(". ").casefold() for part in parts]
    if ".git" in folded or folded[0] in _FORBIDDEN_ROOTS or "git~1" in folded:
        raise _invalid(f"{path!r} belongs to git or to Branchline", path=path)
    return path


def _check_overlap(paths: Iterable[str]) -> None:
    seen: set[str] = set()
    for path in paths:
        if path in seen:
            raise _invalid(f"{path!r} is given twice", path=path)
        seen.add(path)
    for path in seen:
        for parent in PurePosixPath(path).parents:
            if str(parent) in seen:
                raise _invalid(f"{str(parent)!r} is a file and a folder", path=path)


def _decode(given: GivenFile) -> bytes:
    if given.encoding == "base64":
        try:
            return base64.b64decode(given.content, validate=True)
        except ValueError:  # binascii.Error is one, and so is what is not ASCII
            raise _invalid(f"{given.path!r} is not base64", path=given.path) from None
    try:
        return given.content.encode()
    except UnicodeEncodeError:
        raise _invalid(f"{given.path!r} is not text", path=given.path) from None


def _invalid(problem: str, **details: str) -> InvalidInput:
    return InvalidInput(f"checking files: {problem}", code="app:invalid-files", **details)
