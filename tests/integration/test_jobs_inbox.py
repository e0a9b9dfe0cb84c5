"""The inbox: each delivery is done at least once and kept once, and none holds up the others."""

import threading
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from functools import partial

import pytest

from app.database.records import SqlRecords
from app.database.session import create_engine
from app.domain.deliveries import Delivery, DeliverySource, DeliveryStatus
from app.domain.events import Event, Tag
from app.errors import RemoteUnavailable
from app.github.payloads import parse
from app.jobs.inbox import Inbox
from app.pipeline.accept import work_off
from app.ports import Transaction
from tests.fakes.clock import FakeClock
from tests.integration.jobs.world import until
from tests.integration.web.world import PLATFORM


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def records(migrated_url: str, clock: FakeClock) -> Iterator[SqlRecords]:
    engine = create_engine(migrated_url)
    yield SqlRecords(engine, lambda _session, _job: None, clock)
    engine.dispose()


def deliver(records: SqlRecords, clock: FakeClock, *guids: str) -> None:
    with records.begin() as tx:
        for guid in guids:
            tx.deliveries.add(Delivery(guid, DeliverySource.GITHUB, "push", {}, b"{}", clock()))


def kept(records: SqlRecords, guid: str) -> Delivery:
    with records.read() as tx:
        return tx.deliveries.get(guid)


def note(tx: Transaction, delivery: Delivery) -> None:
    tx.events.append(Event(Tag.BRANCH_PUSHED, delivery.guid, "test", delivery.received_at, {}))


def noted(records: SqlRecords, guid: str) -> int:
    with records.read() as tx:
        return len(tx.events.about(guid))


def test_deliveries_are_worked_off_in_order_and_once(records: SqlRecords, clock: FakeClock) -> None:
    seen: list[str] = []

    def work(tx: Transaction, delivery: Delivery) -> DeliveryStatus:
        note(tx, delivery)
        seen.append(delivery.guid)
        return DeliveryStatus.IGNORED if delivery.guid == "b" else DeliveryStatus.PROCESSED

    deliver(records, clock, "a", "b", "c")
    inbox = Inbox(records, work, clock)
    assert inbox.work_off() == 3
    assert inbox.work_off() == 0
    assert seen == ["a", "b", "c"]
    assert [kept(records, guid).status for guid in seen] == ["processed", "ignored", "processed"]
    assert kept(records, "a").processed_at == clock()


def test_a_failure_undoes_its_own_delivery_only_and_is_tried_again_later(
    records: SqlRecords, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    failures = iter([LookupError("no such branch"), RemoteUnavailable("the database is locked")])

    def work(tx: Transaction, delivery: Delivery) -> DeliveryStatus:
        note(tx, delivery)
        if delivery.guid == "bad":
            for failure in failures:
                raise failure
        return DeliveryStatus.PROCESSED

    deliver(records, clock, "bad", "good")
    inbox = Inbox(records, work, clock)
    inbox.work_off()
    assert kept(records, "good").status is DeliveryStatus.PROCESSED
    first = kept(records, "bad")
    assert (first.status, first.attempts) == (DeliveryStatus.FAILED, 1)
    assert first.error == "LookupError: no such branch"
    assert "working off delivery bad" in caplog.text
    assert noted(records, "bad") == 0
    clock.advance(0.5)
    assert inbox.work_off() == 0
    clock.advance(0.5)
    inbox.work_off()
    assert (kept(records, "bad").attempts, kept(records, "bad").error) == (2, "the database is locked")
    clock.advance(1)
    assert inbox.work_off() == 0
    clock.advance(1)
    inbox.work_off()
    assert (kept(records, "bad").status, kept(records, "bad").error) == (DeliveryStatus.PROCESSED, None)
    assert noted(records, "bad") == 1


def test_the_pause_after_failures_ends_at_five_minutes(records: SqlRecords, clock: FakeClock) -> None:
    def work(_tx: Transaction, _delivery: Delivery) -> DeliveryStatus:
        raise RemoteUnavailable("away")

    deliver(records, clock, "a")
    inbox = Inbox(records, work, clock)
    pauses = []
    for _ in range(11):
        assert inbox.work_off() == 1
        before = clock.now
        while not has_waiting(records, clock):
            clock.advance(1)
        pauses.append(clock.now - before)
    assert [pause.total_seconds() for pause in pauses] == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]
    assert pauses[-1] == timedelta(minutes=5)


