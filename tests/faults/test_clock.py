"""What is under the processes fails: a clock that is off, a full disk, a locked database, one that restarts.

Jobs wait and go on; none fails, nothing is done twice. Web processes in such trouble are others' tests.
"""

import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import make_url

from app.jobs.lifecycle import OVER
from sandbox.waiting import wait_for
from tests.faults.databases import RestartablePostgres
from tests.faults.figures import Figures, Form
from tests.faults.nursery import JobsProcess
from tests.faults.stage import Stage
from tests.faults.stories import STORIES, Scene, complaints
from tests.faults.town import Plane, Remotes

pytestmark = pytest.mark.slow

TEN_MINUTES = 600.0
ROOM_BYTES = 16_384
FULL = ("disk is full", "disk I/O error", "does not answer")
SOON_SECONDS = 60.0
END_SECONDS = 300.0
NAMES = ("publish", "preview", "release", "retire")


@pytest.fixture
def stage(remotes: Remotes, migrated_sqlite_url: str, tmp_path: Path) -> Iterator[Stage]:
    remotes.runs_are_idle(are_idle=True)
    with Plane(remotes, migrated_sqlite_url, tmp_path) as plane:
        yield Stage(plane)


def test_processes_need_not_agree_on_the_time(stage: Stage, form: Form, figures: Figures) -> None:
    """One is ten minutes ahead, one ten minutes behind: both work, and neither calls the other dead."""
    scenes = [STORIES[name](stage) for name in form.pick(short=NAMES[:3], full=tuple(STORIES))]
    processes = [stage.plane.jobs(shift_seconds=by) for by in (TEN_MINUTES, -TEN_MINUTES)]
    wrong = _end(stage, scenes)
    for process in processes:
        process.kill()
    taken = processes[0].log.read_text().count("took over")
    figures.tell(
        "J7", "clocks 20 minutes apart", f"{len(scenes)} jobs, {len(wrong)} wrong, {taken} takeovers"
    )
    assert (wrong, taken) == ([], 0)


def test_a_full_disk_is_waited_for(stage: Stage, figures: Figures) -> None:
    """Nothing can be written any more: no job fails; when there is room again, all go on."""
    scenes = [STORIES[name](stage) for name in NAMES[:2]]
    path = Path(str(make_url(stage.plane.environ["DATABASE_URL"]).database))
    _fold_log_into(path)
    victim = stage.plane.jobs(file_bytes=ROOM_BYTES)
    wait_for("a full disk", lambda: _says(victim.log, FULL), SOON_SECONDS)
    assert not [it for it in scenes if stage.job(it.job).status in OVER]
    victim.kill()
    stage.plane.forget_the_dead()
    heir = stage.plane.jobs()
    wrong = _end(stage, scenes)
    heir.kill()
    figures.tell("J7", "full disk", f"{len(scenes)} jobs, 0 lost, {len(wrong)} wrong")
    assert wrong == []


def test_a_locked_database_is_waited_for(stage: Stage, form: Form, figures: Figures) -> None:
    scenes = [STORIES[name](stage) for name in NAMES[:3]]
    path = str(make_url(stage.plane.environ["DATABASE_URL"]).database)
    process = _working(stage)
    seconds = form.pick(short=8, full=45)
    with sqlite3.connect(path, isolation_level=None, timeout=30) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        time.sleep(seconds)  # the lock is the test
        connection.execute("ROLLBACK")
    connection.close()
    wrong = _end(stage, scenes)
    is_alive = process.is_alive
    process.kill()
    figures.tell("J7", f"SQLite locked for {seconds} s", f"{len(scenes)} jobs, 0 lost, {len(wrong)} wrong")
    assert (wrong, is_alive) == ([], True)


def test_a_database_that_restarts_is_waited_for(
    remotes: Remotes, tmp_path: Path, form: Form, figures: Figures
) -> None:
    remotes.runs_are_idle(are_idle=True)
    rounds = form.pick(short=1, full=5)
    with RestartablePostgres() as postgres, Plane(remotes, postgres.url, tmp_path) as plane:
        stage = Stage(plane)
        process = _working(stage)
        wrong = list[str]()
        for _ in range(rounds):
            scenes = [STORIES[name](stage) for name in NAMES[:3]]
            postgres.restart()
            plane.shared.database.dispose()
            wrong += _end(stage, scenes)
        is_alive = process.is_alive
        process.kill()
    told = f"{rounds} restarts, {len(scenes) * rounds} jobs, 0 lost, {len(wrong)} wrong"
    figures.tell("J7", "PostgreSQL restarts", told)
    assert (wrong, is_alive) == ([], True)


def _working(stage: Stage) -> JobsProcess:
    """Return a jobs process that has started: one that starts without a database says so and ends."""
    process = stage.plane.jobs()
    wait_for("a worker", lambda: _says(process.log, (f"-{process.pid}-",)), SOON_SECONDS)
    return process


def _end(stage: Stage, scenes: list[Scene]) -> list[str]:
    """Wait for the end of all jobs, and return what is wrong then."""
    for scene in scenes:
        stage.wait_over(scene.job, END_SECONDS)
    stage.wait_quiet(END_SECONDS)
    return [line for scene in scenes for line in complaints(stage, scene)]


def _fold_log_into(path: Path) -> None:
    """Write SQLite's log into its file, so that the next writes have to grow the log again."""
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def _says(log: Path, words: tuple[str, ...]) -> tuple[bool | None, object]:
    text = log.read_text() if log.exists() else ""
    return (True if any(word in text for word in words) else None), text[-500:]
