"""A bundle store in memory."""

import hashlib
from collections.abc import Callable, Iterable
from datetime import datetime
from io import BytesIO
from typing import IO

from app.bundles.content import parsed
from app.domain.bundles import Bundle
from app.errors import NotFound
from app.ports import Clock
from tests.fakes.clock import FakeClock
from tests.fakes.faults import Faults


class FakeBundles:
    """Port `Bundles`; `blobs` is what is kept, by its SHA-256."""

    def __init__(self, clock: Clock | None = None) -> None:
        self.blobs: dict[str, bytes] = {}
        self.faults = Faults()
        self.fail_next = self.faults.fail_next
        self._clock = clock or FakeClock()
        self._kept_at: dict[str, datetime] = {}

    def keep(self, content: bytes) -> str:
        """Keep bytes and return their SHA-256, without being asked over the port."""
        sha256 = hashlib.sha256(content).hexdigest()
        self.blobs[sha256] = content
        self._kept_at[sha256] = self._clock()
        return sha256

    def write(self, chunks: Iterable[bytes]) -> tuple[str, int]:
        with self.faults.during("write"):
            content = b"".join(chunks)
            return self.keep(content), len(content)

    def open(self, sha256: str) -> IO[bytes]:
        with self.faults.during("open"):
            return BytesIO(self._blob(sha256))

    def has(self, sha256: str) -> bool:
        with self.faults.during("has"):
            return sha256 in self.blobs

    def save(self, bundle: Bundle) -> str:
        with self.faults.during("save"):
            return self.keep(bundle.to_json())

    def load(self, digest: str) -> Bundle:
        with self.faults.during("load"):
            return parsed(BytesIO(self._blob(digest)), digest)

    def prune(self, wanted: Callable[[str], bool], older_than: datetime) -> int:
        with self.faults.during("prune"):
            old = [sha256 for sha256, kept_at in self._kept_at.items() if kept_at < older_than]
            unwanted = [sha256 for sha256 in old if not wanted(sha256)]
            for sha256 in unwanted:
                del self.blobs[sha256], self._kept_at[sha256]
            return len(unwanted)

    def _blob(self, sha256: str) -> bytes:
        if sha256 not in self.blobs:
            raise NotFound(
                f"looking for {sha256} in the bundle store: it is not there", code="bundle:not-found"
            )
        return self.blobs[sha256]
