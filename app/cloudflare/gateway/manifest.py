"""Which static files an upload consists of: announced first, so that only what we lack has to be sent.

A manifest maps paths to a name that the client makes of the content (32 hex digits, opaque to us) and a size.
Which of the names are known is for `app/web/gateway` to find out.
"""

# https://developers.cloudflare.com/workers/static-assets/direct-upload/

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from app.cloudflare.gateway.documents import read_object
from app.errors import InvalidInput

# Cloudflare's own limits: https://developers.cloudflare.com/workers/platform/limits/#static-assets
MAXIMUM_FILES: Final = 100_000
MAXIMUM_FILE_BYTES: Final = 25 * 1024 * 1024
# Ours: what one deployment may put into the bundle store, and how it comes.
MAXIMUM_BYTES: Final = 1024 * 1024 * 1024
LONGEST_PATH: Final = 1024
LARGE_BYTES: Final = 1024 * 1024
BUCKET_FILES: Final = 500
BUCKET_BYTES: Final = 32 * 1024 * 1024
_NAME: Final = re.compile(r"[0-9a-f]{32}")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True)
class Entry:
    """One file: the client's name for its content, and its size."""

    name: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """The files of one upload by path."""

    entries: Mapping[str, Entry]

    @classmethod
    def from_request(cls, body: bytes) -> "Manifest":
        """Read and check what a client announces.

        Raises:
            InvalidInput: something in it cannot be kept, or not on Cloudflare.
        """
        told = read_object(body, "the assets' manifest").get("manifest")
        if not isinstance(told, dict):
            raise _refused("there is no object called manifest")
        return cls.of(told)

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> "Manifest":
        """Check an announcement: `{path: {"hash", "size"}}`. Raises InvalidInput."""
        if len(told) > MAXIMUM_FILES:
            raise _refused(f"it has {len(told)} files; at most {MAXIMUM_FILES} are possible")
        manifest = cls({path: _entry(path, entry) for path, entry in told.items()})
        manifest.check_sizes()
        return manifest

    @classmethod
    def from_json(cls, text: bytes) -> "Manifest":
        """Read what `to_json` wrote."""
        return cls({path: Entry(name, size_bytes) for path, name, size_bytes in json.loads(text)})

    def to_json(self) -> bytes:
        """Return it as it is kept, the same bytes for the same files."""
        rows = [[path, entry.name, entry.size_bytes] for path, entry in sorted(self.entries.items())]
        return json.dumps(rows, ensure_ascii=False, separators=(",", ":")).encode()

    def sizes(self) -> dict[str, int]:
        """Return the size of each content by its name."""
        return {entry.name: entry.size_bytes for entry in self.entries.values()}

    def check_sizes(self) -> None:
        """Refuse one name for two sizes, and more bytes than one deployment may have.

        Raises:
            InvalidInput: naming the path.
        """
        sizes = self.sizes()
        for path, entry in self.entries.items():
            if sizes[entry.name] != entry.size_bytes:
                raise _refused(f"{path} has the hash of a file of another size")
        if sum(sizes.values()) > MAXIMUM_BYTES:
            raise _refused(f"its files have more than {MAXIMUM_BYTES} bytes together")


def buckets(sizes: Mapping[str, int]) -> Sequence[Sequence[str]]:
    """Group names into as many uploads as it takes, none too large for one request."""
    return list(_grouped(sizes))


def are_large(sizes: Mapping[str, int]) -> bool:
    """Tell whether a request for each file costs less than base64 for all of them."""
    return sum(sizes.values()) >= LARGE_BYTES * len(sizes) > 0


def _grouped(sizes: Mapping[str, int]) -> Iterator[list[str]]:
    group: list[str] = []
    weight = 0
    for name, size_bytes in sizes.items():
        if group and (len(group) == BUCKET_FILES or weight + size_bytes > BUCKET_BYTES):
            yield group
            group, weight = [], 0
        group.append(name)
        weight += size_bytes
    if group:
        yield group


def _entry(path: str, told: Any) -> Entry:
    _check_path(path)
    name = told.get("hash") if isinstance(told, dict) else None
    size_bytes = told.get("size") if isinstance(told, dict) else None
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise _refused(f"the hash of {path} is not 32 hex digits")
    if type(size_bytes) is not int or size_bytes < 0:
        raise _refused(f"the size of {path} is not a number of bytes")
    if size_bytes > MAXIMUM_FILE_BYTES:
        raise _refused(f"{path} has {size_bytes} bytes; at most {MAXIMUM_FILE_BYTES} are possible")
    return Entry(name, size_bytes)


def _check_path(path: str) -> None:
    if not path.startswith("/") or _CONTROL.search(path):
        raise _refused(f"path {path[:80]!r} does not start with / or has control characters")
    if {".", ".."} & set(path.split("/")):
        raise _refused(f"path {path[:80]!r} has . or .. in it")
    if len(path.encode()) > LONGEST_PATH:
        raise _refused(f"path {path[:80]!r}… is longer than {LONGEST_PATH} bytes")


def _refused(problem: str) -> InvalidInput:
    return InvalidInput(f"reading the assets' manifest: {problem}", code="upload:invalid-manifest")
