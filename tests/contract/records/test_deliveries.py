"""Deliveries: kept once, to the byte, until they are done."""

from dataclasses import replace

import pytest

from app.domain.deliveries import DeliveryFilter, DeliverySource, DeliveryStatus
from app.errors import NotFound
from app.ports import Records
from tests.builders import a_delivery, at
from tests.contract.records.world import all_pages


def test_a_delivery_comes_back_to_the_byte(records: Records) -> None:
    body = bytes(range(256)) * 100 + b"\x00\xff"
    with records.begin() as tx:
        assert tx.deliveries.add(a_delivery(body=body))
    with records.read() as tx:
        kept = tx.deliveries.get("guid-1")
    assert kept == a_delivery(body=body, id=kept.id)
    assert kept.id is not None


def test_a_delivery_is_kept_once_per_source_and_guid(records: Records) -> None:
    with records.begin() as tx:
        assert tx.deliveries.add(a_delivery())
        assert not tx.deliveries.add(a_delivery(body=b"another", event="pull_request"))
    with records.begin() as tx:
        assert not tx.deliveries.add(a_delivery(body=b"another"))
        assert tx.deliveries.add(a_delivery(source=DeliverySource.WORKFLOW))
    with records.read() as tx:
        assert len(tx.deliveries.list().items) == 2
        assert tx.deliveries.get("guid-1").source is DeliverySource.WORKFLOW


def test_an_unknown_delivery_is_not_found(records: Records) -> None:
    with records.begin() as tx:
        with pytest.raises(NotFound):
            tx.deliveries.get("guid-1")
        with pytest.raises(NotFound):
            tx.deliveries.save(a_delivery())


def test_waiting_deliveries_come_oldest_first(records: Records) -> None:
    with records.begin() as tx:
        for number in (1, 2, 3):
            tx.deliveries.add(a_delivery(number))
    with records.begin() as tx:
        assert [delivery.guid for delivery in tx.deliveries.waiting(at(9), limit=2)] == ["guid-1", "guid-2"]
        assert tx.deliveries.waiting(at(9), limit=1)[0].body == a_delivery().body


@pytest.mark.parametrize("status", [DeliveryStatus.PROCESSED, DeliveryStatus.IGNORED])
def test_a_delivery_that_is_done_waits_no_longer(records: Records, status: DeliveryStatus) -> None:
    with records.begin() as tx:
        tx.deliveries.add(a_delivery())
        (delivery,) = tx.deliveries.waiting(at(9), limit=10)
        done = replace(delivery, status=status, attempts=1, processed_at=at(9))
        tx.deliveries.save(done)
    with records.begin() as tx:
        assert tx.deliveries.waiting(at(99), limit=10) == []
        assert tx.deliveries.get("guid-1") == done


def test_a_failed_delivery_is_tried_again_from_its_time_on(records: Records) -> None:
    failed = a_delivery(status=DeliveryStatus.FAILED, attempts=1, error="GitHub was away")
    with records.begin() as tx:
        tx.deliveries.add(a_delivery())
        tx.deliveries.save(failed, try_at=at(60))
    with records.begin() as tx:
        assert tx.deliveries.waiting(at(59), limit=10) == []
        (delivery,) = tx.deliveries.waiting(at(60), limit=10)
        assert delivery == replace(failed, id=delivery.id)
        tx.deliveries.save(replace(delivery, attempts=2))
        assert len(tx.deliveries.waiting(at(60), limit=10)) == 1


def test_pages_of_deliveries_come_newest_first_without_bodies(records: Records) -> None:
    with records.begin() as tx:
        for number in range(12):
            tx.deliveries.add(a_delivery(number))
    with records.read() as tx:
        found = all_pages(lambda cursor: tx.deliveries.list(cursor=cursor, limit=5))
    assert [delivery.guid for delivery in found] == [f"guid-{number}" for number in range(11, -1, -1)]
    assert {delivery.body for delivery in found} == {b""}


# -------------------- twins


def test_a_body_that_was_worked_off_under_another_guid_has_a_twin(records: Records) -> None:
    with records.begin() as tx:
        for number in (1, 2):
            tx.deliveries.add(a_delivery(number, body_sha256="f" * 64))
        tx.deliveries.add(a_delivery(3))
        first, second, other = tx.deliveries.waiting(at(9), limit=3)
        assert not tx.deliveries.has_twin(first)
        assert not tx.deliveries.has_twin(second)
        tx.deliveries.save(replace(first, status=DeliveryStatus.PROCESSED, processed_at=at(9)))
        assert tx.deliveries.has_twin(second)
        assert not tx.deliveries.has_twin(first)
        assert not tx.deliveries.has_twin(other)


