"""Export: all files of an app's repository as one archive, passed on as it comes.

The code host packs it. Nothing is kept, and no more than a chunk is held at a time.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from app.domain.apps import App
from app.errors import RemoteUnavailable
from app.pipeline.files import commit_of
from app.ports import ArchiveFormat, CodeHost

_LARGEST_BYTES: Final = 2 * 1024**3
_LONGEST_SECONDS: Final = 600.0


@dataclass(frozen=True, slots=True)
class Export:
    """An archive that can be opened: which commit, and how it is called."""

    commit: str
    packed: ArchiveFormat
    filename: str


def plan_export(app: App, ref: str | None, packed: ArchiveFormat, host: CodeHost) -> Export:
    """Return the archive of a ref, or of the default branch. Raises NotFound."""
    commit = commit_of(app, ref, host)
    return Export(commit, packed, f"{app.name}-{commit[:7]}.{packed}")


@contextmanager
def opened_export(app: App, export: Export, host: CodeHost) -> Iterator[Iterator[bytes]]:
    """Open it; its chunks end in an error beyond 2 GiB or ten minutes."""
    with host.downloads.archive(app.repository_name, export.commit, export.packed) as chunks:
        yield bounded(chunks)


def bounded(
    chunks: Iterator[bytes],
    *,
    largest_bytes: int = _LARGEST_BYTES,
    longest_seconds: float = _LONGEST_SECONDS,
    monotonic: Callable[[], float] = time.monotonic,
) -> Iterator[bytes]:
    """Yield chunks until they are too many or take too long.

    Raises:
        RemoteUnavailable: they are, or do.
    """
    size, until = 0, monotonic() + longest_seconds
    for chunk in chunks:
        size += len(chunk)
        if size > largest_bytes or monotonic() > until:
            raise RemoteUnavailable(
                f"passing a download on: stopped after {size} bytes", code="export:too-large"
            )
        yield chunk
