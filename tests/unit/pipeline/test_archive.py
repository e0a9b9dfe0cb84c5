"""Old facts move into archives: all of them, each once, wherever a process dies."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.domain.archives import fields, unpacked
from app.domain.events import Event, Selection, Tag
from app.errors import RemoteUnavailable
from app.pipeline.archive import archive
from app.pipeline.prune import prune
from tests.fakes.bundles import FakeBundles
from tests.fakes.records import FakeRecords

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


class Died(BaseException):
    """The process is gone."""


@pytest.fixture
def records() -> FakeRecords:
    records = FakeRecords()
    with records.begin() as tx:
        for hours in range(96, 0, -12):
            at = NOW - timedelta(hours=hours)
            tx.events.append(Event(Tag.BRANCH_PUSHED, "app_1", "github:ann", at, {"hours": hours}))
    return records


@pytest.fixture
def bundles() -> FakeBundles:
    return FakeBundles()


def kept(records: FakeRecords) -> Sequence[Event]:
    with records.read() as tx:
        return tx.events.page(Selection(), limit=100)[::-1]


def archived(records: FakeRecords, bundles: FakeBundles) -> list[dict[str, Any]]:
    with records.read() as tx:
        archives = tx.archives.list()
    return [fact for it in archives for fact in unpacked(bundles.open(it.sha256))]


def test_whole_days_are_archived_and_the_days_since_stay(records: FakeRecords, bundles: FakeBundles) -> None:
    before = [fields(event) for event in kept(records)]
    assert archive(records, bundles, 2, NOW) == 3  # up to the midnight that began the day before yesterday
    assert archive(records, bundles, 2, NOW) == 0
    assert [event.payload["hours"] for event in kept(records)] == [60, 48, 36, 24, 12]
    assert archived(records, bundles) == before[:3]


def test_a_day_with_many_facts_has_several_archives(records: FakeRecords, bundles: FakeBundles) -> None:
    before = [fields(event) for event in kept(records)]
    assert [archive(records, bundles, 1, NOW, at_once=3) for _ in range(3)] == [3, 2, 0]
    assert archived(records, bundles) == before[:5]


def test_nothing_is_archived_where_events_are_kept_for_ever(
    records: FakeRecords, bundles: FakeBundles
) -> None:
    assert archive(records, bundles, 0, NOW) == 0
    assert len(kept(records)) == 8


def test_a_store_that_is_away_takes_nothing_with_it(records: FakeRecords, bundles: FakeBundles) -> None:
    def refuse(*_: object) -> None:
        raise RemoteUnavailable("503")

    bundles.write = refuse  # type: ignore[method-assign, assignment]
    with pytest.raises(RemoteUnavailable):
        archive(records, bundles, 1, NOW)
    assert len(kept(records)) == 8


@pytest.mark.parametrize("call", ["write", "open", "begin"])
@pytest.mark.parametrize("is_late", [False, True])
def test_wherever_a_process_dies_each_fact_is_there_once(
    records: FakeRecords, bundles: FakeBundles, call: str, *, is_late: bool
) -> None:
    before = [fields(event) for event in kept(records)]
    victim: Any = records if call == "begin" else bundles
    setattr(victim, call, _dying(getattr(victim, call), is_late=is_late))
    with pytest.raises(Died):
        archive(records, bundles, 1, NOW)
    delattr(victim, call)
    archive(records, bundles, 1, NOW)
    assert archived(records, bundles) + [fields(event) for event in kept(records)] == before


def _dying(action: Callable[..., Any], *, is_late: bool) -> Callable[..., Any]:
    def die(*given: Any) -> Any:
        if is_late:
            done = action(*given)
            if hasattr(done, "__enter__") and not hasattr(done, "read"):
                with done:
                    pass
        raise Died

    return die


def test_archives_are_not_pruned(records: FakeRecords, bundles: FakeBundles) -> None:
    archive(records, bundles, 1, NOW)
    with records.read() as tx:
        blobs = [it.sha256 for it in tx.archives.list()]
    later = datetime.now(UTC) + timedelta(days=900)
    assert prune(bundles, [], later, blobs).deleted == 0
    assert len(archived(records, bundles)) == 5
    assert prune(bundles, [], later).deleted == len(blobs)
