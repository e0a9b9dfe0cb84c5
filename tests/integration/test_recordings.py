"""A fork's recording is trusted by nobody: it is a bundle as the gateway makes them, or it is refused."""

import io
import json
import stat
import struct
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.cloudflare import archives
from app.cloudflare.gateway import modules
from app.cloudflare.recordings import CloudflareRecordings
from app.domain.bundles import Bundle
from app.errors import BranchlineError, InvalidInput, TooLarge
from tests.fakes.bundles import FakeBundles
from tests.proofs import pick
from tests.recorded import (
    ASSET,
    CODE,
    JAVASCRIPT,
    METADATA,
    MODULE,
    described,
    recording,
    with_assets,
    zipped,
)


def read(packed: bytes, *provided: str, store: FakeBundles | None = None) -> Bundle:
    return CloudflareRecordings(store or FakeBundles()).read(in_pieces(packed), set(provided))


def in_pieces(packed: bytes, size: int = 1000) -> Iterator[bytes]:
    for start in range(0, len(packed), size):
        yield packed[start : start + size]


def refusal(packed: bytes) -> BranchlineError:
    with pytest.raises((InvalidInput, TooLarge)) as refused:
        read(packed)
    return refused.value


# -------------------- what is taken


def test_code_and_assets_become_a_bundle_whose_bytes_are_kept() -> None:
    store = FakeBundles()
    bundle = read(recording(with_assets()), store=store)
    (module,), (asset,) = bundle.modules, bundle.assets
    assert (module.name, module.content_type, store.blobs[module.sha256]) == ("index.js", JAVASCRIPT, CODE)
    assert (asset.path, asset.content_type, store.blobs[asset.sha256]) == (
        "/index.html",
        "text/html",
        b"home",
    )
    assert bundle.assets_config == {"html_handling": "none"}
    assert (bundle.main_module, bundle.compatibility_date) == ("index.js", "2026-11-01")


def test_assets_without_code() -> None:
    metadata = {"compatibility_date": "2026-11-01", "assets": {"config": {}}}
    bundle = read(recording(described(metadata=metadata, modules=[], assets=[ASSET])))
    assert (bundle.main_module, len(bundle.modules), len(bundle.assets)) == (None, 0, 1)


def test_one_file_under_two_paths_is_read_once_and_has_two_types() -> None:
    other = {**ASSET, "path": "/copy", "contentType": "application/null"}
    bundle = read(recording(with_assets(ASSET, other)))
    assert {it.path: it.content_type for it in bundle.assets} == {"/index.html": "text/html", "/copy": None}
    assert len({it.sha256 for it in bundle.assets}) == 1


def test_source_maps_are_left_out_as_the_gateway_does() -> None:
    source_map = {"name": "index.js.map", "contentType": "application/source-map", "file": "modules/1"}
    bundle = read(recording(described(modules=[MODULE, source_map]), modules_1=b"{}"))
    assert [it.name for it in bundle.modules] == ["index.js"]


def test_what_the_environment_provides_may_be_inherited() -> None:
    metadata = {**METADATA, "bindings": [{"name": "API_KEY", "type": "inherit"}]}
    packed = recording(described(metadata=metadata))
    assert list(read(packed, "API_KEY").bindings) == []
    assert "binding API_KEY" in refusal(packed).message


def test_stored_files_are_taken_too() -> None:
    files = {"upload.json": json.dumps(described()).encode(), "modules/0": CODE}
    assert read(zipped(files, zipfile.ZIP_STORED)).modules


# -------------------- what is said


