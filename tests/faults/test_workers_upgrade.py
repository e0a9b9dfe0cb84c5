"""Upgrades: J5 what becomes of the jobs of the release before, and how long its requests wait meanwhile."""

import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from app.database import migrate
from app.database.schema import SCHEMA, check_schema
from app.database.session import create_engine
from app.domain.jobs import Job, JobStatus
from app.jobs.engine import APPLICATION_VERSION
from tests.builders import NOON
from tests.faults.figures import Figures, Form
from tests.integration.jobs.processes import WELL, Processes
from tests.integration.jobs.world import World, until

pytestmark = pytest.mark.slow

BEFORE = "2026_11_22_forks"
LONGEST_SECONDS = 1.0
THIS, NEXT = APPLICATION_VERSION, APPLICATION_VERSION + 1


# -------------------- jobs


@pytest.fixture
def processes(migrated_url: str, tmp_path: Path) -> Iterator[Processes]:
    world = World(migrated_url)
    processes = Processes(world, tmp_path)
    yield processes
    processes.close()
    world.close()


@pytest.mark.parametrize("how", ["kill", "terminate"])
def test_jobs_of_the_release_before_are_finished(
    processes: Processes, how: str, form: Form, figures: Figures
) -> None:
    world, number = processes.world, form.pick(short=6, full=30)
    processes.hold.touch()
    old = [processes.start(THIS), processes.start(THIS)]
    begun = [world.enqueue(app=f"app_{n}", steps=["one", "two ?", "three"]) for n in range(number)]
    queued = [world.enqueue(app="app_0", steps=["a", "b"]) for _ in range(number)]
    until(
        lambda: all(_is_begun(processes, job) for job in begun),
        timeout_seconds=60,
        saying=processes.acts_of_all,
    )
    processes.start(NEXT)
    for process in old:
        getattr(process, how)()
    processes.hold.unlink()
    late = [
        world.enqueue(app="app_late", steps=["a"]) for _ in range(3)
    ]  # a web process of before asks for them
    deadline = time.monotonic() + 60
    ended = [world.wait_over(job, max(deadline - time.monotonic(), 1)) for job in (*begun, *queued, *late)]
    stranded = sum(job.status is not JobStatus.COMPLETED for job in ended)
    name = "SQLite" if world.url.startswith("sqlite") else "PostgreSQL"
    figures.tell("J5", f"stranded ({name}, {how}, n={len(ended)})", stranded)
    assert stranded == 0
    assert Counter(tuple(world.tags(job)) for job in ended) == {tuple(WELL): len(ended)}


def _is_begun(processes: Processes, job: Job) -> bool:
    return "two ?" in dict(processes.acts(job))


# -------------------- the schema


class Requests:
    """What the release before asks of its database, again and again, and how long each took."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.seconds: list[float] = []
        self.failures: list[Exception] = []
        self._is_over = threading.Event()

    @contextmanager
    def coming(self) -> Iterator[None]:
        threads = [
            threading.Thread(target=self._repeat, args=(ask,)) for ask in (_read, _write, _deliver, _ready)
        ]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._is_over.set()
            for thread in threads:
                thread.join(30)

    def _repeat(self, ask: Callable[[Engine], None]) -> None:
        while not self._is_over.is_set():
            began = time.monotonic()
            try:
                ask(self.engine)
            except Exception as error:  # noqa: BLE001 - it is counted
                self.failures.append(error)
            self.seconds.append(time.monotonic() - began)
            self._is_over.wait(0.01)


EVENT = (
    "INSERT INTO events (tag, subject, actor, at, payload) SELECT 'branch:pushed', 'app_1', 'ada', :at, '{}' "
    "FROM generate_series(1, :rows)"
)
DELIVERY = (
    "INSERT INTO deliveries (guid, source, event, headers, body, received_at, status, attempts) "
    "SELECT gen_random_uuid()::text, 'github', 'push', '{}', '', :at, 'waiting', 0 "
    "FROM generate_series(1, :rows)"
)


def _read(engine: Engine) -> None:
    with engine.connect() as connection:
        statement = "SELECT id, tag, subject, actor, at, payload FROM events WHERE subject = 'app_1' LIMIT 50"
        connection.execute(text(statement)).all()


def _write(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE apps SET updated_at = :at WHERE id = 'app_1'"), {"at": NOON})
        connection.execute(text(EVENT), {"at": NOON, "rows": 1})


def _deliver(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text(DELIVERY), {"at": NOON, "rows": 1})


def _ready(engine: Engine) -> None:
    check_schema(engine, BEFORE)


def test_requests_go_on_while_the_schema_grows(postgres_url: str, form: Form, figures: Figures) -> None:
    rows = form.pick(short=20_000, full=1_000_000)
    migrate.upgrade(postgres_url, to=BEFORE)
    engine = create_engine(postgres_url)
    _fill(engine, rows)
    requests = Requests(engine)
    with requests.coming():
        until(lambda: len(requests.seconds) > 100, saying=lambda: requests.failures)
        with _long_report(engine, 3.0):
            upgrades = [_upgrade(postgres_url) for _ in range(2)]
            ended = [process.communicate(timeout=form.pick(short=100, full=600)) for process in upgrades]
    assert [errors for _, errors in ended] == [b"", b""]
    shown = f"{max(requests.seconds):.2f} s, {len(requests.failures)} failed (n={len(requests.seconds)})"
    figures.tell("J5", f"longest request during an upgrade of {rows} events and deliveries", shown)
    assert requests.failures == []
    assert max(requests.seconds) <= LONGEST_SECONDS
    assert migrate.current(postgres_url) == SCHEMA
    engine.dispose()


def _fill(engine: Engine, rows: int) -> None:
    with engine.begin() as connection:
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        for statement in (EVENT, DELIVERY):
            connection.execute(text(statement), {"at": NOON, "rows": rows})


@contextmanager
def _long_report(engine: Engine, seconds: float) -> Iterator[None]:
    """Read events in a transaction that stays open for a while: whoever changes the table waits for it."""
    is_reading = threading.Event()

    def read() -> None:
        with engine.begin() as connection:
            connection.execute(text("SELECT count(*) FROM events"))
            is_reading.set()
            connection.execute(text("SELECT pg_sleep(:seconds)"), {"seconds": seconds})

    thread = threading.Thread(target=read)
    thread.start()
    assert is_reading.wait(20)
    try:
        yield
    finally:
        thread.join(30)


def _upgrade(url: str) -> subprocess.Popen[bytes]:
    program = "import sys; from app.database import migrate; migrate.upgrade(sys.argv[1])"
    return subprocess.Popen([sys.executable, "-W", "error", "-c", program, url], stderr=subprocess.PIPE)
