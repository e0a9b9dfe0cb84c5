import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.cloudflare.gateway.manifest import (
    BUCKET_BYTES,
    BUCKET_FILES,
    MAXIMUM_FILE_BYTES,
    Entry,
    Manifest,
    buckets,
)
from app.errors import InvalidInput

NAME = "0123456789abcdef" * 2


def asked(manifest: Any) -> bytes:
    return json.dumps({"manifest": manifest}).encode()


def test_a_manifest_maps_paths_to_names_and_sizes() -> None:
    manifest = Manifest.from_request(asked({"/index.html": {"hash": NAME, "size": 15}}))
    assert manifest.entries == {"/index.html": Entry(NAME, 15)}
    assert manifest.sizes() == {NAME: 15}


@pytest.mark.parametrize(
    "path", ["/a b.png", "/Ünïcode/ﬁ\u202f.png", "/a//b", "/...", "/" + "a" * 1000, "/%2e%2e/x"]
)
def test_paths_are_what_files_are_called(path: str) -> None:
    assert set(Manifest.from_request(asked({path: {"hash": NAME, "size": 0}})).entries) == {path}


GOOD = {"hash": NAME, "size": 1}


@pytest.mark.parametrize(
    "manifest",
    [
        None,
        [],
        "",
        {"index.html": GOOD},
        {"": GOOD},
        {"/../etc/passwd": GOOD},
        {"/a/..": GOOD},
        {"/./a": GOOD},
        {"/a\n": GOOD},
        {"/a\0": GOOD},
        {"/\x7f": GOOD},
        {"/\udc00": GOOD},
        {"/" + "a" * 1024: GOOD},
        {"/" + "ä" * 600: GOOD},
        {"/a": None},
        {"/a": []},
        {"/a": {"size": 1}},
        {"/a": {"hash": NAME}},
        {"/a": {"hash": NAME.upper(), "size": 1}},
        {"/a": {"hash": NAME + "0", "size": 1}},
        {"/a": {"hash": NAME[1:], "size": 1}},
        {"/a": {"hash": NAME + "\n", "size": 1}},
        {"/a": {"hash": int("1" * 32), "size": 1}},
        {"/a": {"hash": NAME, "size": -1}},
        {"/a": {"hash": NAME, "size": "1"}},
        {"/a": {"hash": NAME, "size": 1.0}},
        {"/a": {"hash": NAME, "size": True}},
        {"/a": {"hash": NAME, "size": 10**30}},
        {"/a": {"hash": NAME, "size": MAXIMUM_FILE_BYTES + 1}},
        {"/a": {"hash": NAME, "size": 26 * 1024 * 1024}},
        {"/a": GOOD, "/b": {"hash": NAME, "size": 2}},
        {f"/{number}": {"hash": f"{number:032x}", "size": MAXIMUM_FILE_BYTES} for number in range(41)},
    ],
)
def test_what_cannot_be_uploaded_is_refused(manifest: Any) -> None:
    with pytest.raises(InvalidInput, match="the assets' manifest"):
        Manifest.from_request(asked(manifest))


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"null", b"{", b"[" * 100_000, b'{"manifest": NaN}', b"\xff", b"\xef\xbb\xbf{}"]
)
def test_what_is_no_json_object_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidInput):
        Manifest.from_request(body)


def test_cloudflare_takes_a_hundred_thousand_files_and_no_more() -> None:
    files = {f"/{number}": {"hash": f"{number:032x}", "size": 1} for number in range(100_001)}
    with pytest.raises(InvalidInput, match="100001 files"):
        Manifest.from_request(asked(files))
    del files["/0"]
    assert len(Manifest.from_request(asked(files)).entries) == 100_000


@given(
    st.dictionaries(st.text(max_size=9), st.builds(Entry, st.just(NAME), st.integers(0, 2**60)), max_size=5)
)
def test_what_is_kept_is_read_again(entries: dict[str, Entry]) -> None:
    manifest = Manifest({path.encode(errors="replace").decode(): entry for path, entry in entries.items()})
    assert Manifest.from_json(manifest.to_json()) == manifest


@given(st.dictionaries(st.text(max_size=5), st.integers(0, MAXIMUM_FILE_BYTES), max_size=1200))
def test_buckets_hold_every_file_once_and_are_not_too_large(sizes: dict[str, int]) -> None:
    groups = buckets(sizes)
    assert [name for group in groups for name in group] == list(sizes)
    for group in groups:
        assert 0 < len(group) <= BUCKET_FILES
        assert sum(sizes[name] for name in group) <= BUCKET_BYTES