@pytest.mark.parametrize("status", [DeliveryStatus.FAILED, DeliveryStatus.DUPLICATE, DeliveryStatus.WAITING])
def test_what_was_not_worked_off_is_nobodys_twin(records: Records, status: DeliveryStatus) -> None:
    with records.begin() as tx:
        tx.deliveries.add(a_delivery(1, body_sha256="f" * 64, status=status))
        tx.deliveries.add(a_delivery(2, body_sha256="f" * 64))
        assert not tx.deliveries.has_twin(tx.deliveries.get("guid-2"))


# -------------------- filters, replays, retention

DONE = {"status": DeliveryStatus.PROCESSED, "processed_at": at(50)}
FILTERS = {
    "all": (DeliveryFilter(), [1, 2, 4, 5]),
    "status": (DeliveryFilter(status=DeliveryStatus.FAILED), [4]),
    "source": (DeliveryFilter(source=DeliverySource.WORKFLOW), [5]),
    "event": (DeliveryFilter(event="ping"), [2]),
    "since": (DeliveryFilter(since=at(4)), [4, 5]),
    "until": (DeliveryFilter(until=at(2)), [1]),
    "older version": (DeliveryFilter(older_than=2), [1, 4, 5]),
}


@pytest.fixture
def past(records: Records) -> Records:
    """Keep one of every kind: done, done by version 2, a duplicate, failed, of another sender, new."""
    with records.begin() as tx:
        for delivery in (
            a_delivery(1, acked_version=1, **DONE),
            a_delivery(2, acked_version=2, event="ping", **DONE),
            a_delivery(3, status=DeliveryStatus.DUPLICATE, processed_at=at(50)),
            a_delivery(4, status=DeliveryStatus.FAILED, attempts=1),
            a_delivery(5, source=DeliverySource.WORKFLOW, **DONE),
            a_delivery(6),
        ):
            tx.deliveries.add(delivery)
    return records


@pytest.mark.parametrize(("wanted", "numbers"), FILTERS.values(), ids=FILTERS.keys())
def test_a_filter_finds_what_may_be_replayed(
    past: Records, wanted: DeliveryFilter, numbers: list[int]
) -> None:
    with past.read() as tx:
        ids = {tx.deliveries.get(f"guid-{number}").id: number for number in range(1, 7)}
        found = tx.past_deliveries.find(wanted, limit=10)
        assert [ids[number] for number in found] == numbers
        assert list(tx.past_deliveries.find(wanted, after=found[0], limit=2)) == list(found[1:3])
        listed = tx.deliveries.list(wanted).items
    waiting = [it for it in listed if it.guid not in {"guid-3", "guid-6"}]
    assert [it.guid for it in waiting] == [f"guid-{number}" for number in reversed(numbers)]


def test_what_is_tried_again_waits_and_stays_what_it_was(past: Records) -> None:
    with past.begin() as tx:
        number = tx.deliveries.get("guid-1").id
        assert number is not None
        tx.past_deliveries.try_again({number: at(70)})
        assert tx.past_deliveries.last_try() == at(70)
        assert "guid-1" not in [it.guid for it in tx.deliveries.waiting(at(69), limit=10)]
        due = tx.deliveries.waiting(at(70), limit=10)[-1]
        assert (due.guid, due.status) == ("guid-1", DeliveryStatus.PROCESSED)
        tx.deliveries.save(due)
        assert tx.past_deliveries.last_try() == at(6)


def test_only_what_wants_no_work_is_discarded(past: Records) -> None:
    with past.begin() as tx:
        number = tx.deliveries.get("guid-1").id
        assert number is not None
        tx.past_deliveries.try_again({number: at(70)})
        assert tx.past_deliveries.discard(at(5), limit=1) == 1
        assert tx.past_deliveries.discard(at(5), limit=5) == 1
        assert tx.past_deliveries.discard(at(5), limit=5) == 0
        assert [it.guid for it in tx.deliveries.list().items] == ["guid-6", "guid-5", "guid-4", "guid-1"]
        assert tx.past_deliveries.discard(at(99), limit=5) == 1
