"""Missed deliveries: those that the inbox does not have, and what became of asking for them."""

from dataclasses import replace
from datetime import timedelta

from app.domain.deliveries import DeliverySource
from app.domain.redelivery import Missed, MissedState
from app.ports import Records
from tests.builders import NOON, a_delivery, at


def a_missed(number: int = 1, app_id: str | None = None) -> Missed:
    return Missed(
        guid=f"guid-{number}",
        app_id=app_id,
        event="push",
        sent_at=at(number),
        attempt_id=2**40 + number,
        status_code=502,
        seen_at=at(number),
        try_at=NOON,
    )


def keep(records: Records, *missed: Missed) -> None:
    with records.begin() as tx:
        for one in missed:
            tx.missed.save(one)


def test_what_is_kept_comes_back(records: Records) -> None:
    keep(records, a_missed(), a_missed(2, "app_0001"))
    lost = a_missed(2, "app_0001").asked(at(60)).closed(MissedState.LOST, "not found")
    keep(records, lost)
    with records.read() as tx:
        assert tx.missed.known(["guid-1", "guid-2", "guid-3"]) == {"guid-1": a_missed(), "guid-2": lost}


def test_nobody_asked_is_nobody_known(records: Records) -> None:
    with records.read() as tx:
        assert (tx.missed.known([]), list(tx.missed.unheard([]))) == ({}, [])


def test_only_what_the_code_host_sent_is_heard(records: Records) -> None:
    with records.begin() as tx:
        tx.deliveries.add(a_delivery(1))
        tx.deliveries.add(a_delivery(2, source=DeliverySource.WORKFLOW))
    with records.read() as tx:
        assert set(tx.missed.unheard([f"guid-{number}" for number in (1, 2, 3)])) == {"guid-2", "guid-3"}


def test_due_are_open_ones_whose_time_has_come_the_oldest_first(records: Records) -> None:
    over = a_missed(4).closed(MissedState.RECOVERED)
    later = replace(a_missed(3), try_at=at(120))
    keep(records, a_missed(2, "app_0001"), a_missed(1), later, over)
    with records.read() as tx:
        assert [it.guid for it in tx.missed.due(NOON)] == ["guid-1", "guid-2"]
        assert [it.guid for it in tx.missed.due(NOON, limit=1)] == ["guid-1"]
        assert [it.guid for it in tx.missed.due(NOON, app_id="app_0001")] == ["guid-2"]
        assert [it.guid for it in tx.missed.due(at(120))] == ["guid-1", "guid-2", "guid-3"]


def test_arrived_are_open_ones_that_are_in_the_inbox(records: Records) -> None:
    keep(records, a_missed(1), a_missed(2), a_missed(3).closed(MissedState.RECOVERED))
    with records.begin() as tx:
        tx.deliveries.add(a_delivery(1))
        tx.deliveries.add(a_delivery(2, source=DeliverySource.WORKFLOW))
        tx.deliveries.add(a_delivery(3))
    with records.read() as tx:
        assert [it.guid for it in tx.missed.arrived()] == ["guid-1"]


def test_what_is_over_is_forgotten_after_a_while(records: Records) -> None:
    keep(records, a_missed(1), a_missed(2).closed(MissedState.LOST), a_missed(9).closed(MissedState.LOST))
    with records.begin() as tx:
        tx.missed.forget(NOON + timedelta(seconds=5))
    with records.read() as tx:
        assert sorted(tx.missed.known(["guid-1", "guid-2", "guid-9"])) == ["guid-1", "guid-9"]
