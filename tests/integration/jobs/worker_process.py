"""A worker in a process of its own, whose jobs write down what they do: URL LOG.

A job's argument `steps` names its steps. `…!` kills the process with signal 9 in the middle, `…~` when it has
ended; `…?` waits as long as the file LOG.hold is there.
"""

import logging
import os
import signal
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

from app.database.records import SqlRecords
from app.database.session import create_engine
from app.domain.jobs import Job, JobType
from app.jobs.engine import DbosEngine
from app.jobs.process import run
from app.jobs.worker import Worker
from app.ports import Steps
from tests.integration.jobs.world import IMPATIENT, now

_HOLD_SECONDS = 60.0


def act(log: Path, job: Job, name: str) -> str:
    with log.open("a") as file:
        file.write(f"{job.id} {name} {os.getpid()}\n")
    if name.endswith("!"):
        os.kill(os.getpid(), signal.SIGKILL)
    deadline = time.monotonic() + _HOLD_SECONDS
    while name.endswith("?") and log.with_suffix(".hold").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    return name


def handle(log: Path, job: Job, steps: Steps) -> list[Any]:
    answers = []
    for name in job.arguments["steps"]:
        answers.append(steps.run(name, partial(act, log, job, name)))
        if name.endswith("~"):
            with log.open("a") as file:
                file.write(f"{job.id} after {name} {os.getpid()}\n")
            os.kill(os.getpid(), signal.SIGKILL)
    return answers


def main() -> None:
    url, log = sys.argv[1], Path(sys.argv[2])
    logging.basicConfig(level=logging.INFO)
    records = SqlRecords(create_engine(url), DbosEngine(url).enqueue, now)
    handlers = dict.fromkeys(JobType, partial(handle, log))
    run([Worker(url, handlers, records, now, patience=IMPATIENT)])


if __name__ == "__main__":
    main()
