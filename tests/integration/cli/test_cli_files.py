"""`branchline files`, `commit`, `sync`, `export` against the web application itself."""

import io
import json
import sys
import tarfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from werkzeug.serving import make_server

from app.domain.git import blob_name
from app.domain.jobs import JobStatus, JobType
from tests.integration.cli.control import Said
from tests.integration.web.world import TOKEN, World

README = b"# Shop\n"
ICON = b"\x89PNG\r\n\xff\0"
Run = Callable[..., Said]


@pytest.fixture
def world(migrated_sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A control plane that listens, with one app."""
    world = World(migrated_sqlite_url, lock_timeout_seconds=30)
    world.app(1)
    world.host.add_repository("acme/app-1", {"README.md": README, "img/icon.png": ICON})
    server = make_server("127.0.0.1", 0, world.web, threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    monkeypatch.setenv("BRANCHLINE_URL", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("BRANCHLINE_API_TOKEN", TOKEN)
    yield world
    server.shutdown()
    thread.join()
    server.server_close()
    world.close()


def main(world: World) -> dict[str, bytes]:
    return world.host.repository("acme/app-1").files("main")


def pipe(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))


# -------------------- files


def test_files_are_listed(world: World, run: Run) -> None:
    said = run("files", "list", "app-1")
    assert said.exit_code == 0
    assert f"100644  {blob_name(README)[:12]}  7      README.md" in said.out
    assert "img/icon.png" in said.out
    assert [it["path"] for it in json.loads(run("files", "list", "app-1", "--json").out)] == [
        "README.md",
        "img/icon.png",
    ]
    missing = run("files", "list", "app-1", "--ref", "nothing")
    assert (missing.exit_code, "ref:not-found" in missing.err) == (1, True)
    assert world.host.writes.total() == 0


def test_a_file_is_saved_as_it_is(world: World, run: Run, tmp_path: Path) -> None:
    target = tmp_path / "icon.png"
    assert run("files", "get", "app-1", "img/icon.png", "-o", str(target)).exit_code == 0
    assert target.read_bytes() == ICON
    assert run("files", "get", "app-1", "README.md").out == "# Shop\n"
    assert list(main(world)) == ["README.md", "img/icon.png"]


def test_a_file_that_is_not_there_leaves_nothing(world: World, run: Run, tmp_path: Path) -> None:
    target = tmp_path / "here" / "kept"
    target.parent.mkdir()
    target.write_text("old")
    said = run("files", "get", "app-1", "nothing", "-o", str(target))
    assert (said.exit_code, "file:not-found" in said.err) == (1, True)
    assert target.read_text() == "old"
    assert [it.name for it in target.parent.iterdir()] == ["kept"]
    assert world.host.writes.total() == 0


def test_a_file_is_put_from_a_file_or_a_pipe(
    world: World, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "new.bin").write_bytes(ICON)
    said = run("files", "put", "app-1", "img/new é.bin", "--from", str(tmp_path / "new.bin"), "-m", "Add it")
    assert said.out.startswith("img/new é.bin is written  main ")
    assert main(world)["img/new é.bin"] == ICON
    pipe(monkeypatch, b"piped")
    assert run("files", "put", "app-1", "README.md").exit_code == 0
    assert main(world)["README.md"] == b"piped"
    pipe(monkeypatch, b"piped")
    assert "so already" in run("files", "put", "app-1", "README.md").out


def test_preconditions_are_passed_on(world: World, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    old = blob_name(README)
    for options, code in (
        (("--new",), 1),
        (("--if-match", "0" * 40), 1),
        (("--if-match", old), 0),
        (("--if-match", old, "-m", "Again"), 1),
    ):
        pipe(monkeypatch, " ".join(options).encode())
        said = run("files", "put", "app-1", "README.md", *options)
        assert (said.exit_code, "request:precondition-failed" in said.err) == (code, code == 1)
    assert main(world)["README.md"] == f"--if-match {old}".encode()
    assert run("files", "rm", "app-1", "README.md", "--if-match", old).exit_code == 1


def test_a_file_is_deleted(world: World, run: Run) -> None:
    said = run("files", "rm", "app-1", "img/icon.png", "-m", "No icon")
    assert said.out.startswith("img/icon.png is deleted  main ")
    assert list(main(world)) == ["README.md"]
    assert json.loads(run("files", "rm", "app-1", "README.md", "--json").out)["sha"] is None


# -------------------- many files


@pytest.fixture
def changed(tmp_path: Path) -> Path:
    directory = tmp_path / "changed"
    for path, content in {
        "src/a.ts": b"a",
        "icon.bin": ICON,
        ".env": b"SECRET=1",
        "node_modules/x/index.js": b"",
        ".git/config": b"",
    }.items():
        (directory / path).parent.mkdir(parents=True, exist_ok=True)
        (directory / path).write_bytes(content)
    (directory / "link").symlink_to("/etc/passwd")
    return directory


def test_a_directory_is_committed_in_one(world: World, run: Run, changed: Path) -> None:
    said = run("commit", "app-1", str(changed), "-m", "Change it", "--delete", "img/icon.png")
    head = world.host.repository("acme/app-1").branches["main"]
    assert said.out == f"branch  main\ncommit  {head}\n"
    assert set(main(world)) == {"README.md", "src/a.ts", "icon.bin"}
    assert "everything is so already" in run("commit", "app-1", str(changed), "-m", "Again").out


def test_a_commit_starts_a_branch_with_a_pull_request(world: World, run: Run, changed: Path) -> None:
    options = ("--branch", "blue", "--create-branch", "--pull-request", "A blue button")
    said = run("commit", "app-1", str(changed), "-m", "Be blue", *options)
    (pull,) = world.host.repository("acme/app-1").pulls
    assert f"pull request  https://github.test/acme/app-1/pull/{pull.number}" in said.out
    assert "src/a.ts" not in main(world)


def test_a_commit_that_is_refused_says_why(world: World, run: Run, changed: Path) -> None:
    said = run("commit", "app-1", str(changed), "-m", "Late", "--parent", "0" * 40)
    assert (said.exit_code, "branch:moved" in said.err) == (1, True)
    assert run("commit", "app-1", "-m", "Nothing").exit_code == 1
    assert world.host.writes.total() == 0


def finish(world: World, job_type: JobType, result: dict[str, Any]) -> threading.Thread:
    """End the next job of a type, as a jobs process would."""

    def end() -> None:
        for _ in range(1000):
            with world.records.begin() as tx:
                for job in tx.jobs.unfinished():
                    if job.type is job_type:
                        whole = tx.jobs.get(job.id)
                        tx.jobs.save(replace(whole, status=JobStatus.COMPLETED, result=result))
                        return
            threading.Event().wait(0.02)

    thread = threading.Thread(target=end)
    thread.start()
    return thread


def test_a_commit_that_takes_long_is_waited_for(world: World, run: Run, changed: Path) -> None:
    for n in range(5):
        (changed / f"{n}.bin").write_bytes(ICON)
    result = {"branch": "main", "commit": "c" * 40, "pullRequest": None}
    thread = finish(world, JobType.COMMIT, result)
    said = run("commit", "app-1", str(changed), "-m", "Much")
    thread.join()
    assert said.out == f"branch  main\ncommit  {'c' * 40}\n"


@pytest.mark.parametrize(
    ("outcome", "words"),
    [("up-to-date", "nothing new"), ("merged", "merged into main"), ("conflict", "a pull request waits")],
)
def test_a_sync_says_what_came_of_it(world: World, run: Run, outcome: str, words: str) -> None:
    result = {
        "outcome": outcome,
        "branch": "main",
        "commit": "c" * 40,
        "upstream": {"repository": "acme/template", "commit": "d" * 40},
        "aside": None,
        "pullRequest": {"number": 7, "htmlUrl": "https://x/7"} if outcome == "conflict" else None,
    }
    thread = finish(world, JobType.SYNC, result)
    said = run("sync", "app-1")
    thread.join()
    assert (said.exit_code, words in said.out, "acme/template ddddddd" in said.out) == (0, True, True)
    assert ("https://x/7" in said.out) is (outcome == "conflict")


def test_a_sync_need_not_be_waited_for(world: World, run: Run) -> None:
    said = run("sync", "app-1", "--no-wait")
    with world.records.read() as tx:
        (job,) = tx.jobs.unfinished()
    assert said.out == f"job {job.id} is on its way\n"


# -------------------- archives


def test_an_archive_is_saved(world: World, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("export", "app-1").exit_code == 0
    assert run("export", "app-1", "--format", "zip", "-o", "here.zip").exit_code == 0
    with tarfile.open("app-1.tar.gz") as tar:
        assert "repository/README.md" in tar.getnames()
    assert (tmp_path / "here.zip").read_bytes()[:2] == b"PK"
    assert {it.name for it in tmp_path.iterdir()} >= {"app-1.tar.gz", "here.zip"}
    assert run("export", "app-1", "--ref", "nothing").exit_code == 1
    assert not [it for it in tmp_path.iterdir() if it.name.endswith(".part")]
    assert world.host.writes.total() == 0