def has_waiting(records: SqlRecords, clock: FakeClock) -> bool:
    with records.begin() as tx:
        return bool(tx.deliveries.waiting(clock(), limit=1))


def test_several_workers_do_none_twice(records: SqlRecords, clock: FakeClock) -> None:
    guids = [f"delivery-{number}" for number in range(40)]
    seen: Counter[str] = Counter()
    seeing = threading.Lock()
    failed: set[str] = set()

    def work(tx: Transaction, delivery: Delivery) -> DeliveryStatus:
        note(tx, delivery)
        with seeing:
            is_first = delivery.guid not in failed
            failed.add(delivery.guid)
        if is_first and delivery.guid.endswith("7"):
            raise RemoteUnavailable("once")
        seen[delivery.guid] += 1
        return DeliveryStatus.PROCESSED

    inboxes = [Inbox(records, work, clock) for _ in range(3)]
    for inbox in inboxes:
        inbox.start()
    for start in range(0, 40, 10):
        deliver(records, clock, *guids[start : start + 10])
        inboxes[0].nudge()
    until(lambda: len(failed) == 40, saying=lambda: seen)
    clock.advance(1)
    until(lambda: len(seen) == 40, saying=lambda: seen)
    for inbox in inboxes:
        inbox.stop()
    assert set(seen.values()) == {1}
    assert {noted(records, guid) for guid in guids} == {1}
    assert {kept(records, guid).status for guid in guids} == {DeliveryStatus.PROCESSED}


ODD = {
    "two objects": b"{}{}",
    "not UTF-8": b'{"a": "\xff"}',
    "1,000 deep": b'{"a":' * 1000 + b"1" + b"}" * 1000,
    "100,000 deep": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "a number of 5,000 digits": b'{"a": ' + b"1" * 5000 + b"}",
    "infinity": b'{"repository": 1e400}',
    "not a number": b'{"repository": NaN}',
    "half a character": b'{"repository": "\\ud800"}',
    "a name twice": b'{"repository": 1, "repository": {"id": 1}}',
    "byte order mark": b"\xef\xbb\xbf{}",
    "no repository": b'{"repository": null}',
}


@pytest.mark.parametrize("event", ["push", "pull_request", "workflow_run", "installation", "repository"])
def test_what_cannot_be_read_is_ignored_with_its_reason_and_not_tried_again(
    records: SqlRecords, clock: FakeClock, event: str
) -> None:
    with records.begin() as tx:
        for name, body in ODD.items():
            assert tx.deliveries.add(Delivery(name, DeliverySource.GITHUB, event, {}, body, clock()))
        tx.deliveries.add(Delivery("good", DeliverySource.GITHUB, "star", {}, b"{}", clock()))

    def work(tx: Transaction, delivery: Delivery) -> DeliveryStatus:
        read = partial(parse, delivery.event)
        return work_off(tx, delivery, parse=lambda it: read(it.body), platform=PLATFORM, at=clock())

    Inbox(records, work, clock, version=7).work_off()
    for name in ODD:
        done = kept(records, name)
        assert (done.status, done.attempts, done.acked_version) == (DeliveryStatus.IGNORED, 0, 7), name
        assert done.error is not None, name
        assert f"reading {event}" in done.error
    assert (kept(records, "good").status, kept(records, "good").error) == (DeliveryStatus.IGNORED, None)
    clock.advance(3600)
    assert not has_waiting(records, clock)
