"""Pruning on both databases, from the command line."""

import os
import time
from pathlib import Path

from click.testing import CliRunner

from app.bundles.directory import DirectoryBundles
from app.cli import branchline
from app.database.bundle_uses import used_bundles
from app.database.records import SqlRecords
from app.database.session import create_engine
from app.domain.bundles import Bundle, Module
from tests.builders import a_deployment, a_version, a_worker, an_app
from tests.fakes.clock import FakeClock
from tests.unit.environ import ENVIRON


def a_bundle(bundles: DirectoryBundles, code: bytes) -> str:
    sha256, size = bundles.write([code])
    return bundles.save(
        Bundle("index.js", [Module("index.js", "text/javascript+module", sha256, size)], "2026-11-01")
    )


def test_bundles_of_deployments_whose_app_is_there_are_in_use(migrated_url: str) -> None:
    engine = create_engine(migrated_url)
    records = SqlRecords(engine, lambda _session, _job: None, FakeClock())
    with records.begin() as tx:
        tx.apps.add(an_app())
        tx.deployments.add(a_deployment(1, bundle="a" * 64))
        tx.deployments.add(a_deployment(2, bundle="a" * 64))
        tx.deployments.add(a_deployment(3))
        tx.deployments.add(a_deployment(4, bundle="b" * 64, app_id="app_gone"))
    assert list(used_bundles(engine)) == ["a" * 64]
    engine.dispose()


def test_bundles_and_sources_of_workers_that_are_there_are_in_use(migrated_url: str) -> None:
    engine = create_engine(migrated_url)
    records = SqlRecords(engine, lambda _session, _job: None, FakeClock())
    with records.begin() as tx:
        tx.workers.add(a_worker())
        tx.versions.add(a_version(1, bundle="a" * 64, source="b" * 64))
        tx.versions.add(a_version(2, bundle="c" * 64, source="c" * 64, worker_id="wrk_gone"))
    assert sorted(used_bundles(engine)) == ["a" * 64, "b" * 64]
    engine.dispose()


def test_the_command_deletes_what_is_old_and_in_no_use(migrated_sqlite_url: str, tmp_path: Path) -> None:
    bundles = DirectoryBundles(tmp_path / "bundles")
    used, unused = a_bundle(bundles, b"used"), a_bundle(bundles, b"unused")
    engine = create_engine(migrated_sqlite_url)
    with SqlRecords(engine, lambda _session, _job: None, FakeClock()).begin() as tx:
        tx.apps.add(an_app())
        tx.deployments.add(a_deployment(bundle=used))
    engine.dispose()
    make_old(tmp_path / "bundles")
    fresh = a_bundle(bundles, b"fresh")
    environ = {
        **ENVIRON,
        "DATABASE_URL": migrated_sqlite_url,
        "BRANCHLINE_BUNDLES": str(tmp_path / "bundles"),
    }
    said = CliRunner().invoke(branchline, ["bundles", "prune"], env=environ, catch_exceptions=False)
    assert said.output == "deleted 2 blobs; 1 bundles are in use\n"
    assert (bundles.has(used), bundles.has(unused), bundles.has(fresh)) == (True, False, True)


def make_old(directory: Path) -> None:
    long_ago = time.time() - 2 * 86400
    for file in directory.rglob("*"):
        if file.is_file():
            os.utime(file, (long_ago, long_ago))
