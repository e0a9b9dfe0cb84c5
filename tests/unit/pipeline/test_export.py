"""An archive passes through, a chunk at a time, and ends."""

from collections.abc import Iterator
from itertools import count

import pytest

from app.errors import NotFound, RemoteUnavailable
from app.pipeline.export import Export, bounded, opened_export, plan_export
from app.ports import ArchiveFormat
from tests.fakes.code_host_files import code_host
from tests.unit.pipeline.world import World


@pytest.mark.parametrize("packed", list(ArchiveFormat))
def test_an_export_is_of_one_commit(world: World, packed: ArchiveFormat) -> None:
    app, host = world.app(), code_host(world.host)
    commit = world.repository().branches["main"]
    export = plan_export(app, None, packed, host)
    assert export == Export(commit, packed, f"app-1-{commit[:7]}.{packed}")
    world.host.push("acme/app-1", "main", {"later": b"1"})
    with opened_export(app, export, host) as chunks:
        start = next(chunks)
    assert start[:2] == {"tar.gz": b"\x1f\x8b", "zip": b"PK"}[packed]


def test_a_ref_that_is_not_there_has_no_archive(world: World) -> None:
    with pytest.raises(NotFound) as missing:
        plan_export(world.app(), "nothing", ArchiveFormat.ZIP, code_host(world.host))
    assert missing.value.error_code == "ref:not-found"


def endless() -> Iterator[bytes]:
    while True:
        yield b"x" * 1000


def test_an_archive_without_end_is_stopped() -> None:
    chunks = bounded(endless(), largest_bytes=10_000)
    assert sum(len(next(chunks)) for _ in range(10)) == 10_000
    with pytest.raises(RemoteUnavailable) as stopped:
        next(chunks)
    assert stopped.value.error_code == "export:too-large"


def test_an_archive_that_takes_for_ever_is_stopped() -> None:
    seconds = count()
    chunks = bounded(endless(), longest_seconds=5, monotonic=lambda: float(next(seconds)))
    with pytest.raises(RemoteUnavailable):
        list(chunks)
