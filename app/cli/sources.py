"""Files with functions on the command line: which are sent, by which paths, and where errors in them are."""

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from app.domain.sources import CODE, DATA
from app.errors import InvalidInput

_LONGEST_NAME: Final = 50
_SKIPPED: Final = frozenset({"node_modules", "package.json", "package-lock.json", "tsconfig.json"})


class SourceFiles:
    """Files as a person named them: each by the path that it has below what they have in common."""

    def __init__(self, named: Sequence[Path]) -> None:
        self._base = named[0] if named[0].is_dir() else Path(os.path.commonpath([it.parent for it in named]))
        self._paths = [path for it in named for path in (_below(it) if it.is_dir() else [it])]
        self._named = named

    @property
    def worker_name(self) -> str:
        """What a worker of them is called that nobody names: as the first of them."""
        stem = self._named[0].resolve().stem.lower()
        return re.sub(r"[^a-z0-9]+", "-", stem)[:_LONGEST_NAME].strip("-") or "functions"

    def body(self) -> list[dict[str, str]]:
        """Return them as the API takes them. Raises InvalidInput."""
        if not self._paths:
            raise InvalidInput(
                f"reading {self._named[0]}: there is no file of TypeScript or JavaScript in it"
            )
        return [{"path": self._told(path), "content": _text(path)} for path in self._paths]

    def problems(self, errors: Sequence[Mapping[str, Any]]) -> list[str]:
        """Return a compiler's errors as lines that editors and terminals make links of."""
        return [self._problem(error) for error in errors]

    def _problem(self, error: Mapping[str, Any]) -> str:
        if error["file"] is None:
            return str(error["message"])
        place = [self._base / error["file"], error["line"] or 1, error["column"] or 1]
        return f"{':'.join(map(str, place))} {error['message']}"

    def _told(self, path: Path) -> str:
        return path.relative_to(self._base).as_posix()


def _below(directory: Path) -> list[Path]:
    found = sorted(path for path in directory.rglob("*") if path.is_file() and not path.is_symlink())
    return [path for path in found if _is_sent(path.relative_to(directory))]


def _is_sent(path: Path) -> bool:
    is_hidden = any(part.startswith(".") for part in path.parts)
    return not is_hidden and _SKIPPED.isdisjoint(path.parts) and path.name.endswith(CODE + DATA)


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode()
    except OSError as error:
        raise InvalidInput(f"reading {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InvalidInput(f"reading {path}: it is not UTF-8") from None
