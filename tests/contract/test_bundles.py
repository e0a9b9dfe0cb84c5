"""What every bundle store does alike: the fake that unit tests trust, a directory, a bucket of a real S3."""

import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from app.bundles.places import bundles_in
from app.domain.bundles import Asset, Bundle, Module
from app.errors import NotFound
from app.ports import Bundles
from tests.fakes.bundles import FakeBundles

LATER = timedelta(hours=1)
_numbers = count(1)


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture(params=["fake", "directory", "bucket"])
def bundles(request: pytest.FixtureRequest) -> Bundles:
    if request.param == "fake":
        return FakeBundles(now)
    if request.param == "directory":
        return bundles_in(Path(request.getfixturevalue("tmp_path")) / "bundles")
    return bundles_in(request.getfixturevalue("s3").bucket(f"branchline/{next(_numbers)}"))


def name_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def content_of(bundles: Bundles, sha256: str) -> bytes:
    with bundles.open(sha256) as kept:
        return kept.read()


def bundle_of(bundles: Bundles) -> Bundle:
    code, size_bytes = bundles.write([b"export default {}"])
    page, page_bytes = bundles.write([b"<h1>hello"])
    return Bundle(
        main_module="index.js",
        modules=(Module("index.js", "application/javascript+module", code, size_bytes),),
        compatibility_date="2026-11-01",
        compatibility_flags=("nodejs_compat",),
        bindings=({"type": "plain_text", "name": "COLOUR", "text": "blau 青"},),
        assets=(Asset("/index.html", page, page_bytes, "text/html"),),
        assets_config={"not_found_handling": "single-page-application"},
    )


@pytest.mark.parametrize(
    "chunks", [[b"hello"], [b"he", b"", b"llo"], [], [b""]], ids=["whole", "pieces", "nothing", "empty"]
)
def test_bytes_are_kept_under_their_hash(bundles: Bundles, chunks: list[bytes]) -> None:
    content = b"".join(chunks)
    assert bundles.write(iter(chunks)) == (name_of(content), len(content))
    assert content_of(bundles, name_of(content)) == content


def test_what_does_not_fit_into_one_part_is_kept_whole(bundles: Bundles) -> None:
    chunks = [bytes([number]) * 700_001 for number in range(17)]
    sha256, size_bytes = bundles.write(iter(chunks))
    assert size_bytes == 17 * 700_001
    assert content_of(bundles, sha256) == b"".join(chunks)


def test_bytes_are_read_in_pieces(bundles: Bundles) -> None:
    content = bytes(range(256)) * 5000
    sha256, _ = bundles.write([content])
    with bundles.open(sha256) as kept:
        pieces = list(iter(lambda: kept.read(100_000), b""))
    assert b"".join(pieces) == content
    assert {len(piece) for piece in pieces[:-1]} == {100_000}


def test_reading_may_stop_in_the_middle(bundles: Bundles) -> None:
    sha256, _ = bundles.write([b"x" * 2_000_000])
    with bundles.open(sha256) as kept:
        assert kept.read(3) == b"xxx"


def test_the_same_bytes_may_be_written_again(bundles: Bundles) -> None:
    assert bundles.write([b"hello"]) == bundles.write([b"hel", b"lo"])
    assert content_of(bundles, name_of(b"hello")) == b"hello"


def test_many_may_write_the_same_bytes_at_once(bundles: Bundles) -> None:
    content = b"shared" * 50_000
    with ThreadPoolExecutor(8) as people:
        written = list(people.map(lambda _: bundles.write([content]), range(24)))
    assert set(written) == {(name_of(content), len(content))}
    assert content_of(bundles, name_of(content)) == content


def test_has_tells_what_is_kept(bundles: Bundles) -> None:
    assert not bundles.has(name_of(b"hello"))
    bundles.write([b"hello"])
    assert bundles.has(name_of(b"hello"))


@pytest.mark.parametrize(
    "name",
    [
        name_of(b"never written"),
        "",
        "..",
        "../" * 21 + "a",
        "/etc/passwd",
        "A" * 64,
        "\uff10" * 64,
        "a" * 63,
        "a" * 65,
        "a" * 64 + "\n",
        "a" * 31 + "/" + "a" * 32,
        "a" * 32 + "\0" + "a" * 31,
    ],
    ids=lambda name: repr(name)[:9],
)
def test_what_is_not_kept_is_not_found_whatever_it_is_called(bundles: Bundles, name: str) -> None:
    assert not bundles.has(name)
    asks: list[Callable[[str], Any]] = [bundles.open, bundles.load]
    for ask in asks:
        with pytest.raises(NotFound) as refused:
            ask(name)
        assert refused.value.error_code == "bundle:not-found"


def test_what_ends_early_is_not_kept(bundles: Bundles) -> None:
    def cut_off() -> Iterator[bytes]:
        yield b"half of it" * 200_000
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        bundles.write(cut_off())
    assert not bundles.has(name_of(b"half of it" * 200_000))
    assert bundles.prune(lambda _: False, now() + LATER) == 0


def test_a_bundle_is_the_same_when_it_is_loaded(bundles: Bundles) -> None:
    bundle = bundle_of(bundles)
    assert bundles.save(bundle) == bundle.digest == bundles.save(bundle)
    assert bundles.load(bundle.digest) == bundle


def test_what_is_no_bundle_is_not_loaded(bundles: Bundles) -> None:
    for content in (b"<h1>hello", b"[]", b'{"modules": 3}', b"\xff"):
        sha256, _ = bundles.write([content])
        with pytest.raises(NotFound):
            bundles.load(sha256)


def test_what_is_old_and_unwanted_is_deleted(bundles: Bundles) -> None:
    kept, _ = bundles.write([b"kept"])
    others = [bundles.write([str(number).encode()])[0] for number in range(3)]
    assert bundles.prune(lambda name: name == kept, now() + LATER) == 3
    assert bundles.has(kept)
    assert not any(map(bundles.has, others))
    assert bundles.prune(lambda name: name == kept, now() + LATER) == 0


def test_what_is_young_is_not_even_asked_for(bundles: Bundles) -> None:
    sha256, _ = bundles.write([b"young"])
    asked: list[str] = []

    def ask(name: str) -> bool:
        asked.append(name)
        return False

    assert bundles.prune(ask, now() - LATER) == 0
    assert asked == []
    assert bundles.has(sha256)


def test_an_empty_store_has_nothing_to_delete(bundles: Bundles) -> None:
    assert bundles.prune(lambda _: False, now() + LATER) == 0
