"""Prune: bytes that no deployment, no worker and no archive needs any more leave the bundle store.

What is needed is read first and whole; when it cannot be, nothing is deleted. What was written lately stays,
needed or not: it may be an upload that is not recorded yet.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from app.errors import NotFound
from app.ports import Bundles


@dataclass(frozen=True, slots=True)
class Pruned:
    """How many bundles are kept, how many of those the store lacks, and how many blobs were deleted."""

    kept: int
    missing: int
    deleted: int


def prune(
    bundles: Bundles, used: Iterable[str], older_than: datetime, kept_blobs: Iterable[str] = ()
) -> Pruned:
    """Delete what is older and is neither one of `kept_blobs` nor belongs to one of the `used` bundles.

    May be repeated, also at once.

    Raises:
        RemoteUnavailable: a bundle could not be looked at; nothing was deleted.
        RemoteRefused: a bundle is damaged; nothing was deleted.
    """
    wanted = {bytes.fromhex(sha256) for sha256 in kept_blobs}
    kept = missing = 0
    for digest in used:
        kept += 1
        try:
            bundle = bundles.load(digest)
        except NotFound:
            missing += 1
            continue
        named = (digest, *(it.sha256 for it in bundle.modules), *(it.sha256 for it in bundle.assets))
        wanted.update(map(bytes.fromhex, named))
    deleted = bundles.prune(lambda sha256: bytes.fromhex(sha256) in wanted, older_than)
    return Pruned(kept, missing, deleted)
