"""Versions of a worker that were: they are read as they were written, and go live again as new ones."""

from typing import Any

import pytest

from app.domain.sources import Source
from app.domain.workers import Options
from app.errors import Conflict, NotFound
from app.pipeline.workers_deploy import update_worker
from app.pipeline.workers_versions import restore_version, version_of, written_sources
from tests.unit.pipeline.workshop import BYE, HELLO, FakeWorkshop


@pytest.fixture
def shop() -> FakeWorkshop:
    return FakeWorkshop()


def restore(shop: FakeWorkshop, version: str, **given: Any) -> Any:
    return restore_version("shop", version, actor="grace", to=shop.to, **given)


def test_an_earlier_version_goes_live_as_the_newest_with_its_options(shop: FakeWorkshop) -> None:
    first = shop.create(options=Options(timeout_ms=500))
    shop.update()
    restored = restore(shop, first.version.id)
    assert restored.version.number == 3
    assert (restored.version.actor, restored.version.options.timeout_ms) == ("grace", 500)
    assert restored.version.functions == ("hello",)
    assert shop.shows(restored.worker.script) == HELLO
    assert written_sources(restored.version, shop.bundles) == written_sources(first.version, shop.bundles)


def test_nothing_goes_live_over_a_version_that_was_not_seen(shop: FakeWorkshop) -> None:
    first, second = shop.create(), shop.update()
    with pytest.raises(Conflict) as caught:
        restore(shop, first.version.id, replaces=first.version.id)
    assert caught.value.error_code == "worker:changed"
    expected = {"version": second.version.id, "number": 2, "actor": second.version.actor}
    assert caught.value.details == expected
    assert shop.shows(second.worker.script) == BYE
    assert restore(shop, first.version.id, replaces=second.version.id).version.number == 3


def test_a_version_that_goes_live_while_one_compiles_is_not_overwritten(shop: FakeWorkshop) -> None:
    first = shop.create()
    overtaken = list[str]()

    def overtake(options: Options) -> Options:
        overtaken.append(shop.update().version.id)
        return options

    with pytest.raises(Conflict) as caught:
        update_worker(
            "shop", [Source("index.ts", HELLO)], overtake, actor="ada", to=shop.to, replaces=first.version.id
        )
    assert caught.value.details["version"] == overtaken[0]
    assert shop.shows(first.worker.script) == BYE


def test_a_version_is_found_below_its_own_worker_alone(shop: FakeWorkshop) -> None:
    made, other = shop.create(), shop.create(name="other")
    for unknown in ("ver_none", other.version.id, made.version.own_script):
        with shop.records.read() as tx, pytest.raises(NotFound) as caught:
            version_of(tx, "shop", unknown)
        assert caught.value.error_code == "worker:no-such-version"
