"""The sandbox's GitHub as a process: its command line, and what a restart or a kill leaves behind."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from sandbox.ports import free_port
from tests.contract.sandbox_github.driver import Receiver, Slow, eventually, git

ROOT = Path(__file__).parents[2]


class Process:
    """A running `python -m sandbox.github`."""

    def __init__(self, directory: Path, *flags: str) -> None:
        self.directory = directory
        self._flags = flags
        self._port = free_port()

    def start(self) -> "Process":
        """Start it, on the same port as the time before."""
        command = [sys.executable, "-m", "sandbox.github", "--directory", str(self.directory)]
        flags = ["--port", str(self._port), "--no-actions", *self._flags]
        self.process = subprocess.Popen([*command, *flags], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout
        line = self.process.stdout.readline()
        assert line.startswith("listening on http://127.0.0.1:"), line
        self.url = line.split()[-1]
        self._port = int(self.url.rpartition(":")[2])
        return self

    def end(self, how: signal.Signals) -> int:
        self.process.send_signal(how)
        code = self.process.wait(60)
        assert self.process.stdout
        self.process.stdout.close()
        return code

    @property
    def tokens(self) -> dict[str, str]:
        found: dict[str, str] = json.loads((self.directory / "tokens.json").read_text())
        return found

    def ask(self, method: str, path: str, body: Any = None) -> httpx.Response:
        headers = {"Authorization": f"token {self.tokens['branchline-bot']}"}
        return httpx.request(method, f"{self.url}/api/v3{path}", json=body, headers=headers, timeout=60)


@pytest.fixture
def template(tmp_path: Path) -> Path:
    directory = tmp_path / "template"
    directory.mkdir()
    (directory / "README.md").write_text("# One\n")
    return directory


@pytest.fixture
def github(tmp_path: Path, template: Path) -> Iterator[Callable[..., Process]]:
    """Return what starts a GitHub of the test's own, to be broken at will."""
    started: list[Process] = []

    def start(*flags: str) -> Process:
        made = Process(tmp_path / f"github-{len(started)}", "--template-from", str(template), *flags)
        started.append(made.start())
        return made

    yield start
    for one in started:
        if one.process.poll() is None:
            one.end(signal.SIGTERM)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    running = Receiver()
    running.start()
    yield running
    running.close()


def commits(github: Process, repository: str) -> list[str]:
    return [one["commit"]["message"] for one in github.ask("GET", f"/repos/{repository}/commits").json()]


def hook(github: Process, repository: str, url: str) -> None:
    wanted = {"config": {"url": url, "content_type": "json"}, "events": ["push"]}
    assert github.ask("POST", f"/repos/{repository}/hooks", wanted).status_code == 201


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_repositories_and_tokens_survive(github: Callable[..., Process], how: signal.Signals) -> None:
    running = github()
    running.ask("POST", "/orgs/acme/repos", {"name": "shop", "auto_init": True})
    tokens = running.tokens
    code = running.end(how)
    assert code == (0 if how is signal.SIGTERM else -signal.SIGKILL)
    running.start()
    assert running.tokens == tokens
    assert commits(running, "acme/shop") == ["Initial commit"]


def test_a_changed_template_gets_a_commit_on_top(github: Callable[..., Process], template: Path) -> None:
    running = github()
    running.end(signal.SIGTERM)
    running.start()
    assert commits(running, "acme/template") == ["Start as the template"]
    running.end(signal.SIGTERM)
    (template / "README.md").write_text("# Two\n")
    running.start()
    assert commits(running, "acme/template") == ["Update the template", "Start as the template"]


def test_a_fork_is_finished_after_a_kill(github: Callable[..., Process]) -> None:
    running = github("--fork-delay-seconds", "1")
    wanted = {"organization": "acme", "name": "shop"}
    assert running.ask("POST", "/repos/acme/template/forks", wanted).status_code == 202
    running.end(signal.SIGKILL)
    running.start()
    eventually(lambda: running.ask("GET", "/repos/acme/shop/branches").json())


def test_a_push_that_was_not_announced_is_announced_at_the_next_start(
    github: Callable[..., Process], receiver: Receiver, tmp_path: Path
) -> None:
    running = github()
    made = running.ask("POST", "/orgs/acme/repos", {"name": "shop", "auto_init": True}).json()
    hook(running, "acme/shop", receiver.url)
    receiver.wait("ping")
    running.end(signal.SIGKILL)
    bare, clone = running.directory / "repos" / f"{made['id']}.git", tmp_path / "clone"
    git("clone", "--quiet", str(bare), str(clone))
    git("commit", "--quiet", "--allow-empty", "-m", "Pushed just before the end", at=clone)
    git("push", "--quiet", "origin", "main", at=clone)
    running.start()
    (push,) = receiver.wait("push")
    assert push.body["head_commit"]["message"] == "Pushed just before the end"


def test_what_waited_to_be_sent_is_sent_after_a_kill(github: Callable[..., Process]) -> None:
    running, slow = github(), Slow()
    try:
        running.ask("POST", "/orgs/acme/repos", {"name": "shop"})
        hook(running, "acme/shop", slow.url)
        content = {"content": "eAo=", "message": "One"}
        assert running.ask("PUT", "/repos/acme/shop/contents/a.txt", content).status_code == 201
        eventually(lambda: slow.seen)
        running.end(signal.SIGKILL)
        slow.may_answer.set()
        running.start()
        eventually(lambda: "push" in [event for event, _guid in slow.seen])
    finally:
        slow.close()


def is_closing(github: Process) -> bool:
    """Say whether a GitHub that was told to end has begun to: it is not served any more."""
    try:
        httpx.get(github.url, timeout=5)
    except httpx.TransportError:
        return True
    return False


def test_what_waits_while_it_ends_is_sent_after_the_next_start(github: Callable[..., Process]) -> None:
    running, slow = github(), Slow()
    try:
        running.ask("POST", "/orgs/acme/repos", {"name": "shop"})
        hook(running, "acme/shop", slow.url)
        for name in ("a.txt", "b.txt", "c.txt"):
            content = {"content": "eAo=", "message": f"Add {name}"}
            assert running.ask("PUT", f"/repos/acme/shop/contents/{name}", content).status_code == 201
        eventually(lambda: slow.seen)
        running.process.send_signal(signal.SIGTERM)
        eventually(lambda: is_closing(running))
        slow.may_answer.set()
        assert running.end(signal.SIGTERM) == 0
        assert [event for event, _guid in slow.seen] == ["ping"]
        running.start()
        eventually(lambda: len(slow.seen) == 4)
        assert [event for event, _guid in slow.seen[1:]] == ["push"] * 3
    finally:
        slow.close()


def test_a_directory_has_one_server_and_its_tokens_one_reader(github: Callable[..., Process]) -> None:
    running = github()
    command = [sys.executable, "-m", "sandbox.github", "--directory", str(running.directory), "--no-actions"]
    second = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert second.returncode == 78
    assert "is used by another sandbox GitHub" in second.stderr
    for name in ("tokens.json", "app.json"):
        assert (running.directory / name).stat().st_mode & 0o777 == 0o600
    assert set(running.tokens) == {"branchline-bot", "ada", "mallory"}
    # The database beside them has the Actions secrets and webhooks' secrets of every repository.
    assert running.directory.stat().st_mode & 0o077 == 0
