"""The database where several want it at once, or nobody can have it: locks, lost connections, outages."""

import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from queue import Queue

import pytest
from sqlalchemy import make_url, text
from sqlalchemy.exc import DBAPIError

from app.database import migrate
from app.database.records import SqlRecords
from app.domain.deliveries import DeliveryStatus
from app.errors import RemoteUnavailable
from tests.builders import a_delivery, an_app, at
from tests.integration.databases import PATIENCE_SECONDS, Connect, connect, engine, open_records, records

__all__ = ["connect", "engine", "records"]  # the fixtures


# ---------------------------------------------------------------------------------------------- concurrency


def test_workers_work_deliveries_off_without_overlap(migrated_url: str, connect: Connect) -> None:
    with open_records(connect(migrated_url)).begin() as tx:
        for number in range(60):
            tx.deliveries.add(a_delivery(number))
    done = Queue[str]()

    def work_off() -> None:
        records = open_records(connect(migrated_url, lock_timeout_seconds=PATIENCE_SECONDS))
        held = _process_some(records)
        while held:
            for guid in held:
                done.put(guid)
            held = _process_some(records)

    _run_together([work_off] * 3)
    assert sorted(done.queue) == sorted(f"guid-{number}" for number in range(60))


def _process_some(records: SqlRecords) -> list[str]:
    with records.begin() as tx:
        held = tx.deliveries.waiting(at(1000), limit=5)
        for delivery in held:
            tx.deliveries.save(replace(delivery, status=DeliveryStatus.PROCESSED, processed_at=at(1000)))
    return [delivery.guid for delivery in held]


def test_postgresql_passes_over_what_another_holds(migrated_postgres_url: str, connect: Connect) -> None:
    records = open_records(connect(migrated_postgres_url))
    with records.begin() as tx:
        for number in range(4):
            tx.deliveries.add(a_delivery(number))
    with records.begin() as first, records.begin() as second:
        held = [delivery.guid for delivery in first.deliveries.waiting(at(9), limit=2)]
        others = [delivery.guid for delivery in second.deliveries.waiting(at(9), limit=9)]
    assert (held, others) == (["guid-0", "guid-1"], ["guid-2", "guid-3"])


def test_the_same_delivery_sent_many_times_at_once_is_kept_once(records: SqlRecords) -> None:
    kept = Queue[bool]()

    def send() -> None:
        with records.begin() as tx:
            kept.put(tx.deliveries.add(a_delivery()))

    _run_together([send] * 8)
    assert sorted(kept.queue) == [False] * 7 + [True]


def _run_together(tasks: Sequence[Callable[[], None]]) -> None:
    with ThreadPoolExecutor(len(tasks)) as pool:
        for running in [pool.submit(task) for task in tasks]:
            running.result(PATIENCE_SECONDS)


def test_an_app_that_is_held_waits_for_its_holder(migrated_url: str, connect: Connect) -> None:
    records = open_records(connect(migrated_url, lock_timeout_seconds=0.2))
    with records.begin() as tx:
        tx.apps.add(an_app())

    def take() -> None:
        with records.begin() as tx:
            tx.apps.get("app_0001", lock=True)

    with records.begin() as tx:
        tx.apps.get("app_0001", lock=True)
        with pytest.raises(RemoteUnavailable):
            take()
    take()


# -------------------------------------------------------------------------------------------------- outages


def test_a_locked_sqlite_is_unavailable_to_writers_only(migrated_sqlite_url: str, connect: Connect) -> None:
    records = open_records(connect(migrated_sqlite_url, lock_timeout_seconds=0.1))
    path = str(make_url(migrated_sqlite_url).database)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with records.read() as tx:
            assert tx.apps.list().items == []
        with pytest.raises(RemoteUnavailable, match="database is locked") as caught, records.begin():
            pass
        assert caught.value.error_code == "database:unavailable"
        other.execute("ROLLBACK")
    with records.begin() as tx:
        tx.apps.add(an_app())


def test_an_sqlite_that_cannot_be_opened_is_unavailable(tmp_path: Path, connect: Connect) -> None:
    url = f"sqlite:///{tmp_path / 'missing' / 'branchline.sqlite'}"
    records = open_records(connect(url))
    with pytest.raises(RemoteUnavailable, match="unable to open database file"), records.begin():
        pass
    with pytest.raises(RemoteUnavailable):
        migrate.upgrade(url)
    with pytest.raises(RemoteUnavailable):
        migrate.current(url)


def test_a_postgresql_that_does_not_answer_is_unavailable_and_its_password_unsaid(connect: Connect) -> None:
    records = open_records(connect("postgresql+psycopg://branchline:pa55word@127.0.0.1:1/branchline"))
    with pytest.raises(RemoteUnavailable, match="refused") as caught, records.begin():
        pass
    assert "pa55word" not in str(caught.value)
    assert "branchline:***@127.0.0.1:1/branchline" in str(caught.value)


def test_a_lost_connection_is_unavailable_once(migrated_postgres_url: str, connect: Connect) -> None:
    engine = connect(migrated_postgres_url)
    records = open_records(engine)

    def lose_connection() -> None:
        with records.begin() as tx:
            tx.apps.add(an_app())
            with engine.connect() as other:
                other.execute(
                    text(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                    )
                )
            tx.apps.add(an_app(2))

    with pytest.raises(RemoteUnavailable):
        lose_connection()
    with records.begin() as tx:
        assert tx.apps.list().items == []
        tx.apps.add(an_app())


def test_an_error_of_ours_is_not_called_an_outage(database_url: str, connect: Connect) -> None:
    with pytest.raises(DBAPIError), open_records(connect(database_url)).read() as tx:
        tx.apps.list()  # the tables are not there
