"""A worker in a process of its own, whose jobs write down what they do: URL LOG VERSION.

A job's argument `steps` names its steps. A sign in a name says what the step does beside noting that it ran:

    !   kill the process with signal 9          ~   the same, but between this step and the next
    +   look whether the job wrote, else write  x   be refused
    ?   wait as long as the file LOG.hold is there
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
from app.errors import RemoteConflict
from app.jobs.engine import DbosEngine
from app.jobs.process import run
from app.jobs.worker import Worker
from app.ports import Steps
from tests.integration.jobs.world import IMPATIENT, now

_HOLD_SECONDS = 60.0


def note(log: Path, words: str) -> None:
    with log.open("a") as file:
        file.write(f"{words}\n")


def act(log: Path, job: Job, name: str) -> str:
    note(log, f"{job.id} {name} {os.getpid()}")
    _, _, signs = name.partition(" ")
    if "!" in signs:
        os.kill(os.getpid(), signal.SIGKILL)
    if "x" in signs:
        raise RemoteConflict(f"acting for {job.app_id}: refused")
    if "+" in signs:
        write_once(log.with_suffix(".written"), job)
    deadline = time.monotonic() + _HOLD_SECONDS
    while "?" in signs and log.with_suffix(".hold").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    return name


def write_once(written: Path, job: Job) -> None:
    known = written.read_text().splitlines() if written.exists() else []
    if job.id not in known:
        note(written, job.id)


def handle(log: Path, job: Job, steps: Steps) -> list[Any]:
    answers = []
    for name in job.arguments["steps"]:
        answers.append(steps.run(name, partial(act, log, job, name)))
        if "~" in name:
            note(log, f"{job.id} after {name} {os.getpid()}")
            os.kill(os.getpid(), signal.SIGKILL)
    return answers


def main() -> None:
    url, log, version = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    logging.basicConfig(level=logging.INFO)
    records = SqlRecords(create_engine(url), DbosEngine(url, version=version).enqueue, now)
    handlers = dict.fromkeys(JobType, partial(handle, log))
    run([Worker(url, handlers, records, now, patience=IMPATIENT, version=version)])


if __name__ == "__main__":
    main()
