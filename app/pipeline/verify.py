"""Verify: is everything in the bundle store that is needed, to the last part?

Only looks. What is missing is put back from a backup, or deployed again, by people.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from app.domain.bundles import Bundle
from app.errors import NotFound, RemoteRefused
from app.ports import Bundles

_CHUNK_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Verified:
    """How many bundles were looked at, and the digests of those that are not whole."""

    bundles: int
    incomplete: tuple[str, ...]


def verify(bundles: Bundles, wanted: Iterable[str], *, deep: bool = False) -> Verified:
    """Look for each bundle and its parts; `deep` reads every byte and compares it with its name.

    Raises:
        RemoteUnavailable: the store could not be looked at; nothing is known.
    """
    known: set[str] = set()
    looked_at = 0
    incomplete = []
    for digest in wanted:
        looked_at += 1
        if not _is_whole(bundles, digest, known, deep=deep):
            incomplete.append(digest)
    return Verified(looked_at, tuple(incomplete))


def missing_blobs(bundles: Bundles, wanted: Iterable[str], *, deep: bool = False) -> tuple[str, ...]:
    """Return which of these blobs are not there, or damaged where `deep` reads them: archives are such.

    Raises:
        RemoteUnavailable: the store could not be looked at; nothing is known.
    """
    return tuple(sha256 for sha256 in wanted if not _is_there(bundles, sha256, deep=deep))


def _is_there(bundles: Bundles, sha256: str, *, deep: bool) -> bool:
    try:
        _find(bundles, sha256, deep=deep)
    except (NotFound, RemoteRefused):
        return False
    return True


def _is_whole(bundles: Bundles, digest: str, known: set[str], *, deep: bool) -> bool:
    """Look at one bundle; parts that are found are added to `known`, and not looked for again."""
    try:
        for part in _parts(bundles.load(digest)):
            if part not in known:
                _find(bundles, part, deep=deep)
                known.add(part)
    except (NotFound, RemoteRefused):
        return False
    return True


def _parts(bundle: Bundle) -> Iterator[str]:
    yield from (module.sha256 for module in bundle.modules)
    yield from (asset.sha256 for asset in bundle.assets)


def _find(bundles: Bundles, sha256: str, *, deep: bool) -> None:
    if not deep:
        if not bundles.has(sha256):
            raise NotFound(f"looking for {sha256}: it is not there", code="bundle:not-found")
        return
    with bundles.open(sha256) as file:
        while file.read(_CHUNK_BYTES):
            pass