METADATA_OF: dict[str, Any] = {
    "another app's script": {
        "bindings": [{"name": "OTHER", "type": "service", "service": "slug0002"}],
    },
    "a namespace": {"bindings": [{"name": "N", "type": "dispatch_namespace", "namespace": "live"}]},
    "a secret of its own": {"bindings": [{"name": "S", "type": "secret_text", "text": "x"}]},
    "our own names": {"bindings": [{"name": "BRANCHLINE_COMMIT", "type": "plain_text", "text": "x"}]},
    "a listener": {"tail_consumers": [{"service": "spy"}]},
    "more time": {"limits": {"cpu_ms": 300_000}},
    "tags": {"tags": ["app-slug0002"]},
    "an unknown key": {"x": 1},
    "no module": {"main_module": "other.js"},
    "an odd main module": {"main_module": {"a": 1}},
    "no date": {"compatibility_date": None},
    "assets that are none": {"assets": [1]},
    "assets that are not listed": {"assets": {"config": {}}},
    "assets by somebody else's token": {"assets": {"jwt": "a.b.c"}},
    "an odd configuration of assets": {"assets": {"config": {"x": 1}}},
}


@pytest.mark.parametrize("name", METADATA_OF)
def test_metadata_is_checked_as_the_gateway_does(name: str) -> None:
    told = described(metadata={**METADATA, **METADATA_OF[name]})
    assert refusal(recording(told)).error_code in {"upload:invalid-metadata", "artifact:malformed"}


DESCRIBED: dict[str, Any] = {
    "not an object": [],
    "nothing": {},
    "another version": described(version=2),
    "no metadata": described(metadata=None),
    "an unknown key": described(more=1),
    "modules that are none": described(modules={"a": 1}),
    "a module without a file": described(modules=[{"name": "a.js", "contentType": JAVASCRIPT}]),
    "a module with a number for a name": described(modules=[{**MODULE, "name": 1}]),
    "a module that is not there": described(modules=[{**MODULE, "file": "modules/9"}]),
    "a module that is the description": described(modules=[{**MODULE, "file": "../upload.json"}]),
    "a module outside": described(modules=[{**MODULE, "file": "/etc/passwd"}]),
    "a module of a strange type": described(modules=[{**MODULE, "contentType": "text/html"}]),
    "a module with a way out": described(modules=[{**MODULE, "name": "../../a.js"}]),
    "a module with a header in its name": described(modules=[{**MODULE, "name": 'a"\r\nX: 1'}]),
    "two modules of one name": described(modules=[MODULE, MODULE]),
    "metadata for a module": described(modules=[MODULE, {**MODULE, "name": "metadata"}]),
    "an asset that is not there": with_assets({**ASSET, "file": "assets/9"}),
    "an asset outside": with_assets({**ASSET, "file": "../x"}),
    "an asset without a slash": with_assets({**ASSET, "path": "index.html"}),
    "an asset with a way out": with_assets({**ASSET, "path": "/../../x"}),
    "an asset with a line in its path": with_assets({**ASSET, "path": "/a\nb"}),
    "an asset with an odd hash": with_assets({**ASSET, "hash": "x"}),
    "an asset of another size": with_assets({**ASSET, "size": 3}),
    "an asset of less": with_assets({**ASSET, "size": 5}),
    "an asset of a negative size": with_assets({**ASSET, "size": -1}),
    "an asset of a size that is true": with_assets({**ASSET, "size": True}),
    "an asset with a header in its type": with_assets({**ASSET, "contentType": "text/html\r\nX: 1"}),
    "one path twice": with_assets(ASSET, ASSET),
    "one hash for two sizes": with_assets(ASSET, {**ASSET, "path": "/b", "size": 5}),
    "one file with two sizes": with_assets(ASSET, {**ASSET, "path": "/b", "hash": "1" * 32, "size": 5}),
}


@pytest.mark.parametrize("name", DESCRIBED)
def test_a_description_is_checked(name: str) -> None:
    refused = refusal(recording(DESCRIBED[name]))
    assert len(refused.message) < 2000


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"version": NaN}',
        b'{"version": 1, "metadata": {"a": "\\ud800"}, "modules": [], "assets": null}',
        b'{"a": ' * 50_000 + b"1" + b"}" * 50_000,
    ],
)
def test_a_description_that_is_no_json(raw: bytes) -> None:
    assert refusal(zipped({"upload.json": raw})).error_code == "upload:invalid-json"


