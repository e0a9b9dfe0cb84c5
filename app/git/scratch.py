"""Where git works for a while: a directory of ours alone, gone afterwards, with what dead processes left."""

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from app.errors import RemoteUnavailable

_PREFIX: Final = "branchline-git-"
_ABANDONED_SECONDS: Final = 2 * 3600


@contextmanager
def scratch(room_bytes: int) -> Iterator[Path]:
    """Make a directory, and remove it with all that is in it.

    Raises:
        RemoteUnavailable: there is not room for so many bytes on its disk.
    """
    parent = Path(tempfile.gettempdir())
    remove_abandoned(parent, time.time() - _ABANDONED_SECONDS)
    if shutil.disk_usage(parent).free < room_bytes:
        raise RemoteUnavailable("copying a history: the control plane's disk has no room for it")
    with tempfile.TemporaryDirectory(prefix=_PREFIX, dir=parent, ignore_cleanup_errors=True) as name:
        yield Path(name)


def remove_abandoned(parent: Path, before: float) -> None:
    """Remove our directories that nobody has touched since; what is not ours to remove stays."""
    for path in parent.glob(f"{_PREFIX}*"):
        with suppress(OSError):
            if path.is_dir() and not path.is_symlink() and path.stat().st_mtime < before:
                shutil.rmtree(path, ignore_errors=True)
