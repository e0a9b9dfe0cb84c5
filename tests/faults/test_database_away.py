"""J7: the database is locked, away, or has no room, while GitHub delivers to real web processes."""

import http.client
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import make_url

from app.bootstrap.schema import upgrade_database
from tests.faults.figures import Figures
from tests.faults.receivers import SETTINGS, Receivers, a_push, deliver

PATIENT_SECONDS = 5
GITHUB_SECONDS = 10
AT_ONCE_SECONDS = 1


@pytest.fixture
def receivers(migrated_sqlite_url: str, tmp_path: Path) -> Iterator[Receivers]:
    upgrade_database({"DATABASE_URL": migrated_sqlite_url})
    receivers = Receivers(migrated_sqlite_url, tmp_path / "web.log")
    try:
        receivers.start()
        yield receivers
    finally:
        receivers.stop()


@contextmanager
def locked(receivers: Receivers, seconds: float | None = None) -> Iterator[None]:
    """Hold the database's write lock for so long, or until the block ends."""
    path = str(make_url(receivers.database_url).database)
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    timer = threading.Timer(seconds or 0, lambda: other.execute("ROLLBACK"))
    if seconds is not None:
        timer.start()
    try:
        yield
    finally:
        if seconds is None:
            timer.start()
        timer.join()
        other.close()


def timed(port: int, guid: str, body: bytes) -> tuple[int, float]:
    began_at = time.monotonic()
    return deliver(port, guid, body)[0], time.monotonic() - began_at


def test_a_lock_of_five_seconds_loses_nothing(receivers: Receivers, figures: Figures) -> None:
    with locked(receivers, PATIENT_SECONDS), ThreadPoolExecutor(16) as senders:
        answers = list(senders.map(lambda number: timed(receivers.port, *a_push(number)), range(16)))
    assert Counter(status for status, _ in answers) == {202: 16}
    slowest = max(seconds for _, seconds in answers)
    figures.tell("J7", "webhooks during a lock of 5 s", f"0 of 16 lost, answered within {slowest:.1f} s")
    assert slowest < GITHUB_SECONDS


@pytest.mark.slow
def test_a_longer_outage_is_answered_at_once_and_ends_by_itself(
    receivers: Receivers, figures: Figures
) -> None:
    first = list[tuple[int, float]]()
    with locked(receivers), ThreadPoolExecutor(8) as senders:
        while len(first) < 64 and (not first or max(it for _, it in first[-8:]) > AT_ONCE_SECONDS):
            # Each process learns of it by itself.
            first += senders.map(lambda number: timed(receivers.port, *a_push(number)), range(8))
        then = [timed(receivers.port, *a_push(number)) for number in range(20)]
        asked = [_write_to_the_api(receivers.port) for _ in range(20)]
    assert {status for status, _ in first + then + asked} == {503}
    assert max(seconds for _, seconds in first) < GITHUB_SECONDS
    slowest = {name: max(seconds for _, seconds in it) for name, it in (("webhooks", then), ("API", asked))}
    figures.tell("J7", "503 once an outage is known", ", ".join(f"{n} {s:.2f} s" for n, s in slowest.items()))
    assert max(slowest.values()) < AT_ONCE_SECONDS
    began_at = time.monotonic()
    while deliver(receivers.port, *a_push(99))[0] != 202:
        assert time.monotonic() - began_at < GITHUB_SECONDS
    figures.tell("J7", "202 again after an outage", f"within {time.monotonic() - began_at:.1f} s")


def _write_to_the_api(port: int) -> tuple[int, float]:
    began_at = time.monotonic()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=15)
    token = SETTINGS["BRANCHLINE_API_TOKEN"]
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    connection.request("POST", "/api/deliveries/replay", body=b'{"failed": true}', headers=headers)
    status = connection.getresponse().status
    connection.close()
    return status, time.monotonic() - began_at