def test_nothing_is_said_of_the_values_that_are_wrong() -> None:
    told = described(modules=[{**MODULE, "file": 1, "name": ["<b>secret</b>"]}])
    refused = refusal(recording(told))
    assert "modules.0.name: Input should be a valid string" in refused.message
    assert "secret" not in refused.message


# -------------------- how it is packed


def of_one_entry(entry: zipfile.ZipInfo, content: bytes = b"x", compression: int = 8) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", compression) as archive:
        archive.writestr("upload.json", json.dumps(described()))
        archive.writestr(entry, content, compression)
    return packed.getvalue()


def with_mode(mode: int) -> bytes:
    entry = zipfile.ZipInfo("modules/0")
    entry.external_attr = mode << 16
    return of_one_entry(entry, b"/etc/passwd")


def twice() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("upload.json", json.dumps(described()))
        archive.writestr("modules/0", CODE)
        archive.writestr("modules/1", b"another")
    return packed.getvalue().replace(b"modules/1", b"modules/0")


def patched(find: bytes, replace: Callable[[bytearray, int], None]) -> bytes:
    """Return a good recording with something changed behind the last place where `find` is."""
    content = bytearray(zipped({"upload.json": json.dumps(described()).encode(), "modules/0": CODE}))
    replace(content, content.rindex(find))
    return bytes(content)


def set_number(offset: int, layout: str, number: int) -> Callable[[bytearray, int], None]:
    return lambda content, at: struct.pack_into(layout, content, at + offset, number)


END, ENTRY, LOCAL = b"PK\x05\x06", b"PK\x01\x02", b"PK\x03\x04"
PACKED: Mapping[str, bytes] = {
    "nothing": b"",
    "no zip": b"x" * 5000,
    "half of one": recording()[:200],
    "without its end": recording()[:-1],
    "something behind it": recording() + b"x",
    "something in front": b"#!/bin/sh\n" + recording(),
    "two of them": recording() + recording(),
    "a comment": recording()[:-2] + b"\x01\x00c",
    "two names alike": twice(),
    "an absolute path": of_one_entry(zipfile.ZipInfo("/etc/passwd")),
    "a way out": of_one_entry(zipfile.ZipInfo("modules/../../../etc/passwd")),
    "a way out of Windows": of_one_entry(zipfile.ZipInfo("modules\\..\\x")),
    "a folder": of_one_entry(zipfile.ZipInfo("modules/"), b""),
    "a file of another kind": of_one_entry(zipfile.ZipInfo("run.sh")),
    "a link": with_mode(stat.S_IFLNK | 0o777),
    "a device": with_mode(stat.S_IFCHR | 0o666),
    "a pipe": with_mode(stat.S_IFIFO | 0o666),
    "bzip2": of_one_entry(zipfile.ZipInfo("modules/0"), compression=zipfile.ZIP_BZIP2),
    "lzma": of_one_entry(zipfile.ZipInfo("modules/0"), compression=zipfile.ZIP_LZMA),
    "encryption": patched(ENTRY, set_number(8, "<H", 1)),
    "patched data": patched(ENTRY, set_number(8, "<H", 0x20)),
    "a version of the future": patched(ENTRY, set_number(6, "<H", 99)),
    "an entry that is elsewhere": patched(ENTRY, set_number(42, "<L", 7)),
    "an entry behind the end": patched(ENTRY, set_number(42, "<L", 2**31)),
    "a size that is less": patched(ENTRY, set_number(24, "<L", 5)),
    "a packed size that is less": patched(ENTRY, set_number(20, "<L", 5)),
    "a checksum that is not so": patched(ENTRY, set_number(16, "<L", 1)),
    "more disks": patched(END, set_number(4, "<H", 1)),
    "a directory that is elsewhere": patched(END, set_number(16, "<L", 0)),
    "a directory of another size": patched(END, set_number(12, "<L", 1)),
    "a directory of all sizes": patched(END, set_number(12, "<L", 2**32 - 1)),
    "more files than it may have": patched(END, set_number(10, "<H", 65535)),
    "no description": zipped({"modules/0": CODE}),
}


