"""The inbox under load: a burst while nobody works, kill -9 of web processes, sixteen senders of one id.

Real web processes, a real jobs process and both databases. Figures W2 and W3, and the burst's.
"""

import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import select

from app.bootstrap.schema import upgrade_database
from app.database.models import DeliveryRow, EventRow
from app.database.records import SqlRecords
from app.database.session import create_engine, reading
from app.domain.deliveries import DeliveryStatus
from app.domain.events import Tag
from tests.builders import a_repository, an_app
from tests.fakes.clock import FakeClock
from tests.faults.figures import Figures, Form
from tests.faults.receivers import (
    REPOSITORY_ID,
    SENDERS,
    Receivers,
    a_push,
    deliver,
    deliver_all,
    working_off,
)

WORK_SECONDS = 300
_FINISHED = frozenset({DeliveryStatus.PROCESSED, DeliveryStatus.IGNORED})


class Inbox:
    """What the database says."""

    def __init__(self, url: str) -> None:
        self.name = "SQLite" if url.startswith("sqlite") else "PostgreSQL"
        self.engine = create_engine(url)
        records = SqlRecords(self.engine, lambda _session, _job: None, FakeClock())
        with records.begin() as tx:
            tx.apps.add(an_app(repository=a_repository(1, id=REPOSITORY_ID)))

    def statuses(self) -> dict[str, DeliveryStatus]:
        with reading(self.engine) as session:
            found = session.execute(select(DeliveryRow.guid, DeliveryRow.status))
            return {row.guid: row.status for row in found}

    def facts(self) -> Counter[str | None]:
        """Return how many pushes were told because of each delivery."""
        with reading(self.engine) as session:
            pushes = select(EventRow.cause).where(EventRow.tag == Tag.BRANCH_PUSHED)
            return Counter(session.scalars(pushes))

    def wait_until_worked_off(self, number: int) -> None:
        deadline = time.monotonic() + WORK_SECONDS
        while sum(it in _FINISHED for it in self.statuses().values()) < number:
            assert time.monotonic() < deadline, Counter(self.statuses().values())
            time.sleep(0.2)


@pytest.fixture
def receivers(migrated_url: str, tmp_path: Path) -> Iterator[Receivers]:
    upgrade_database({"DATABASE_URL": migrated_url})
    receivers = Receivers(migrated_url, tmp_path / "web.log")
    try:
        receivers.start()
        yield receivers
    finally:
        receivers.stop()


@pytest.fixture
def inbox(receivers: Receivers) -> Iterator[Inbox]:
    inbox = Inbox(receivers.database_url)
    yield inbox
    inbox.engine.dispose()


@pytest.mark.slow
def test_a_burst_is_kept_while_nobody_works_and_done_once_then(
    receivers: Receivers, inbox: Inbox, form: Form, figures: Figures
) -> None:
    number = form.pick(short=200, full=1000)
    pushes = [a_push(it) for it in range(number)]
    began_at = time.monotonic()
    answers = Counter(status for status, _ in deliver_all(receivers.port, pushes))
    stored_seconds = time.monotonic() - began_at
    assert answers == {202: number}
    assert inbox.statuses() == {guid: DeliveryStatus.WAITING for guid, _ in pushes}
    began_at = time.monotonic()
    with working_off(receivers):
        inbox.wait_until_worked_off(number)
    assert inbox.facts() == {guid: 1 for guid, _ in pushes}
    told = f"{number} stored in {stored_seconds:.1f} s, 0 refused, each done once"
    figures.tell("W1", f"burst, {inbox.name}", f"{told} within {time.monotonic() - began_at:.1f} s")


def test_what_was_acknowledged_survives_kill_9(
    receivers: Receivers, inbox: Inbox, form: Form, figures: Figures
) -> None:
    kills, wanted = form.pick(short=(3, 100), full=(60, 25_000))
    acknowledged, numbers, is_over = list[str](), count(), list[bool]()

    def send() -> None:
        while not is_over:
            guid, body = a_push(next(numbers))
            if deliver(receivers.port, guid, body)[0] == 202:
                acknowledged.append(guid)

    with ThreadPoolExecutor(SENDERS) as senders:
        sending = [senders.submit(send) for _ in range(SENDERS)]
        try:
            for kill in range(kills):
                _wait_for(acknowledged, wanted * (kill + 1) // kills)
                receivers.kill(everything=kill % 3 == 2)
            _wait_for(acknowledged, len(acknowledged) + SENDERS)
        finally:
            is_over.append(True)
    _raise_of(sending)
    missing = set(acknowledged) - inbox.statuses().keys()
    figures.tell(
        "W2", inbox.name, f"{len(missing)} missing of {len(acknowledged)} acknowledged over {kills} kills"
    )
    assert not missing


def test_sixteen_senders_of_one_id_are_one_piece_of_work(
    receivers: Receivers, inbox: Inbox, form: Form, figures: Figures
) -> None:
    ids = [a_push(number) for number in range(form.pick(short=15, full=200))]
    with working_off(receivers):
        answers = deliver_all(receivers.port, [push for push in ids for _ in range(16)])
        assert {status for status, _ in answers} == {202}
        assert Counter(body["delivery"] for _, body in answers if not body["known"]) == {
            guid: 1 for guid, _ in ids
        }
        inbox.wait_until_worked_off(len(ids))
    facts = inbox.facts()
    assert facts == {guid: 1 for guid, _ in ids}
    figures.tell("W3", inbox.name, f"{facts.total() / len(ids):.3f} pieces of work per id ({len(ids)} x 16)")


def _wait_for(acknowledged: list[str], number: int) -> None:
    deadline = time.monotonic() + WORK_SECONDS
    while len(acknowledged) < number:
        assert time.monotonic() < deadline, len(acknowledged)
        time.sleep(0.02)


def _raise_of(sending: list[Future[None]]) -> None:
    for future in sending:
        future.result()
