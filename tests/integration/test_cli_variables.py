"""`branchline variables` and `branchline secrets` against the real API."""

import io
import json
import os
import pty
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from werkzeug.serving import WSGIRequestHandler, make_server

from app.cli import main
from app.domain.aliases import Alias
from app.domain.environments import Environment
from app.domain.jobs import JobStatus
from app.vault import FernetVault
from tests.builders import NOON, a_deployment
from tests.integration.web.world import TOKEN, VAULT_KEY, World

CANARY = "canary-of-a-secret-81d4"
ROOT = Path(__file__).parents[2]


class Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002 - werkzeug's name
        """Say nothing."""


@pytest.fixture
def world(migrated_sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A control plane that listens, with app 1."""
    world = World(migrated_sqlite_url, lock_timeout_seconds=5)
    world.app(1)
    server = make_server("127.0.0.1", 0, world.web, threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.02), daemon=True)
    thread.start()
    monkeypatch.setenv("BRANCHLINE_URL", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("BRANCHLINE_API_TOKEN", TOKEN)
    yield world
    server.shutdown()
    thread.join()
    server.server_close()
    world.close()


@dataclass(frozen=True)
class Said:
    code: int
    out: str
    err: str


Run = Callable[..., Said]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the command line as its entry point does, with something on standard input."""

    def run(*arguments: str, stdin: bytes = b"") -> Said:
        monkeypatch.setattr(sys, "argv", ["branchline", *arguments])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        capsys.readouterr()
        code = 0
        try:
            main()
        except SystemExit as ended:
            code = int(ended.code or 0)
        said = capsys.readouterr()
        return Said(code, said.out, said.err)

    return run


def live(world: World) -> None:
    production = Environment.PRODUCTION
    deployment = a_deployment(1, bundle="b" * 64)
    alias = Alias("app_0001", "slug0001", production, "live-production", NOON, deployment_id=deployment.id)
    with world.records.begin() as tx:
        tx.deployments.add(deployment)
        tx.aliases.save(alias)


def texts(world: World, environment: Environment = Environment.PRODUCTION) -> dict[str, str]:
    """Return what is kept by name, secrets opened."""
    vault = FernetVault([VAULT_KEY])
    with world.records.read() as tx:
        kept = tx.variables.of("app_0001", environment)
    return {it.name: vault.open(it.place, it.value) if it.is_secret else it.value for it in kept}


# -------------------- variables


def test_variables_are_set_listed_and_removed(world: World, run: Run) -> None:
    said = run("variables", "set", "app-1", "COLOUR=red", "URL=https://x.test/?a=b", "EMPTY=")
    assert said == Said(
        0, "set COLOUR, URL, EMPTY in production of app-1; nothing that is live had to change\n", ""
    )
    assert texts(world) == {"COLOUR": "red", "EMPTY": "", "URL": "https://x.test/?a=b"}
    listed = run("variables", "list", "app-1").out.splitlines()
    assert listed[0].split() == ["NAME", "VALUE", "SET", "BY"]
    assert [line.split()[0] for line in listed[1:]] == ["COLOUR", "EMPTY", "URL"]
    assert listed[1].split()[1] == "red"
    assert json.loads(run("variables", "list", "app-1", "--json").out)[0]["name"] == "COLOUR"
    assert run("variables", "rm", "app-1", "COLOUR", "URL").out.startswith(
        "removed COLOUR, URL from production"
    )
    assert texts(world) == {"EMPTY": ""}
    again = run("variables", "rm", "app-1", "COLOUR")
    assert again.code == 1
    assert again.err.endswith("[variable:not-found]\n")


def test_an_environment_is_production_unless_it_is_named(world: World, run: Run) -> None:
    assert run("variables", "set", "app-1", "A=1", "--environment", "preview").code == 0
    assert (texts(world), texts(world, Environment.PREVIEW)) == ({}, {"A": "1"})
    assert run("variables", "list", "app-1").err == "no variables in production of app-1\n"
    assert run("secrets", "list", "app-1").err == "no secrets in production of app-1\n"
    assert run("variables", "set", "app-1", "A=1", "--environment", "test").code == 1


def test_one_waits_until_it_is_live(world: World, run: Run) -> None:
    live(world)
    said = run("variables", "set", "app-1", "A=1", "--no-wait")
    assert said.out == "set A in production of app-1; going live\n"

    def end_jobs() -> None:
        with world.records.begin() as tx:
            for job in tx.jobs.unfinished():
                tx.jobs.save(replace(tx.jobs.get(job.id), status=JobStatus.COMPLETED))

    timer = threading.Timer(0.3, end_jobs)
    timer.start()
    said = run("variables", "set", "app-1", "A=2", "--timeout", "30")
    timer.join()
    assert said == Said(0, "set A in production of app-1; live\n", "")


def test_a_file_of_values_is_read(world: World, run: Run, tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text(
        "# a comment\n\nexport A=1\nB='two words' # and a comment\n"
        'C="a\\nb"\nD=$A ${A}\nE=\nF="over\ntwo lines"\n'
    )
    assert run("variables", "set", "app-1", "A=2", "--from-file", str(file)).code == 0
    assert texts(world) == {
        "A": "2",
        "B": "two words",
        "C": "a\nb",
        "D": "$A ${A}",
        "E": "",
        "F": "over\ntwo lines",
    }
    assert run("secrets", "set", "app-1", "--environment", "staging", "--from-file", str(file)).code == 0
    assert texts(world, Environment.STAGING)["B"] == "two words"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (f"A=1\n{CANARY}\n".encode(), "line 2 is not NAME=VALUE"),
        (f"A='{CANARY}\n".encode(), "line 1 is not NAME=VALUE"),
        (f"A={CANARY}\nB=\xff".encode("latin-1"), "it is not UTF-8"),
    ],
)
def test_a_file_that_cannot_be_read_is_not_quoted(
    world: World, run: Run, tmp_path: Path, content: bytes, problem: str
) -> None:
    file = tmp_path / ".env"
    file.write_bytes(content)
    for noun in ("variables", "secrets"):
        said = run(noun, "set", "app-1", "--from-file", str(file))
        assert said.code == 1
        assert problem in said.err
        assert CANARY not in said.out + said.err
    assert texts(world) == {}


