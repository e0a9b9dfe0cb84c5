"""Events in one order while many write at once: a follower is told of each once, and of none too late."""

import random
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final, Self

import pytest
from sqlalchemy import Engine, text

from app.database.event_order import continue_order
from app.database.listening import feed_of
from app.database.records import SqlRecords
from app.database.session import create_engine
from app.domain.events import Event, Place, Selection, Tag
from tests.fakes.clock import FakeClock

AT: Final = datetime(2026, 11, 22, 12, tzinfo=UTC)
WRITERS: Final = 12
EACH: Final = 25
PATIENCE_SECONDS: Final = 60.0


class Undone(Exception):
    """What a writer raises who does not mean it."""


@pytest.fixture
def engine(migrated_url: str) -> Iterator[Engine]:
    engine = create_engine(migrated_url, lock_timeout_seconds=30)
    yield engine
    engine.dispose()


@pytest.fixture
def records(engine: Engine) -> SqlRecords:
    return SqlRecords(engine, lambda _session, _job: None, FakeClock())


def a_fact(subject: str) -> Event:
    return Event(Tag.BRANCH_PUSHED, subject, "token", AT, {})


class Watcher:
    """Follows from the start, in a thread of its own, and keeps what it is told."""

    def __init__(self, engine: Engine) -> None:
        self.told: list[Event] = []
        self._feed = feed_of(engine)
        self._place = self._feed.newest()
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join(PATIENCE_SECONDS)
        self._feed.close()

    def wait_for(self, number: int) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while len(self.told) < number:
            assert time.monotonic() < deadline, f"{len(self.told)} of {number} were told"
            time.sleep(0.01)

    def _watch(self) -> None:
        while not self._is_over.is_set():
            news = self._feed.read(self._place)
            if news.events:
                self.told += news.events
                self._place = news.events[-1].place or self._place
            if news.is_all:
                self._feed.wait(0.2)


def test_whoever_follows_is_told_of_each_fact_once_and_in_order(engine: Engine, records: SqlRecords) -> None:
    kept = set[str]()

    def write(number: int) -> None:
        dice = random.Random(number)  # noqa: S311 - an order, not a secret
        for turn in range(EACH):
            subjects = [f"{number}-{turn}-{one}" for one in range(dice.randint(1, 3))]
            with suppress(Undone), records.begin() as tx:
                for subject in subjects:
                    tx.events.append(a_fact(subject))
                    time.sleep(dice.choice((0, 0, 0.002, 0.01)))
                if dice.random() < 0.2:
                    raise Undone
                kept.update(subjects)

    with Watcher(engine) as watcher:
        writers = [threading.Thread(target=write, args=(number,)) for number in range(WRITERS)]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join(PATIENCE_SECONDS)
        watcher.wait_for(len(kept))
    assert sorted(it.subject for it in watcher.told) == sorted(kept)
    places = [it.place or Place(0, 0) for it in watcher.told]
    assert places == sorted(places)
    with records.read() as tx:
        paged = list[Event]()
        while page := tx.events.page(Selection(), after=paged[-1].place if paged else Place(0, 0), limit=40):
            paged += page
    assert paged == watcher.told


def test_what_waits_for_an_older_transaction_is_told_as_soon_as_that_ends(migrated_postgres_url: str) -> None:
    engine = create_engine(migrated_postgres_url)
    records = SqlRecords(engine, lambda _session, _job: None, FakeClock())
    with Watcher(engine) as watcher, records.read() as looking:
        assert looking.events.page(Selection()) == []  # what it sees is of this moment
        with records.begin() as slow:
            slow.events.append(a_fact("slow"))
            with records.begin() as fast:
                fast.events.append(a_fact("fast"))
            with records.read() as tx:
                assert tx.events.page(Selection()) == []
            assert watcher.told == []
        watcher.wait_for(2)
        assert looking.events.page(Selection()) == []
    assert [it.subject for it in watcher.told] == ["slow", "fast"]
    engine.dispose()


def test_a_follower_goes_on_when_the_server_cut_its_connection(migrated_postgres_url: str) -> None:
    engine = create_engine(migrated_postgres_url)
    records = SqlRecords(engine, lambda _session, _job: None, FakeClock())
    feed = feed_of(engine)
    feed.wait(1)
    with engine.connect() as connection:
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )
    with pytest.raises(Exception, match="does not answer"):
        feed.wait(1)
    engine.dispose()
    with records.begin() as tx:
        tx.events.append(a_fact("later"))
    began = time.monotonic()
    feed.wait(30)  # it did not listen until now, and who waits is to look
    assert time.monotonic() - began < 20
    assert [it.subject for it in feed.read(Place(0, 0)).events] == ["later"]
    feed.close()
    engine.dispose()


def test_new_facts_come_after_those_of_a_dump_that_came_back(migrated_postgres_url: str) -> None:
    engine = create_engine(migrated_postgres_url)
    records = SqlRecords(engine, lambda _session, _job: None, FakeClock())
    assert not continue_order(engine)
    with engine.begin() as connection:
        # As a dump brings it back into a server that has not counted so far yet.
        connection.execute(
            text(
                "INSERT INTO events (tag, subject, actor, at, payload, position) "
                "SELECT 'branch:pushed', 'old', 'token', now(), '{}', "
                "pg_current_xact_id()::text::bigint + 1000000"
            )
        )
    with records.read() as tx:
        assert tx.events.page(Selection()) == []
    assert continue_order(engine)
    assert not continue_order(engine)
    with records.begin() as tx:
        tx.events.append(a_fact("new"))
    with records.read() as tx:
        assert [it.subject for it in tx.events.page(Selection())] == ["new", "old"]
        assert [it.subject for it in tx.events.page(Selection(), after=Place(0, 0))] == ["old", "new"]
    engine.dispose()


def test_a_waiting_follower_hears_of_a_fact_at_once(engine: Engine, records: SqlRecords) -> None:
    feed = feed_of(engine)
    feed.wait(1)
    writer = threading.Timer(0.1, lambda: _write(records))
    began = time.monotonic()
    writer.start()
    while not (news := feed.read(Place(0, 0))).events:
        feed.wait(30)
    took = time.monotonic() - began
    writer.join()
    feed.close()
    assert [it.subject for it in news.events] == ["one"]
    assert took < 20


def _write(records: SqlRecords) -> None:
    with records.begin() as tx:
        tx.events.append(a_fact("one"))
