"""What nothing needs leaves the bundle store, and nothing else does."""

from datetime import timedelta

import pytest

from app.domain.bundles import Asset, Bundle, Module
from app.errors import RemoteUnavailable
from app.pipeline.prune import Pruned, prune
from tests.builders import NOON
from tests.fakes.bundles import FakeBundles
from tests.fakes.clock import FakeClock

LATER = NOON + timedelta(days=2)


@pytest.fixture
def bundles() -> FakeBundles:
    return FakeBundles(FakeClock())


def a_bundle(bundles: FakeBundles, code: bytes, asset: bytes) -> Bundle:
    module = Module("index.js", "application/javascript+module", bundles.keep(code), len(code))
    page = Asset("/index.html", bundles.keep(asset), len(asset), "text/html")
    bundle = Bundle("index.js", (module,), "2026-11-01", assets=(page,), assets_config={})
    bundles.save(bundle)
    return bundle


def test_what_is_used_stays_with_all_its_parts(bundles: FakeBundles) -> None:
    used = a_bundle(bundles, b"code", b"page")
    unused = a_bundle(bundles, b"other code", b"page")
    assert prune(bundles, [used.digest], LATER) == Pruned(kept=1, missing=0, deleted=2)
    assert bundles.load(used.digest) == used
    assert not bundles.has(unused.digest)
    assert not bundles.has(unused.modules[0].sha256)
    assert bundles.has(used.modules[0].sha256)
    assert bundles.has(used.assets[0].sha256)


def test_what_was_written_lately_stays(bundles: FakeBundles) -> None:
    unused = a_bundle(bundles, b"code", b"page")
    assert prune(bundles, [], NOON - timedelta(hours=1)).deleted == 0
    assert bundles.has(unused.digest)


def test_a_bundle_that_is_missing_is_counted_and_keeps_nobody_else_from_it(bundles: FakeBundles) -> None:
    used = a_bundle(bundles, b"code", b"page")
    assert prune(bundles, ["0" * 64, used.digest], LATER) == Pruned(kept=2, missing=1, deleted=0)


def test_nothing_is_deleted_when_a_bundle_cannot_be_looked_at(bundles: FakeBundles) -> None:
    unused = a_bundle(bundles, b"code", b"page")
    used = a_bundle(bundles, b"more code", b"page")
    bundles.faults.fail_next(RemoteUnavailable("reading a bundle: no answer"), call="load")
    with pytest.raises(RemoteUnavailable):
        prune(bundles, [used.digest], LATER)
    assert bundles.has(unused.digest)
