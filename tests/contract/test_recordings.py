"""Recordings are read alike by the fake and by the adapter: a bundle whose bytes are kept, or a refusal."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from app.cloudflare.recordings import CloudflareRecordings
from app.errors import InvalidInput, TooLarge
from app.ports import Recordings
from tests.fakes.bundles import FakeBundles
from tests.fakes.code_host_forks import FakeRecordings, recorded
from tests.recorded import METADATA, described, recording


@dataclass
class Reader:
    """A port over its own store, and how what it reads is made: of code, and of names that it inherits."""

    port: Recordings
    store: FakeBundles
    packed: Callable[..., bytes]


def as_wrangler_does(code: str, *inherits: str) -> bytes:
    bindings = [{"name": name, "type": "inherit"} for name in inherits]
    return recording(described(metadata={**METADATA, "bindings": bindings}), modules_0=code.encode())


@pytest.fixture(params=["fake", "cloudflare"])
def reader(request: pytest.FixtureRequest) -> Reader:
    store = FakeBundles()
    if request.param == "fake":
        return Reader(FakeRecordings(store), store, recorded)
    return Reader(CloudflareRecordings(store), store, as_wrangler_does)


def test_what_was_recorded_is_a_bundle_whose_bytes_are_kept(reader: Reader) -> None:
    packed = reader.packed("export default {};")
    bundle = reader.port.read(iter([packed[:5], packed[5:]]), ())
    (module,) = bundle.modules
    assert (bundle.main_module, module.name) == ("index.js", "index.js")
    assert reader.store.blobs[module.sha256] == b"export default {};"


def test_what_the_environment_lacks_is_not_inherited(reader: Reader) -> None:
    packed = reader.packed("code", "API_KEY")
    assert not reader.port.read([packed], {"API_KEY"}).bindings
    with pytest.raises(InvalidInput):
        reader.port.read([packed], ())


def test_what_is_no_recording_is_refused(reader: Reader) -> None:
    for packed in ([], [b""], [b"PK\x03\x04"], [b"x" * 1000]):
        with pytest.raises(InvalidInput):
            reader.port.read(packed, ())


def test_what_is_too_large_is_refused(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.cloudflare.recordings.MAXIMUM_PACKED_BYTES", 100_000)
    with pytest.raises(TooLarge):
        reader.port.read([bytes(100)] * 2000, ())


def test_nothing_is_kept_of_what_does_not_come_to_its_end(reader: Reader) -> None:
    def breaking() -> object:
        yield reader.packed("code")
        raise ConnectionError

    with pytest.raises(ConnectionError):
        reader.port.read(breaking(), ())  # type: ignore[arg-type]
    assert not reader.store.blobs
