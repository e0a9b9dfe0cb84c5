"""The bundle store in a directory of this machine, shared by all of its processes.

    {directory}/blobs/{first two digits}/{the other 62}      what is kept
    {directory}/drafts/{random}                              what is being written, or was when a process died

Content is written to a draft, forced to the disk and only then given its name, so that a name never leads to
half of it, not even after a power cut. Whoever names content holds the lock together with others, whoever
deletes holds it alone: what has just been written again is not deleted for its age.
"""

import fcntl
import hashlib
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import IO, Final, Self

from app.bundles.content import CHUNK_BYTES, as_file, is_name, missing, parsed
from app.domain.bundles import Bundle
from app.errors import RemoteUnavailable

_PRIVATE: Final = 0o700


class DirectoryBundles:
    """Port `Bundles`; the directory is made when something is first written."""

    def __init__(self, directory: Path) -> None:
        self._blobs = directory / "blobs"
        self._drafts = directory / "drafts"
        self._lock = directory / "lock"

    def write(self, chunks: Iterable[bytes]) -> tuple[str, int]:
        """Keep bytes as they come; return their SHA-256 and their number."""
        with _Draft(self._drafts) as draft:
            for chunk in chunks:
                draft.add(chunk)
            sha256 = draft.sha256
            with _telling(f"keeping {sha256}"):
                draft.sync()
                with self._locked(fcntl.LOCK_SH):
                    draft.become(self._path(sha256))
            return sha256, draft.size_bytes

    def open(self, sha256: str) -> IO[bytes]:
        """Open kept bytes; they are checked while they are read. Raises NotFound."""
        if not is_name(sha256):
            raise missing(sha256)
        doing = f"reading {sha256}"
        with _telling(doing):
            try:
                file = self._path(sha256).open("rb", buffering=0)
            except FileNotFoundError:
                raise missing(sha256) from None
        return as_file(_chunks(file, doing), sha256, file.close)

    def has(self, sha256: str) -> bool:
        """Tell whether they are kept."""
        with _telling(f"looking for {sha256:.64}"):
            return is_name(sha256) and self._path(sha256).is_file()

    def save(self, bundle: Bundle) -> str:
        """Keep a bundle's description and return its digest."""
        return self.write([bundle.to_json()])[0]

    def load(self, digest: str) -> Bundle:
        """Return a bundle. Raises NotFound."""
        return parsed(self.open(digest), digest)

    def prune(self, wanted: Callable[[str], bool], older_than: datetime) -> int:
        """Delete what was last written before `older_than` and is not `wanted`, and drafts left behind."""
        limit = older_than.timestamp()
        with _telling("deleting what nobody wants"):
            for draft in _paths(self._drafts):
                _delete_if_older(draft, limit)
            return sum(self._prune_one(path, wanted, limit) for path in _kept(self._blobs))

    def _prune_one(self, path: Path, wanted: Callable[[str], bool], limit: float) -> bool:
        if not _is_older(path, limit) or wanted(path.parent.name + path.name):
            return False
        with self._locked(fcntl.LOCK_EX):
            return _delete_if_older(path, limit)

    def _path(self, sha256: str) -> Path:
        return self._blobs / sha256[:2] / sha256[2:]

    @contextmanager
    def _locked(self, how: int) -> Iterator[None]:
        with self._lock.open("ab") as lock:
            fcntl.flock(lock, how)
            yield


class _Draft:
    """Bytes on their way into the store; what did not become anything is deleted on leaving."""

    def __init__(self, folder: Path) -> None:
        self.size_bytes = 0
        self._digest = hashlib.sha256()
        with _telling("beginning to write"):
            folder.mkdir(_PRIVATE, parents=True, exist_ok=True)
            descriptor, name = tempfile.mkstemp(dir=folder)
        self._file = os.fdopen(descriptor, "wb", buffering=CHUNK_BYTES)
        self._path = Path(name)

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()

    def add(self, chunk: bytes) -> None:
        with _telling("writing"):
            self._file.write(chunk)
        self._digest.update(chunk)
        self.size_bytes += len(chunk)

    def sync(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())

    def become(self, path: Path) -> None:
        path.parent.mkdir(_PRIVATE, parents=True, exist_ok=True)
        self._path.replace(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        # A full disk may refuse what is buffered once more; what matters was said before.
        with suppress(OSError):
            self._file.close()
        self._path.unlink(missing_ok=True)


def _chunks(file: IO[bytes], doing: str) -> Iterator[bytes]:
    def read() -> bytes:
        with _telling(doing):
            return file.read(CHUNK_BYTES)

    return iter(read, b"")


def _kept(blobs: Path) -> Iterator[Path]:
    for folder in _paths(blobs):
        yield from _paths(folder)


def _paths(folder: Path) -> Iterator[Path]:
    """Return what is in a folder, one by one; one that is not there is empty."""
    try:
        entries = os.scandir(folder)
    except FileNotFoundError:
        return
    with entries:
        yield from map(Path, entries)


def _is_older(path: Path, limit: float) -> bool:
    try:
        return path.stat().st_mtime < limit
    except FileNotFoundError:
        return False


def _delete_if_older(path: Path, limit: float) -> bool:
    is_older = _is_older(path, limit)
    if is_older:
        path.unlink(missing_ok=True)
    return is_older


@contextmanager
def _telling(doing: str) -> Iterator[None]:
    """Say of what the disk refuses what was being done; it may be full, away or somebody else's."""
    try:
        yield
    except OSError as error:
        raise RemoteUnavailable(f"{doing} in the bundle store: {error.strerror}") from error
