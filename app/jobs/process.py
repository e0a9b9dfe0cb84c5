"""A process that works: its parts run until SIGTERM or SIGINT and stop in reverse order."""

import logging
import os
import signal
import sys
import threading
from collections.abc import Sequence
from types import FrameType
from typing import Protocol

log = logging.getLogger(__name__)


class Part(Protocol):
    """Something that runs in threads of its own: a `Worker`, an `Inbox`."""

    def start(self) -> None:
        """Begin."""

    def stop(self) -> None:
        """End within seconds."""


def run(parts: Sequence[Part]) -> None:
    """Start `parts`, wait for a signal, stop them. Call it in the main thread, as the process's last act."""
    signalled = threading.Event()

    def note(_number: int, _frame: FrameType | None) -> None:
        signalled.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, note)
    started: list[Part] = []
    try:
        for part in parts:
            part.start()
            started.append(part)
        signalled.wait()
    finally:
        for part in reversed(started):
            part.stop()
    _leave_hanging_threads()


def _leave_hanging_threads() -> None:
    """End at once when a call to a remote still hangs: its job belongs to others by now."""
    main = threading.main_thread()
    hanging = [thread.name for thread in threading.enumerate() if thread is not main and not thread.daemon]
    if hanging:
        log.warning("leaving without %s", ", ".join(hanging))
        logging.shutdown()
        sys.stdout.flush()
        os._exit(0)
