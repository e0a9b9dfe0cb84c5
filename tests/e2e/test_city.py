"""A city from the command line: it comes up over what a killed one left, and goes away when asked."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import httpx
import psutil
import pytest

from sandbox.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.timeout(420)


class CommandLine:
    """`branchline sandbox` in a process of its own, as many times as a test wants."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.log = directory.with_suffix(".log")
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> dict[str, Any]:
        """Start it and return city.json once the city says that it is up."""
        command = [sys.executable, "-m", "app", "sandbox", "--directory", str(self.directory)]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        wait_for("the city up", self._is_up, 120)
        return dict(json.loads((self.directory / "city.json").read_text()))

    def _is_up(self) -> tuple[bool | None, object]:
        text = self.log.read_text()
        return (True if "Ctrl-C ends it" in text else None), text

    def send(self, number: signal.Signals) -> int:
        assert self.process
        self.process.send_signal(number)
        return self.process.wait(90)

    def daemons(self) -> list[int]:
        return [json.loads(path.read_text())["pid"] for path in (self.directory / "run").glob("*.json")]


@pytest.fixture(scope="module")
def command_line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandLine]:
    """A city that is up."""
    command_line = CommandLine(tmp_path_factory.mktemp("command-line") / "city")
    command_line.start()
    yield command_line
    if command_line.process and command_line.process.poll() is None:
        command_line.send(signal.SIGTERM)


def test_a_second_city_in_the_same_directory_is_refused(command_line: CommandLine) -> None:
    command = [sys.executable, "-m", "app", "sandbox", "--directory", str(command_line.directory)]
    second = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert second.returncode == 2
    assert "a city is already running in" in second.stdout


def test_a_killed_city_comes_up_again_where_it_was_and_ends_cleanly(command_line: CommandLine) -> None:
    before = (command_line.directory / "city.json").read_text()
    orphans = command_line.daemons()
    command_line.send(signal.SIGKILL)
    facts = command_line.start()
    assert (command_line.directory / "city.json").read_text() == before
    assert (
        httpx.get(f"{facts['controlPlane']['url']}/readyz", timeout=30, trust_env=False).status_code
        == httpx.codes.OK
    )
    running = command_line.daemons()
    assert not set(orphans) & set(running)
    assert command_line.send(signal.SIGINT) == 0
    assert [pid for pid in running if psutil.pid_exists(pid)] == []
