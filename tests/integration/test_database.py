"""The database as an operator meets it: migrations, how it is open, what can be changed in it."""

import subprocess
import sys
from datetime import timedelta, timezone
from typing import Any

import pytest
import sqlalchemy
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from app.database import migrate
from app.database.models import Base
from app.database.records import SqlRecords
from app.database.schema import SCHEMA, check_schema
from app.database.session import create_engine
from app.domain.archives import Archive
from app.domain.events import Event, Tag
from app.domain.jobs import Job, JobType
from app.errors import Conflict, NotFound, RemoteUnavailable
from tests.builders import NOON, a_delivery, a_deployment, a_worker, an_app, at
from tests.fakes.clock import FakeClock
from tests.integration.databases import PATIENCE_SECONDS, Connect, connect, engine, records

__all__ = ["connect", "engine", "records"]  # the fixtures


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
