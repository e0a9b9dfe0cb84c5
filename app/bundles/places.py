"""Where the bundle store is: a directory, or a bucket."""

from pathlib import Path

from app.bundles.directory import DirectoryBundles
from app.ports import Bundles
from app.settings import BucketSettings


def bundles_in(place: Path | BucketSettings) -> Bundles:
    """Return the bundle store in that place; nothing is opened yet."""
    if isinstance(place, Path):
        return DirectoryBundles(place)
    # Who uses a directory does not pay for obstore: see app/bundles/bucket.py.
    from app.bundles.bucket import BucketBundles  # noqa: PLC0415

    return BucketBundles(place)
