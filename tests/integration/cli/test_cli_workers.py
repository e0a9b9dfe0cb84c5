"""`branchline workers` against the web application itself."""

import json
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from werkzeug.serving import make_server

from app.pipeline.workers_expire import sweep_workers
from tests.integration.cli.control import Said
from tests.integration.web.world import TOKEN, World

Run = Callable[..., Said]
HELLO = "export function hello() {}"


@pytest.fixture
def world(migrated_sqlite_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[World]:
    """A control plane that listens, and a directory with functions."""
    world = World(migrated_sqlite_url, lock_timeout_seconds=30)
    server = make_server("127.0.0.1", 0, world.web, threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    monkeypatch.setenv("BRANCHLINE_URL", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("BRANCHLINE_API_TOKEN", TOKEN)
    monkeypatch.chdir(tmp_path)
    Path("hello.ts").write_text(HELLO)
    yield world
    server.shutdown()
    thread.join()
    server.server_close()
    world.close()


def fields(said: Said) -> dict[str, str]:
    assert said.exit_code == 0, said.err
    return dict(re.split(r" {2,}", line, maxsplit=1) for line in said.out.splitlines())


def sent(world: World, name: str) -> set[str]:
    """Return the paths of what was sent last."""
    with world.records.read() as tx:
        version = tx.versions.of(tx.workers.get(name).id)[0]
    return {module.name for module in world.cloud.bundles.load(version.source).modules}


def test_a_file_becomes_a_worker_of_its_name_and_its_address_is_told(world: World, run: Run) -> None:
    told = fields(run("workers", "deploy", "hello.ts"))
    assert told["name"] == "hello"
    assert told["functions"] == "hello"
    assert told["address"].endswith(".apps.test")
    assert told["this version"] != told["address"]
    assert told["expires"] == "in 7 days"
    assert sent(world, "hello") == {"hello.ts"}


def test_deploying_again_makes_a_new_version(world: World, run: Run) -> None:
    first = fields(run("workers", "deploy", "hello.ts"))
    world.clock.advance(1)
    Path("hello.ts").write_text("export function hi() {}")
    second = fields(run("workers", "deploy", "hello.ts", "--keep", "--timeout-ms", "500"))
    assert (second["functions"], second["expires"]) == ("hi", "never")
    assert second["address"] == first["address"]
    shown = fields(run("workers", "show", "hello"))
    assert shown["version 1"].startswith(first["this version"])
    assert shown["version 2"].endswith("live")


def test_a_folder_is_sent_without_what_is_not_code(world: World, run: Run) -> None:
    for path in (
        "src/a.ts",
        "src/lib/b.js",
        "src/x.json",
        "src/.env.ts",
        "src/node_modules/c/i.js",
        "src/r.md",
    ):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(HELLO if path == "src/a.ts" else "")
    Path("src/package.json").write_text("{}")
    Path("src/link.ts").symlink_to(Path("hello.ts").resolve())
    run("workers", "deploy", "src", "--name", "shop")
    assert sent(world, "shop") == {"a.ts", "lib/b.js", "x.json"}


def test_several_files_are_sent_by_what_they_have_in_common(world: World, run: Run) -> None:
    Path("lib").mkdir()
    Path("lib/b.ts").write_text("")
    fields(run("workers", "deploy", "hello.ts", "lib/b.ts", "--name", "shop"))
    assert sent(world, "shop") == {"hello.ts", "lib/b.ts"}


def test_a_key_is_shown_once_and_said_to_be(world: World, run: Run) -> None:
    del world
    said = run("workers", "deploy", "hello.ts", "--invoke-key")
    assert len(fields(said)["invoke key"]) > 30
    assert "this once" in said.err
    assert "invoke key" not in fields(run("workers", "deploy", "hello.ts"))


def test_errors_are_told_as_places(world: World, run: Run) -> None:
    del world
    Path("src").mkdir()
    Path("src/a.ts").write_text("syntax error")
    said = run("workers", "deploy", "src")
    assert said.exit_code == 1
    assert said.err.splitlines()[0] == "src/a.ts:1:1 syntax error"
    assert "[worker:compile-failed]" in said.err
    assert run("workers", "show", "src").exit_code == 1


@pytest.mark.parametrize("content", [None, b"\xff"])
def test_what_cannot_be_sent_is_refused_here(world: World, run: Run, content: bytes | None) -> None:
    del world
    Path("odd").mkdir()
    if content is not None:
        Path("odd/a.ts").write_bytes(content)
    said = run("workers", "deploy", "odd")
    assert said.exit_code == 1
    assert said.err.startswith("branchline: reading odd")


def test_workers_are_listed(world: World, run: Run) -> None:
    assert "branchline workers deploy" in run("workers", "list").err
    run("workers", "deploy", "hello.ts")
    said = run("workers", "list")
    assert said.out.split()[-6:-1] == ["hello", "ready", "hello", "in", "7"]
    assert [it["name"] for it in json.loads(run("workers", "list", "--json").out)] == ["hello"]
    del world


def test_a_worker_is_kept_expires_comes_back_and_goes(world: World, run: Run) -> None:
    run("workers", "deploy", "hello.ts")
    assert fields(run("workers", "keep", "hello"))["expires"] == "never"
    assert fields(run("workers", "keep", "hello", "--off"))["expires"] == "in 7 days"
    world.clock.advance(8 * 86400)
    sweep_workers(world.records, world.clock())
    shown = fields(run("workers", "show", "hello"))
    assert shown["status"] == "expired"
    assert shown["version 1"].startswith("(its address is taken down)")
    assert run("workers", "keep", "hello").exit_code == 1
    assert fields(run("workers", "restore", "hello"))["status"] == "ready"
    assert "is deleted" in run("workers", "delete", "hello", "--yes", "--no-wait").out
    assert run("workers", "show", "hello").exit_code == 1
