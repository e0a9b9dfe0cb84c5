"""Workers in processes of their own, for tests that kill, stop and exchange them."""

import subprocess
import sys
from pathlib import Path

from sqlalchemy import text

from app.domain.events import Tag
from app.domain.jobs import Job
from app.jobs.engine import APPLICATION_VERSION
from tests.integration.jobs.world import World, until

WELL = [Tag.JOB_QUEUED, Tag.JOB_STARTED, Tag.JOB_COMPLETED]
BADLY = [Tag.JOB_QUEUED, Tag.JOB_STARTED, Tag.JOB_FAILED]


class Processes:
    """Workers in processes of their own, and what their jobs wrote down."""

    def __init__(self, world: World, directory: Path) -> None:
        self.world = world
        self.log = directory / "acts.log"
        self.hold = directory / "acts.hold"
        self.written = directory / "acts.written"
        self.output = directory / "output.log"
        self.started: list[subprocess.Popen[bytes]] = []

    def start(self, version: int = APPLICATION_VERSION) -> subprocess.Popen[bytes]:
        program = [sys.executable, "-m", "tests.integration.jobs.worker_process"]
        command = [*program, self.world.url, str(self.log), str(version)]
        with self.output.open("ab") as output:
            process = subprocess.Popen(command, stderr=output)
        self.started.append(process)
        pid = f"-{process.pid}-"
        until(lambda: self._took(pid) or process.poll() is not None, saying=self.output.read_text)
        return process

    def _took(self, pid: str) -> bool:
        return any(pid in line and "takes jobs" in line for line in self.output.read_text().splitlines())

    def forget_the_dead(self) -> None:
        """Let the next worker know at once what it would find out by itself after six seconds."""
        with self.world.database.begin() as connection:
            connection.execute(text("DELETE FROM job_workers"))

    def beating(self) -> int:
        """Return how many workers are held for living ones."""
        with self.world.database.begin() as connection:
            return int(connection.execute(text("SELECT count(*) FROM job_workers")).scalar_one())

    def acts_of_all(self) -> str:
        return self.log.read_text() if self.log.exists() else "nothing was done"

    def acts(self, job: Job) -> list[tuple[str, int]]:
        lines = self.acts_of_all().splitlines()
        rows = [line.rsplit(" ", 1) for line in lines if line.startswith(f"{job.id} ")]
        return [(name.removeprefix(f"{job.id} "), int(pid)) for name, pid in rows]

    def wait_for_act(self, job: Job, name: str) -> int:
        until(lambda: name in dict(self.acts(job)), saying=self.output.read_text)
        return dict(self.acts(job))[name]

    def wait_for_words(self, words: str) -> None:
        until(lambda: words in self.output.read_text(), saying=self.output.read_text)

    def close(self) -> None:
        for process in self.started:
            process.kill()
            process.wait()
