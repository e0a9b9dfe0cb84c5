"""Deliveries: kept once, to the byte, until they are done."""

from dataclasses import replace

import pytest

from app.domain.deliveries import DeliverySource, DeliveryStatus
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
