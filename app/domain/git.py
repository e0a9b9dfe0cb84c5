"""What is true of git on any host: what a blob is called, what a ref may be called, what a mode means."""

import hashlib
import re
from enum import StrEnum
from typing import Final

from app.errors import InvalidInput

_LONGEST_REF: Final = 255
_SHA: Final = re.compile(r"[0-9a-f]{40}")


class EntryKind(StrEnum):
    """What stands at a path of a commit."""

    FILE = "file"
    FOLDER = "folder"
    LINK = "link"
    SUBMODULE = "submodule"


_KINDS: Final = {
    "040000": EntryKind.FOLDER,
    "120000": EntryKind.LINK,
    "160000": EntryKind.SUBMODULE,
}


def kind_of(mode: str) -> EntryKind:
    """Return what a mode of git's stands for; whatever is nothing else is a file."""
    return _KINDS.get(mode, EntryKind.FILE)


def blob_name(content: bytes) -> str:
    """Return the name by which git knows these bytes."""
    # https://git-scm.com/book/en/v2/Git-Internals-Git-Objects
    name = hashlib.sha1(b"blob %d\0" % len(content), usedforsecurity=False)
    name.update(content)
    return name.hexdigest()


def is_text(content: bytes) -> bool:
    """Tell whether these bytes are text to git and to JSON: UTF-8 without a NUL."""
    try:
        return "\0" not in content.decode()
    except UnicodeDecodeError:
        return False


def is_commit_name(text: str) -> bool:
    """Tell whether this is the full name of a commit, which no branch should be taken for."""
    return _SHA.fullmatch(text) is not None


def check_ref(name: str) -> str:
    """Return `name` when a branch, a tag or a commit may be called that.

    Raises:
        InvalidInput: git refuses it, it is one of git's expressions, such as `main~1` or `main:path`, or it
            is written in full.
    """
    # https://git-scm.com/docs/git-check-ref-format
    is_plain = name.isprintable() and not any(c in " ~^:?*[\\" for c in name)
    parts = name.split("/")
    if not (
        is_plain
        and 0 < len(name.encode(errors="replace")) <= _LONGEST_REF
        and ".." not in name
        and "@{" not in name
        and not name.startswith(("-", "refs/"))
        and name not in {"@", "HEAD"}
        and all(part and not part.startswith(".") and not part.endswith((".", ".lock")) for part in parts)
    ):
        raise InvalidInput(
            f"naming a ref: {name[:80]!r} is not the name of a branch, a tag or a commit",
            code="ref:invalid-name",
            ref=name[:80],
        )
    return name


def check_branch(name: str) -> str:
    """Return `name` when a branch may be called that. Raises InvalidInput as `check_ref`."""
    if is_commit_name(name):
        raise InvalidInput(
            f"naming a branch: {name} would be taken for a commit", code="ref:invalid-name", ref=name
        )
    return check_ref(name)
