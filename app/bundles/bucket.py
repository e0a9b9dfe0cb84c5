"""The bundle store in an S3-compatible bucket, over obstore (Rust's object_store).

Content is kept under `{prefix}/blobs/{sha256}`. Its name is known at its end, so it waits until then: in
memory when it is small, else in a temporary file. The bucket shows an object whole or not at all. An upload
that a process did not live to finish leaves parts in the bucket, which a lifecycle rule of it deletes.

Import it only where a bucket is used: obstore takes seven megabytes of memory.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from tempfile import SpooledTemporaryFile
from typing import IO, TYPE_CHECKING, Any, Final

import obstore
from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError
from obstore.store import S3Store

from app.bundles.content import CHUNK_BYTES, as_file, is_name, missing, parsed
from app.domain.bundles import Bundle
from app.errors import RemoteForbidden, RemoteMissing, RemoteUnavailable
from app.settings import BucketSettings

if TYPE_CHECKING:
    from obstore import GetResult

_IN_MEMORY_BYTES: Final = 1024 * 1024
_PART_BYTES: Final = 5 * 1024 * 1024
_BLOBS: Final = "blobs"
_PAGE: Final = 1000


class BucketBundles:
    """Port `Bundles`. Nothing connects before it is used."""

    def __init__(self, settings: BucketSettings) -> None:
        self._store = S3Store(
            settings.name,
            prefix=settings.prefix or None,
            endpoint=settings.endpoint,
            region=settings.region,
            access_key_id=settings.access_key_id,
            secret_access_key=settings.secret_access_key.reveal(),
            virtual_hosted_style_request=False,
            client_options={"connect_timeout": "5s", "timeout": "60s", "allow_http": True},
            retry_config={"max_retries": 2, "retry_timeout": timedelta(seconds=60)},
        )

    def write(self, chunks: Iterable[bytes]) -> tuple[str, int]:
        """Keep bytes as they come; return their SHA-256 and their number."""
        with SpooledTemporaryFile(_IN_MEMORY_BYTES) as draft:
            sha256 = _fill(draft, chunks)
            size_bytes = draft.tell()
            draft.seek(0)
            with _telling(f"keeping {sha256}"):
                # One part at a time: several people upload at once, and each part is held in memory.
                obstore.put(self._store, _key(sha256), draft, chunk_size=_PART_BYTES, max_concurrency=1)
            return sha256, size_bytes

    def open(self, sha256: str) -> IO[bytes]:
        """Open kept bytes; they are checked while they are read. Raises NotFound."""
        if not is_name(sha256):
            raise missing(sha256)
        doing = f"reading {sha256}"
        with _telling(doing):
            try:
                found = obstore.get(self._store, _key(sha256))
            except FileNotFoundError:
                raise missing(sha256) from None
        return as_file(_chunks(found, doing), sha256, lambda: None)

    def has(self, sha256: str) -> bool:
        """Tell whether they are kept."""
        if not is_name(sha256):
            return False
        with _telling(f"looking for {sha256}"):
            try:
                obstore.head(self._store, _key(sha256))
            except FileNotFoundError:
                return False
            return True

    def save(self, bundle: Bundle) -> str:
        """Keep a bundle's description and return its digest."""
        return self.write([bundle.to_json()])[0]

    def load(self, digest: str) -> Bundle:
        """Return a bundle. Raises NotFound."""
        return parsed(self.open(digest), digest)

    def prune(self, wanted: Callable[[str], bool], older_than: datetime) -> int:
        """Delete what was last written before `older_than` and is not `wanted`.

        A bucket has no locks: what is written again while a page of a thousand is being decided on may be
        deleted with it, so `older_than` lies well before anything that is still being put together.
        """
        count = 0
        for page in self._pages():
            old = [it["path"] for it in page if it["last_modified"] < older_than]
            unwanted = [path for path in old if is_name(_name(path)) and not wanted(_name(path))]
            if unwanted:
                with _telling("deleting what nobody wants"):
                    obstore.delete(self._store, unwanted)
            count += len(unwanted)
        return count

    def _pages(self) -> Iterator[Any]:
        with _telling("listing what is kept"):
            pages = obstore.list(self._store, prefix=_BLOBS, chunk_size=_PAGE)
            yield from pages


def _fill(draft: IO[bytes], chunks: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for chunk in chunks:
        digest.update(chunk)
        _write(draft, chunk)
    return digest.hexdigest()


def _write(draft: IO[bytes], chunk: bytes) -> None:
    try:
        draft.write(chunk)
    except OSError as error:
        raise RemoteUnavailable(f"writing for the bundle store: {error.strerror}") from error


def _chunks(found: "GetResult", doing: str) -> Iterator[bytes]:
    with _telling(doing):
        for chunk in found.stream(min_chunk_size=CHUNK_BYTES):
            yield bytes(chunk)


def _key(sha256: str) -> str:
    return f"{_BLOBS}/{sha256}"


def _name(path: str) -> str:
    return path.rpartition("/")[2]


@contextmanager
def _telling(doing: str) -> Iterator[None]:
    """Say of what the bucket refuses what was being done, and who can help."""
    doing = f"{doing} in the bundle store"
    try:
        yield
    except (PermissionDeniedError, UnauthenticatedError) as error:
        raise RemoteForbidden(f"{doing}: the bucket does not let us ({_first_line(error)})") from error
    except FileNotFoundError as error:
        raise RemoteMissing(f"{doing}: there is no such bucket ({_first_line(error)})") from error
    except BaseError as error:
        raise RemoteUnavailable(f"{doing}: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0][:300]