@pytest.mark.parametrize("arguments", [(), ("COLOUR",), ("=red",), ("A-B=1",)])
def test_what_is_no_variable_is_refused(world: World, run: Run, arguments: tuple[str, ...]) -> None:
    assert run("variables", "set", "app-1", *arguments).code == 1
    assert texts(world) == {}


# -------------------- secrets


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
def test_a_secret_is_read_from_standard_input(world: World, run: Run, end: bytes) -> None:
    said = run("secrets", "set", "app-1", "TOKEN", stdin=CANARY.encode() + end)
    assert said == Said(0, "set TOKEN in production of app-1; nothing that is live had to change\n", "")
    assert texts(world) == {"TOKEN": CANARY}
    listed = [run("secrets", "list", "app-1"), run("secrets", "list", "app-1", "--json")]
    assert all("TOKEN" in it.out and CANARY not in it.out for it in listed)
    assert run("secrets", "rm", "app-1", "TOKEN").code == 0
    assert texts(world) == {}


def test_a_secret_may_have_lines(world: World, run: Run) -> None:
    pem = b"-----BEGIN-----\na\nb\n-----END-----\n"
    assert run("secrets", "set", "app-1", "KEY", stdin=pem).code == 0
    assert texts(world) == {"KEY": pem.decode().removesuffix("\n")}


@pytest.mark.parametrize(
    ("name", "stdin", "problem"),
    [
        ("TOKEN", b"", "standard input is empty"),
        ("TOKEN", b"\n", "standard input is empty"),
        ("TOKEN", CANARY.encode() + b"\xff", "not UTF-8"),
        ("TOKEN", CANARY.encode() * 10_000, "[variable:invalid-value]"),
        (f"TOKEN={CANARY}", b"x", "give its NAME alone"),
        ("2FA", CANARY.encode(), "[variable:invalid-name]"),
    ],
)
def test_what_is_no_secret_is_refused_and_not_repeated(
    world: World, run: Run, name: str, stdin: bytes, problem: str
) -> None:
    said = run("secrets", "set", "app-1", name, stdin=stdin)
    assert said.code == 1
    assert problem in said.err
    assert CANARY not in said.out + said.err
    assert texts(world) == {}


def test_a_secret_has_a_name_or_a_file(world: World, run: Run, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("A=1")
    for arguments in ((), ("TOKEN", "--from-file", str(tmp_path / ".env"))):
        said = run("secrets", "set", "app-1", *arguments, stdin=b"x")
        assert (said.code, "give either a NAME or --from-file" in said.err) == (1, True)
    assert texts(world) == {}


def test_a_person_is_asked_and_what_is_typed_is_not_shown(world: World) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "app", "secrets", "set", "app-1", "TOKEN"],
        cwd=ROOT,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    shown = b""
    try:
        while b"TOKEN: " not in shown:
            shown += os.read(ours, 1024)
        os.write(ours, CANARY.encode() + b"\n")
        while b"nothing that is live" not in shown:
            shown += os.read(ours, 1024)
        assert process.wait(timeout=60) == 0
    finally:
        process.kill()
        process.wait()
        os.close(ours)
    assert CANARY.encode() not in shown
    assert texts(world) == {"TOKEN": CANARY}
