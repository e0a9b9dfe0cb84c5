"""The database as an operator meets it: migrations, locks, outages, several processes at once."""

import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import replace
from datetime import timedelta, timezone
from pathlib import Path
from queue import Queue
from typing import Any

import pytest
import sqlalchemy
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, make_url, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from app.database import migrate
from app.database.models import Base
from app.database.records import SqlRecords
from app.database.schema import SCHEMA, check_schema
from app.database.session import create_engine
from app.domain.archives import Archive
from app.domain.deliveries import DeliveryStatus
from app.domain.events import Event, Tag
from app.domain.jobs import Job, JobType
from app.errors import Conflict, NotFound, RemoteUnavailable
from tests.builders import NOON, a_delivery, a_deployment, a_worker, an_app, at
from tests.fakes.clock import FakeClock

PATIENCE_SECONDS = 60


Connect = Callable[..., Engine]


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Make engines that are disposed of in the end."""
    with ExitStack() as stack:

        def connect(url: str, **options: Any) -> Engine:
            engine = create_engine(url, **options)
            stack.callback(engine.dispose)
            return engine

        yield connect


@pytest.fixture
def engine(migrated_url: str, connect: Connect) -> Engine:
    return connect(migrated_url, lock_timeout_seconds=PATIENCE_SECONDS)


@pytest.fixture
def records(engine: Engine) -> SqlRecords:
    return open_records(engine)


def open_records(engine: Engine) -> SqlRecords:
    return SqlRecords(engine, lambda _session, _job: None, FakeClock())


# --------------------------------------------------------------------------------------------- migrations


def test_migrations_lead_from_nothing_to_the_models(database_url: str, connect: Connect) -> None:
    assert migrate.current(database_url) is None
    migrate.upgrade(database_url)
    assert migrate.current(database_url) == migrate.head()
    assert _difference(connect(database_url)) == []


def test_upgrading_again_changes_nothing(migrated_url: str, records: SqlRecords) -> None:
    with records.begin() as tx:
        tx.apps.add(an_app())
    migrate.upgrade(migrated_url)
    with records.read() as tx:
        assert tx.apps.get("app_0001") == an_app()


def test_upgrades_at_the_same_moment_run_once(database_url: str) -> None:
    upgrade = "import sys; from app.database import migrate; migrate.upgrade(sys.argv[1])"
    command = [sys.executable, "-W", "error", "-c", upgrade, database_url]
    processes = [subprocess.Popen(command, stderr=subprocess.PIPE) for _ in range(3)]
    errors = [process.communicate(timeout=PATIENCE_SECONDS)[1] for process in processes]
    assert errors == [b"", b"", b""]
    assert migrate.current(database_url) == migrate.head()


def test_the_slugs_of_apps_that_were_there_before_are_taken(database_url: str, connect: Connect) -> None:
    migrate.upgrade(database_url, to="2026_11_22_releases")
    with connect(database_url).begin() as connection:
        connection.execute(
            text(
                "INSERT INTO apps (id, slug, name, status, created_at, updated_at, is_private, branches) "
                "VALUES ('app_old', 'k7m2xqpd', 'old', 'ready', :now, :now, false, '{}')"
            ),
            {"now": NOON.isoformat()},
        )
    migrate.upgrade(database_url)
    records = SqlRecords(connect(database_url), lambda _session, _job: None, FakeClock())
    with records.begin() as tx, pytest.raises(Conflict):
        tx.workers.add(a_worker(slug="k7m2xqpd"))


def test_migrations_leave_the_job_engines_tables_alone(database_url: str, connect: Connect) -> None:
    from dbos import DBOS  # noqa: PLC0415 - half a second that only this test pays
    from dbos._schemas.system_database import SystemSchema  # noqa: PLC0415

    DBOS.migrate(database_url)
    migrate.upgrade(database_url)
    assert _difference(connect(database_url)) == []
    assert {table.name for table in SystemSchema.metadata_obj.tables.values()} <= migrate.ENGINE_TABLES


def test_migrations_are_named_by_their_day() -> None:
    for path in (migrate.MIGRATIONS / "versions").glob("*.py"):
        assert f'revision = "{path.stem}"' in path.read_text()
        assert path.name[:11] == path.name[:4] + "_" + path.name[5:7] + "_" + path.name[8:10] + "_"


def _difference(engine: Engine) -> list[Any]:
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts=dict(migrate.COMPARISON))
        return list(compare_metadata(context, Base.metadata))


# ------------------------------------------------------------------------------------------- how it is open


def test_sqlite_is_opened_durably(migrated_sqlite_url: str, connect: Connect) -> None:
    engine = connect(migrated_sqlite_url)
    with engine.connect() as connection:
        found = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    full = 2
    assert found == {"journal_mode": "wal", "synchronous": full, "foreign_keys": 1, "busy_timeout": 5000}


def test_postgresql_ends_every_wait_by_itself(migrated_postgres_url: str, connect: Connect) -> None:
    engine = connect(migrated_postgres_url)
    with engine.connect() as connection:
        names = ("lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout")
        found = [connection.exec_driver_sql(f"SHOW {name}").scalar() for name in names]
    assert found == ["5s", "15s", "1min"]


def test_a_time_comes_back_in_utc(records: SqlRecords) -> None:
    local = at(0.123456).astimezone(timezone(timedelta(hours=5, minutes=45)))
    with records.begin() as tx:
        tx.apps.add(an_app(created_at=local))
    with records.read() as tx:
        assert tx.apps.get("app_0001").created_at.isoformat() == "2026-11-22T12:00:00.123456+00:00"


def test_a_time_without_a_zone_is_refused(records: SqlRecords) -> None:
    with pytest.raises(sqlalchemy.exc.StatementError, match="has no zone"), records.begin() as tx:
        tx.apps.add(an_app(created_at=NOON.replace(tzinfo=None)))


def test_text_that_no_database_takes_is_kept_readable(records: SqlRecords) -> None:
    with records.begin() as tx:
        tx.deployments.add(a_deployment(error="nul \x00, half a pair \ud83d, whole 😀"))
        tx.events.append(Event(Tag.APP_FAILED, "app_0001", "token", NOON, {"error": "\x00\ud83d"}))
    with records.read() as tx:
        assert tx.deployments.get("dpl_0001_1").error == "nul \ufffd, half a pair ?, whole 😀"
        assert tx.events.about("app_0001")[0].payload == {"error": "\x00\ud83d"}
        with pytest.raises(NotFound):
            tx.apps.get("\x00\ud83d")


def test_bodies_are_kept_small(engine: Engine, records: SqlRecords) -> None:
    with records.begin() as tx:
        tx.deliveries.add(a_delivery(body=b'{"ref": "refs/heads/main"}' * 1000))
    with engine.connect() as connection:
        assert connection.execute(text("SELECT length(body) FROM deliveries")).scalar_one() < 500


# --------------------------------------------------------------------------------------------------- events


@pytest.mark.parametrize("change", ["UPDATE events SET actor = 'nobody'", "DELETE FROM events"])
def test_a_fact_can_be_neither_changed_nor_deleted(engine: Engine, records: SqlRecords, change: str) -> None:
    with records.begin() as tx:
        tx.events.append(Event(Tag.APP_REQUESTED, "app_0001", "token", NOON, {}))
    with pytest.raises(DBAPIError, match="append-only"), engine.begin() as connection:
        connection.execute(text(change))
    with records.read() as tx:
        assert [fact.actor for fact in tx.events.about("app_0001")] == ["token"]


def test_only_what_an_archive_holds_can_be_deleted(engine: Engine, records: SqlRecords) -> None:
    with records.begin() as tx:
        for hour in range(3):
            tx.events.append(Event(Tag.APP_READY, "app_0001", "token", NOON + timedelta(hours=hour), {}))
    with records.begin() as tx:
        tx.archives.keep(Archive.of(tx.archives.due(NOON + timedelta(hours=1), limit=9), "a" * 64, NOON))
    in_archives = ("DELETE FROM event_archives", "UPDATE event_archives SET last_id = 9")
    for change in ("DELETE FROM events", *in_archives):
        with pytest.raises(DBAPIError, match="append-only"), engine.begin() as connection:
            connection.execute(text(change))
    assert (_count(engine, "events"), _count(engine, "event_archives")) == (2, 1)


def test_facts_cannot_be_emptied_out(migrated_postgres_url: str, connect: Connect) -> None:
    engine = connect(migrated_postgres_url)
    with pytest.raises(DBAPIError, match="append-only"), engine.begin() as connection:
        connection.execute(text("TRUNCATE events"))


# ------------------------------------------------------------------------------------------- row and job


def test_the_engines_row_is_undone_with_ours(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE engine_jobs (id TEXT)"))
    records = SqlRecords(engine, _enqueue_in_table, FakeClock())
    jobs = list[Job]()

    def write_and_fail() -> None:
        with records.begin() as tx:
            jobs.append(tx.jobs.enqueue(JobType.PROVISION, "app_0001", {}))
            raise LookupError

    with pytest.raises(LookupError):
        write_and_fail()
    assert _count(engine, "engine_jobs") == _count(engine, "jobs") == _count(engine, "events") == 0
    with records.begin() as tx:
        tx.jobs.enqueue(JobType.PROVISION, "app_0001", {})
    assert _count(engine, "engine_jobs") == _count(engine, "jobs") == _count(engine, "events") == 1


def _enqueue_in_table(session: Session, job: Job) -> None:
    session.execute(text("INSERT INTO engine_jobs VALUES (:id)"), {"id": job.id})


def _count(engine: Engine, table: str) -> int:
    with engine.connect() as connection:
        return int(connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())  # noqa: S608


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


def test_the_schema_that_serving_processes_ask_for_is_the_newest_migration(migrated_url: str) -> None:
    assert migrate.head() == SCHEMA
    engine = create_engine(migrated_url)
    check_schema(engine)
    engine.dispose()


def test_a_database_without_tables_is_not_ready(database_url: str) -> None:
    engine = create_engine(database_url)
    with pytest.raises(RemoteUnavailable, match="branchline db upgrade") as caught:
        check_schema(engine)
    engine.dispose()
    assert caught.value.error_code == "database:not-migrated"
