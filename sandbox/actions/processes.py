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
_KILL_ROUNDS = 50
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


def cancel(act: int, keeps: Callable[[dict[str, str]], bool]) -> None:
    """Cancel the steps that are running and have act go on with those that run after a cancellation.

    GitHub's runner sends SIGINT to a step's process, SIGTERM 7.5 s later and kills the tree 2.5 s after that.
    act kills at once when it is interrupted, and takes a step that ends before for a failed one. The shell
    that act started (see `Toolbox`) is therefore held while the step's own shell ends. `keeps` says by the
    environment of a step whether its condition lets it run on (`if: always()`).
    """
    with suppress(*_GONE):
        runner = psutil.Process(act)
        shells = [child for child in _children(runner) if not keeps(_environment(child))]
        _send(shells, signal.SIGSTOP)
        _end([step for shell in shells for step in _children(shell)])
        runner.send_signal(signal.SIGINT)


def _end(steps: list[psutil.Process]) -> None:
    trees = [process for step in steps for process in (step, *_children(step, recursive=True))]
    for number, seconds in ((signal.SIGINT, INTERRUPT_SECONDS), (signal.SIGTERM, TERMINATE_SECONDS)):
        _send(steps, number)
        if _wait_gone(steps, seconds):
            break
    _send([*trees, *(late for step in steps for late in _children(step, recursive=True))], signal.SIGKILL)


def _send(processes: Iterable[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        with suppress(*_GONE):
            process.send_signal(number)


def _wait_gone(processes: list[psutil.Process], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while any(_is_alive(process) for process in processes):
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True


def _is_alive(process: psutil.Process) -> bool:
    with suppress(*_GONE):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


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
