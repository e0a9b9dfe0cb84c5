"""The modules of a script: how they may be called, of which types, how many and how large.

Whether the code is any good is Cloudflare's to say, when it starts it.
"""

import re
from dataclasses import dataclass
from typing import Final

from app.cloudflare.gateway.multipart import Part
from app.errors import InvalidInput

# Uncompressed, as Cloudflare counts; what is too large compressed is refused there.
# https://developers.cloudflare.com/workers/platform/limits/#worker-size
MAXIMUM_BYTES: Final = 64 * 1024 * 1024
MAXIMUM_MODULES: Final = 2000
LONGEST_NAME: Final = 512
JAVASCRIPT: Final = frozenset({"application/javascript+module", "text/javascript+module"})
PYTHON: Final = "text/x-python"
# https://developers.cloudflare.com/workers/configuration/multipart-upload-metadata/
_TYPES: Final = JAVASCRIPT | {
    PYTHON,
    "text/x-python-requirement",
    "application/javascript",
    "text/javascript",
    "application/json",
    "application/octet-stream",
    "application/wasm",
    "text/plain",
}
SOURCE_MAP: Final = "application/source-map"
# Neither what ends a header's value nor what ends the quotes around a name in one.
_NAME: Final = re.compile(r"[^\x00-\x1f\x7f-\x9f\"\\]+")


@dataclass(frozen=True, slots=True)
class ModuleForm:
    """What a part says of the module in it."""

    name: str
    content_type: str

    @property
    def is_source_map(self) -> bool:
        """It is for people who read stack traces; a script runs without it."""
        return self.content_type == SOURCE_MAP


def module_form(part: Part) -> ModuleForm:
    """Return what the part is.

    Raises:
        InvalidInput: it cannot be a module.
    """
    _check_name(part)
    content_type = (part.content_type or "").partition(";")[0].strip().lower()
    if content_type != SOURCE_MAP and content_type not in _TYPES:
        raise _refused(
            f"module {part.name} has the type {content_type[:80] or '(none)'!r}, which none can have"
        )
    return ModuleForm(part.name, content_type)


def _check_name(part: Part) -> None:
    name = part.name
    if not _NAME.fullmatch(name) or len(name.encode()) > LONGEST_NAME:
        raise _refused(
            f"a module is called {name[:80]!r}: use at most {LONGEST_NAME} bytes, without quotes, "
            "backslashes or control characters"
        )
    if part.filename not in {None, name}:
        raise _refused(f"module {name} has another file name than name")
    if name.startswith("/") or ".." in name.split("/"):
        raise _refused(f"module {name} lies outside of the script")


def _refused(problem: str) -> InvalidInput:
    return InvalidInput(f"reading the script: {problem}", code="upload:invalid-module")
