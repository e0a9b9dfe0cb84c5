"""The processes of a run: found by the tracking id in their environment, ended as GitHub's runner ends them.

The id is random per attempt, inherited by everything that a step starts, and survives a restart of the
engine; so a process is never mistaken for another one that got its number. A process that clears its
environment and leaves its session is out of reach, as on GitHub's runners.
"""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

VARIABLE = "RUNNER_TRACKING_ID"
INTERRUPT_SECONDS = 7.5
TERMINATE_SECONDS = 2.5
_POLL_SECONDS = 0.02
_SETTLE_SECONDS = 1.0
_KILL_ROUNDS = 50
_HELD = (psutil.STATUS_STOPPED, psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
_GONE = (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess)


def tracked(tracking_id: str, session: int | None = None) -> list[psutil.Process]:
    """Return the living processes of a run; `session` is act's process id while it is known."""
    return [process for process in psutil.process_iter() if _belongs(process, tracking_id, session)]


def kill_all(tracking_id: str, session: int | None = None) -> None:
    """Kill every process of a run, and those that they start meanwhile."""
    for _ in range(_KILL_ROUNDS):
        found = tracked(tracking_id, session)
        if not found:
            return
        for process in found:
            with suppress(*_GONE):
                process.kill()
        psutil.wait_procs(found, timeout=_POLL_SECONDS)


class Cancellation:
    """Cancels the steps of a run, and has act go on with those that run after a cancellation.

    GitHub's runner sends SIGINT to a step's process, SIGTERM 7.5 s later and kills the tree 2.5 s after that.
    act kills at once when it is interrupted, and takes a step that ends before for a failed one. The shell
    that act started (see `Toolbox`) is therefore held while the step's own shell ends. `keeps` says by the
    environment of a step whether its condition lets it run on (`if: always()`).
    """

    def __init__(self, tracking_id: str, act: int, keeps: Callable[[dict[str, str]], bool]) -> None:
        self._tracking_id, self._act, self._keeps = tracking_id, act, keeps
        self._daemons: set[psutil.Process] = set()

    def begin(self) -> None:
        """End the steps that run now, and tell act; returns when they are gone, after 10 s at most."""
        with suppress(*_GONE):
            runner = psutil.Process(self._act)
            shells = [child for child in _started(runner) if not self._keeps(_environment(child))]
            _hold(shells)
            self._daemons = self._strays(runner)
            _end([step for shell in shells for step in _children(shell)])
            runner.send_signal(signal.SIGINT)

    def sweep(self) -> None:
        """End what a step left that began while the others ended; to be called until act is over.

        act kills the shell of such a step alone, and waits for its children as long as they have its output.
        What earlier steps left behind them runs on for the steps that clean up.
        """
        with suppress(*_GONE):
            strays = self._strays(psutil.Process(self._act)) - self._daemons
            _send([it for it in strays if not self._keeps(_environment(it))], signal.SIGKILL)

    def _strays(self, runner: psutil.Process) -> set[psutil.Process]:
        """Return the processes of the run that nobody waits for any more: act is not above them."""
        found = set(tracked(self._tracking_id))
        return found - {runner, *_children(runner, recursive=True)}


def _started(runner: psutil.Process) -> list[psutil.Process]:
    """Return act's children, none of them on its way: one that is held before its exec holds act itself."""
    _wait_until_none(lambda child: _is_on_its_way(child, runner), lambda: _children(runner), _SETTLE_SECONDS)
    return [child for child in _children(runner) if not _is_on_its_way(child, runner)]


def _is_on_its_way(child: psutil.Process, runner: psutil.Process) -> bool:
    """Say whether a process is before its exec, or within it, where it has no environment yet."""
    return _is_alive(child) and (_program(child) == _program(runner) or not _environment(child))


def _hold(shells: list[psutil.Process]) -> None:
    """Stop processes, and wait until they are: one that goes on for a moment starts another one."""
    _send(shells, signal.SIGSTOP)
    _wait_until_none(lambda shell: _status(shell) not in _HELD, lambda: shells, _SETTLE_SECONDS)


def _end(steps: list[psutil.Process]) -> None:
    trees = [process for step in steps for process in (step, *_children(step, recursive=True))]
    for number, seconds in ((signal.SIGINT, INTERRUPT_SECONDS), (signal.SIGTERM, TERMINATE_SECONDS)):
        _send(steps, number)
        if _wait_until_none(_is_alive, lambda: steps, seconds):
            break
    _send([*trees, *(late for step in steps for late in _children(step, recursive=True))], signal.SIGKILL)


def _send(processes: Iterable[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        with suppress(*_GONE):
            process.send_signal(number)


def _wait_until_none(
    is_so: Callable[[psutil.Process], bool], processes: Callable[[], list[psutil.Process]], seconds: float
) -> bool:
    """Wait until it is so of no process any more, and say whether it came to that in time."""
    deadline = time.monotonic() + seconds
    while any(is_so(process) for process in processes()):
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True


def _is_alive(process: psutil.Process) -> bool:
    with suppress(*_GONE):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def _status(process: psutil.Process) -> str:
    with suppress(*_GONE):
        return process.status()
    return psutil.STATUS_DEAD


def _program(process: psutil.Process) -> str:
    with suppress(*_GONE):
        return process.exe()
    return ""


def _children(process: psutil.Process, *, recursive: bool = False) -> list[psutil.Process]:
    with suppress(*_GONE):
        return process.children(recursive=recursive)
    return []


def _environment(process: psutil.Process) -> dict[str, str]:
    with suppress(*_GONE, OSError):
        return process.environ()
    return {}


def _belongs(process: psutil.Process, tracking_id: str, session: int | None) -> bool:
    if process.pid == os.getpid() or not _is_alive(process):
        return False
    if _environment(process).get(VARIABLE) == tracking_id:
        return True
    with suppress(OSError):
        return session is not None and os.getsid(process.pid) == session
    return False
