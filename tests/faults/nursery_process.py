"""Forks jobs processes: what they need is imported once, so that one of them costs little.

Reads one order per line from standard input and answers with one line each: the child's number. A child wires
itself by `app.bootstrap.jobs.job_parts`, as `branchline jobs` does. All children end with this process.
"""

import ctypes
import json
import os
import resource
import signal
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from app.bootstrap.jobs import job_parts
from app.cli.logs import configure_logging
from app.jobs.process import run
from tests.faults.points import Point
from tests.faults.tap import Tap, be_impatient, count_steps, die_at, shift_clock, write_down

_PR_SET_PDEATHSIG = 1


def main() -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the system buries children
    for line in sys.stdin:
        assert threading.active_count() == 1
        pid = os.fork()
        if pid == 0:
            _live(json.loads(line))
        print(pid, flush=True)  # noqa: T201 - the driver waits for it


def _live(order: Mapping[str, Any]) -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    _redirect(Path(order["log"]))
    os.environ.clear()
    os.environ.update(order["environ"])
    configure_logging()
    if order.get("shift_seconds"):
        shift_clock(order["shift_seconds"])
    if order.get("file_bytes"):
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # a write that is too much fails, as on a full disk
        resource.setrlimit(resource.RLIMIT_FSIZE, (order["file_bytes"], resource.RLIM_INFINITY))
    if order.get("is_impatient"):
        be_impatient()
    if order.get("count"):
        count_steps(Path(order["count"]))
    if order.get("record"):
        Tap(order["job"], write_down(Path(order["record"]))).put_on()
    if order.get("die_at"):
        Tap(order["job"], die_at(Point.from_json(order["die_at"]))).put_on()
    run(job_parts(os.environ))
    os._exit(0)


def _redirect(log: Path) -> None:
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    written = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(written, 1)
    os.dup2(written, 2)


if __name__ == "__main__":
    main()
