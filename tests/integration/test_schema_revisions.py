"""The schema and the code that uses it: each finds out whether the other is new enough."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, insert, text

from app.database import migrate
from app.database.schema import REVISIONS, SCHEMA, check_schema
from app.database.session import create_engine
from app.errors import RemoteUnavailable

BEFORE = "2026_11_22_forks"


@pytest.fixture
def engine(migrated_url: str) -> Iterator[Engine]:
    engine = create_engine(migrated_url)
    yield engine
    engine.dispose()


def add_revision(engine: Engine, *, serves_from: int = 1) -> None:
    """Do what a release does that is newer than this one."""
    with engine.begin() as connection:
        row = {"revision": "2099_01_01_newer", "place": 999, "serves_from": serves_from}
        connection.execute(insert(REVISIONS).values(row))
        connection.execute(text("UPDATE alembic_version SET version_num = '2099_01_01_newer'"))


def test_the_release_before_serves_with_the_schema_of_this_one(engine: Engine) -> None:
    check_schema(engine, BEFORE)
    check_schema(engine, SCHEMA)


def test_a_release_serves_with_a_schema_that_it_does_not_know(engine: Engine) -> None:
    add_revision(engine)
    check_schema(engine)


def test_a_release_stops_when_what_it_uses_is_taken_away(engine: Engine) -> None:
    add_revision(engine, serves_from=999)
    with pytest.raises(RemoteUnavailable, match="start a newer one") as caught:
        check_schema(engine)
    assert caught.value.error_code == "database:too-new"


def test_a_new_release_waits_for_its_schema(database_url: str) -> None:
    migrate.upgrade(database_url, to=BEFORE)
    engine = create_engine(database_url)
    check_schema(engine, BEFORE)
    with pytest.raises(RemoteUnavailable, match="branchline db upgrade"):
        check_schema(engine)
    migrate.upgrade(database_url)
    check_schema(engine)
    engine.dispose()


def test_an_older_release_leaves_a_newer_schema_as_it_is(engine: Engine, migrated_url: str) -> None:
    add_revision(engine)
    migrate.upgrade(migrated_url)
    check_schema(engine, "2099_01_01_newer")
    assert migrate.current(migrated_url) == "2099_01_01_newer"


def test_an_index_that_was_not_finished_is_made_again(postgres_url: str) -> None:
    migrate.upgrade(postgres_url, to="2026_11_22_reliability")
    engine = create_engine(postgres_url)
    with engine.begin() as connection:
        connection.execute(text("CREATE INDEX ix_events_key ON events (key)"))
        connection.execute(
            text("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'ix_events_key'::regclass")
        )
    migrate.upgrade(postgres_url)
    with engine.connect() as connection:
        found = text(
            "SELECT indisvalid, indisunique FROM pg_index WHERE indexrelid = 'ix_events_key'::regclass"
        )
        assert connection.execute(found).one() == (True, True)
    engine.dispose()


def test_who_waited_for_another_upgrade_may_take_as_long_as_it_needs(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = create_engine(postgres_url)
    key = {"key": migrate._LOCK_KEY}
    with other.connect() as holder:
        holder.execute(text("SELECT pg_advisory_lock(:key)"), key)
        let_go = text("SELECT pg_advisory_unlock(:key)")
        monkeypatch.setattr("app.database.migrate.time.sleep", lambda _: holder.execute(let_go, key))
        with migrate._alone(postgres_url) as connection:
            assert connection.scalar(text("SHOW statement_timeout")) == "0"
    other.dispose()
