"""How soon a job starts and how many can be asked for: on SQLite and on PostgreSQL, each in one run.

The floor of asking is a row of that size in a table of its own, one transaction each, in the same database. A
job starts when a worker in another process, which has nothing else to do, calls its first step.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import quantiles
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from sqlalchemy import text

from app.bootstrap.schema import upgrade_database
from app.database.records import SqlRecords
from app.database.session import create_engine, writing
from app.domain.jobs import Job, JobStatus, JobType
from app.jobs.engine import DbosEngine
from app.jobs.process import run
from app.jobs.worker import Worker
from benchmarks.postgres import postgres

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

JOBS = 100
ASKED = 2000
SENDERS = 8
TIMEOUT_SECONDS = 60.0


def main() -> None:
    """Print the table."""
    table = Table(title=f"jobs ({os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the beginning)")
    for column in ("", "start p50 ms", "p99 ms", "asked/s, 1 thread", f"{SENDERS} threads", "bare rows/s"):
        table.add_column(column, justify="right")
    with tempfile.TemporaryDirectory(prefix="branchline-bench-") as name:
        table.add_row("SQLite", *measure(f"sqlite:///{Path(name) / 'branchline.sqlite'}"))
    with postgres() as url:
        table.add_row("PostgreSQL", *measure(url))
    Console().print(table)


def measure(url: str) -> list[str]:
    """Return a row of the table."""
    upgrade_database({"DATABASE_URL": url})
    database, engine = create_engine(url), DbosEngine(url)
    records = SqlRecords(database, engine.enqueue, utc_now)

    def ask(number: int) -> Job:
        with records.begin() as tx:
            return tx.jobs.enqueue(JobType.PUBLISH, f"app_{number % 50}", {})

    with database.begin() as connection:
        connection.execute(text("CREATE TABLE bare (id TEXT PRIMARY KEY, body TEXT)"))

    def write(number: int) -> None:
        with writing(database) as session:
            session.execute(
                text("INSERT INTO bare VALUES (:id, :body)"), {"id": str(number), "body": "x" * 300}
            )

    with worker(url):
        start_of(ask(0), records)  # it has begun, and is idle again
        starts = [1000 * start_of(ask(number), records) for number in range(JOBS)]
    percentiles = quantiles(starts, n=100, method="inclusive")
    rates = [per_second(ask, 1), per_second(ask, SENDERS), per_second(write, 1)]
    engine.close()
    database.dispose()
    return [f"{percentiles[49]:.0f}", f"{percentiles[98]:.0f}", *(f"{rate:.0f}" for rate in rates)]


def start_of(job: Job, records: SqlRecords) -> float:
    """Wait until the job is over; return the seconds from before it was asked for until it started."""
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while time.monotonic() < deadline:
        with records.read() as tx:
            found = tx.jobs.get(job.id)
        if found.status is JobStatus.COMPLETED and found.started_at is not None:
            return (found.started_at - found.created_at).total_seconds()
        time.sleep(0.02)
    raise TimeoutError(f"job {job.id} did not end: {found}")


def per_second(action: Callable[[int], object], threads: int) -> float:
    """Call it many times, from several threads; return how many times a second that was."""
    began = time.monotonic()
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(action, range(ASKED)))
    return ASKED / (time.monotonic() - began)


@contextmanager
def worker(url: str) -> Iterator[None]:
    """Run a worker in a process of its own."""
    process = subprocess.Popen([sys.executable, "-m", "benchmarks.jobs", url])
    try:
        yield
    finally:
        process.terminate()
        process.wait(TIMEOUT_SECONDS)


def work(url: str) -> None:
    """Be the worker: each job is one step that does nothing."""
    records = SqlRecords(create_engine(url), DbosEngine(url).enqueue, utc_now)
    handlers = dict.fromkeys(JobType, lambda _job, steps: steps.run("nothing", lambda: None))
    run([Worker(url, handlers, records, utc_now)])


def utc_now() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


if __name__ == "__main__":
    work(sys.argv[1])
