"""A city's processes: started, watched and ended with real processes and sockets."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from http.server import HTTPServer, SimpleHTTPRequestHandler
from typing import TYPE_CHECKING

import psutil
import pytest

from sandbox.city import City, CityFailed
from sandbox.daemon import Daemon, DaemonFailed, end_leftover
from sandbox.ports import free_port
from sandbox.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SERVER = """
import http.server, subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
open("child", "w").write(str(child.pid))
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), http.server.SimpleHTTPRequestHandler).serve_forever()
"""
# Its child has a session of its own, and it does not end when it is asked to.
DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)" + SERVER.replace(
    '600)"])', '600)"], start_new_session=True)'
)
SLEEPER = [sys.executable, "-c", "import time; time.sleep(600)"]


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    port = free_port()
    arguments = [sys.executable, "-c", SERVER, str(port)]
    daemon = Daemon("server", arguments, dict(os.environ), tmp_path, [f"http://127.0.0.1:{port}/"])
    yield daemon
    daemon.end()


def gone(pid: int) -> None:
    def look() -> tuple[bool | None, object]:
        is_there = psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
        return (None if is_there else True), is_there

    wait_for(f"process {pid} gone", look, 30)


def test_it_ends_with_everything_it_started(daemon: Daemon, tmp_path: Path) -> None:
    daemon.start()
    daemon.wait_ready()
    daemon.end()
    gone(int((tmp_path / "child").read_text()))
    assert list((tmp_path / "run").iterdir()) == []


def test_ending_it_twice_is_ending_it_once(daemon: Daemon) -> None:
    daemon.start()
    daemon.end()
    daemon.end()


@pytest.mark.parametrize("way", [Daemon.end, Daemon.kill])
def test_one_that_does_not_end_leaves_nobody_who_has_a_session_of_his_own(
    daemon: Daemon, tmp_path: Path, way: Callable[[Daemon], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sandbox.daemon.GRACE_SECONDS", 0.2)
    daemon.arguments[2] = DEAF
    daemon.start()
    daemon.wait_ready()
    way(daemon)
    gone(int((tmp_path / "child").read_text()))


def test_one_that_ends_at_once_leaves_nobody_who_has_a_session_of_his_own(
    daemon: Daemon, tmp_path: Path
) -> None:
    daemon.arguments[2] = DEAF.replace("SIG_IGN", "SIG_DFL")
    daemon.start()
    daemon.wait_ready()
    daemon.ask_to_end()
    daemon.end()
    gone(int((tmp_path / "child").read_text()))


def test_one_that_ended_is_not_ready_because_others_answer_at_its_address(tmp_path: Path) -> None:
    with HTTPServer(("127.0.0.1", 0), SimpleHTTPRequestHandler) as stranger:
        threading.Thread(target=stranger.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{stranger.server_port}/"
        arguments = [sys.executable, "-c", "raise SystemExit(1)"]
        daemon = Daemon("late", arguments, dict(os.environ), tmp_path, [url])
        daemon.start()
        with pytest.raises(DaemonFailed, match="late ended with code 1"):
            daemon.wait_ready()
        daemon.end()
        stranger.shutdown()


def test_one_that_ends_by_itself_shows_the_end_of_its_log(tmp_path: Path) -> None:
    arguments = [sys.executable, "-c", "print('no such setting'); raise SystemExit(78)"]
    daemon = Daemon("broken", arguments, dict(os.environ), tmp_path, ["http://127.0.0.1:9/"])
    daemon.start()
    with pytest.raises(DaemonFailed, match=r"broken ended with code 78\n.*broken\.log:\n    no such setting"):
        daemon.wait_ready(30)
    daemon.end()


def test_one_that_never_answers_is_given_up(tmp_path: Path) -> None:
    daemon = Daemon("silent", SLEEPER, dict(os.environ), tmp_path, ["http://127.0.0.1:9/"])
    daemon.start()
    with pytest.raises(DaemonFailed, match="silent did not answer at"):
        daemon.wait_ready(0.2)
    daemon.end()


def test_a_leftover_of_a_killed_city_is_ended_by_the_next(daemon: Daemon, tmp_path: Path) -> None:
    daemon.start()
    daemon.wait_ready()
    first = daemon.pid
    again = Daemon(daemon.name, daemon.arguments, daemon.environment, tmp_path, daemon.ready_urls)
    again.start()
    again.wait_ready()
    assert first is not None
    gone(first)
    again.end()


def test_a_process_that_got_a_leftovers_number_is_left_alone(tmp_path: Path) -> None:
    pid_file = tmp_path / "server.json"
    with subprocess.Popen(SLEEPER) as stranger:
        pid_file.write_text(json.dumps({"pid": stranger.pid, "startedAt": 1.0}))
        end_leftover(pid_file)
        assert stranger.poll() is None
        stranger.kill()
    assert not pid_file.exists()


def test_a_leftover_is_known_although_the_clock_was_set_meanwhile(tmp_path: Path) -> None:
    pid_file = tmp_path / "server.json"
    with subprocess.Popen(SLEEPER, start_new_session=True) as leftover:
        started_at = psutil.Process(leftover.pid).create_time()
        pid_file.write_text(json.dumps({"pid": leftover.pid, "startedAt": started_at - 1.0}))
        end_leftover(pid_file)
        gone(leftover.pid)


def test_a_pid_file_that_was_cut_off_is_no_obstacle(tmp_path: Path) -> None:
    pid_file = tmp_path / "server.json"
    pid_file.write_text('{"pid": 12')
    end_leftover(pid_file)
    assert not pid_file.exists()


class Interrupted(Exception):
    """Somebody pressed Ctrl-C."""


class Impatient(Daemon):
    """One during whose end somebody presses Ctrl-C."""

    def end(self) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        super().end()


def interrupt(*_: object) -> None:
    raise Interrupted


def test_a_city_ends_whole_whoever_is_impatient_meanwhile(tmp_path: Path) -> None:
    city, before = City(tmp_path), signal.signal(signal.SIGINT, interrupt)
    daemons = [Impatient(name, SLEEPER, dict(os.environ), tmp_path, []) for name in ("one", "two")]
    city.daemons = {daemon.name: daemon for daemon in daemons}
    try:
        for daemon in daemons:
            daemon.start()
        city.stop()
        assert [daemon.pid for daemon in daemons] == [None, None]
        assert signal.getsignal(signal.SIGINT) is interrupt
    finally:
        signal.signal(signal.SIGINT, before)
        for daemon in daemons:
            Daemon.end(daemon)


def test_a_city_without_its_tools_says_how_to_get_them(tmp_path: Path) -> None:
    with pytest.raises(CityFailed, match="run `make setup`"):
        City(tmp_path / "city", tools=tmp_path / "nothing").start()


def test_resetting_a_city_leaves_what_is_not_its_own(tmp_path: Path) -> None:
    for name in ("github", "logs", "tools"):
        (tmp_path / name).mkdir()
    for name in ("city.json", "secrets.json", "notes.txt"):
        (tmp_path / name).touch()
    City(tmp_path).reset()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["city.lock", "notes.txt", "tools"]
