"""What the API sends, written to this machine: to a file that appears whole or not at all, or to stdout."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


@contextmanager
def saved_to(target: Path | None) -> Iterator[IO[bytes]]:
    """Open where bytes go: a file, which takes its name when all of them came, or stdout."""
    if target is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    draft = target.with_name(f".{target.name}.part")
    try:
        with draft.open("wb") as into:
            yield into
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)
