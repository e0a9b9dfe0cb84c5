"""Content by its SHA-256: the names that the store takes, and reading that notices damage."""

import hashlib
import io
import re
from collections.abc import Callable, Iterable, Iterator
from typing import IO, Any, Final

from app.domain.bundles import Bundle
from app.errors import NotFound, RemoteRefused

CHUNK_BYTES: Final = 256 * 1024
_NAME: Final = re.compile(r"[0-9a-f]{64}")


def is_name(text: str) -> bool:
    """Tell whether this names content; nothing else ever becomes part of a path or a key."""
    return _NAME.fullmatch(text) is not None


def missing(sha256: str) -> NotFound:
    """Return the error that says that content is not kept."""
    return NotFound(
        f"looking for {sha256:.64} in the bundle store: it is not there",
        code="bundle:not-found",
        sha256=sha256,
    )


def parsed(description: IO[bytes], digest: str) -> Bundle:
    """Read a bundle's description and close it. Raises NotFound when this is no description."""
    with description:
        text = description.read()
    try:
        return Bundle.from_json(text)
    except (ValueError, KeyError, TypeError):
        raise missing(digest) from None


def as_file(chunks: Iterator[bytes], sha256: str, close: Callable[[], Any]) -> IO[bytes]:
    """Return chunks as a file that calls `close` when it is closed.

    Its last read raises RemoteRefused when the bytes are not those of the name.
    """
    return io.BufferedReader(_Chunks(_verified(chunks, sha256), close), CHUNK_BYTES)


def _verified(chunks: Iterable[bytes], sha256: str) -> Iterator[bytes]:
    digest = hashlib.sha256()
    for chunk in chunks:
        digest.update(chunk)
        yield chunk
    if digest.hexdigest() != sha256:
        raise RemoteRefused(
            f"reading {sha256} from the bundle store: it is damaged; restore it from a backup",
            code="bundle:damaged",
            sha256=sha256,
        )


class _Chunks(io.RawIOBase):
    """Chunks as a stream that can only be read forwards."""

    def __init__(self, chunks: Iterator[bytes], close: Callable[[], Any]) -> None:
        self._chunks = chunks
        self._rest = memoryview(b"")
        self._close = close

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._rest:
            self._rest = memoryview(next(self._chunks, b""))
        part = self._rest[: len(buffer)]
        buffer[: len(part)] = part
        self._rest = self._rest[len(part) :]
        return len(part)

    def close(self) -> None:
        if not self.closed:
            self._close()
        super().close()