@pytest.mark.parametrize("name", PACKED)
def test_what_our_workflow_does_not_pack_is_refused(name: str) -> None:
    refusal(PACKED[name])


def test_a_name_that_ends_early_is_no_other_name() -> None:
    packed = of_one_entry(zipfile.ZipInfo("modules/0"))
    assert "does not make" in refusal(packed.replace(b"modules/0", b"modules/\x00")).message


def test_a_zip_of_64_bits_is_refused() -> None:
    content = recording()
    locator = b"PK\x06\x07" + bytes(16)
    end = bytearray(content[-22:])
    struct.pack_into("<L", end, 12, len(content) - 22 + 20 - struct.unpack_from("<L", end, 16)[0])
    assert "as our workflow makes them" in refusal(content[:-22] + locator + end).message


def test_more_entries_than_a_fork_may_have() -> None:
    many = {f"assets/{number}": b"" for number in range(archives.MAXIMUM_ENTRIES)}
    assert refusal(zipped({"upload.json": b"{}", **many})).error_code == "artifact:too-large"


def test_a_directory_that_lies_about_its_length(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "_DIRECTORY_BYTES", 100)
    assert refusal(recording()).error_code == "artifact:too-large"


def test_more_bytes_packed_than_a_fork_may_send(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.cloudflare.recordings.MAXIMUM_PACKED_BYTES", 5000)
    taken = 0

    def endless() -> Iterator[bytes]:
        nonlocal taken
        while True:
            taken += 1
            yield bytes(1000)

    with pytest.raises(TooLarge):
        CloudflareRecordings(FakeBundles()).read(endless(), ())
    assert taken == 6


def test_a_bomb_is_read_no_further_than_its_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """What counts is what comes out, not what the archive says will."""
    monkeypatch.setattr(archives, "MAXIMUM_BYTES", 1_000_000)
    packed = recording(modules_0=bytes(50_000_000))
    assert len(packed) < 100_000
    assert refusal(packed).error_code == "artifact:too-large"
    lying = bytearray(packed)
    struct.pack_into("<L", lying, lying.rindex(ENTRY) + 24, 10)
    refusal(bytes(lying))


def test_a_description_may_not_be_endless(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.cloudflare.recordings._DESCRIPTION_BYTES", 100)
    assert refusal(recording()).error_code == "upload:too-large"


def test_one_file_read_many_times_counts_many_times(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MAXIMUM_BYTES", 100_000)
    many = [{**MODULE, "name": f"{number}.js"} for number in range(50)]
    packed = recording(
        described(metadata={**METADATA, "main_module": "0.js"}, modules=many), modules_0=bytes(10_000)
    )
    assert refusal(packed).error_code == "artifact:too-large"


def test_more_code_than_any_script_may_have(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(modules, "MAXIMUM_BYTES", 10)
    assert refusal(recording()).error_code == "upload:too-large"


def test_metadata_that_is_too_long() -> None:
    metadata = {**METADATA, "bindings": [{"name": "A", "type": "plain_text", "text": "x" * 1_100_000}]}
    assert refusal(recording(described(metadata=metadata))).error_code == "upload:too-large"


@given(st.data())
@settings(max_examples=pick(short=100, full=3000), deadline=None)
def test_whatever_is_damaged_is_refused_or_still_good(data: st.DataObject) -> None:
    """No bytes at all make anything else than a bundle or a refusal."""
    content = bytearray(recording(with_assets()))
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    with suppress(InvalidInput, TooLarge):
        assert read(bytes(content)).modules
