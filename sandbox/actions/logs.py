"""The log files of jobs: one per step, as the run went.

`logs/<run>/<attempt>/<job>/<number>.txt`; every line begins with its time, as in GitHub's logs. What is
written here has been masked before.
"""

from __future__ import annotations

import io
import re
import shutil
import zipfile
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox.actions.records import Job, Step

_UNSAFE = re.compile(r'[\\/:*?"<>|\x00-\x1f]')
_LONGEST_NAME = 90
_DELETED = "deleted"


class Logs:
    """The log files of one engine."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def append(self, job: Job, number: int, text: str) -> None:
        """Add lines to the log of a step."""
        path = self._path(job, number)
        path.parent.mkdir(parents=True, exist_ok=True)
        time = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f0Z")
        with path.open("a", encoding="utf-8") as file:
            file.writelines(f"{time} {line}\n" for line in text.split("\n"))

    def of_step(self, job: Job, number: int) -> str:
        """Return the log of one step, empty when it said nothing."""
        path = self._path(job, number)
        return path.read_text(encoding="utf-8") if path.exists() else ""

    def of_job(self, job: Job, steps: list[Step]) -> str:
        """Return the whole log of a job."""
        return "".join(self.of_step(job, step.number) for step in steps)

    def archive(self, jobs: list[tuple[Job, list[Step]]]) -> bytes:
        """Return the zip of an attempt: one file per job, and a folder per job with one file per step."""
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
            for index, (job, steps) in enumerate(jobs):
                file.writestr(f"{index}_{_file_name(job.name)}.txt", self.of_job(job, steps))
                for step in steps:
                    name = f"{_file_name(job.name)}/{step.number}_{_file_name(step.name)}.txt"
                    file.writestr(name, self.of_step(job, step.number))
        return buffer.getvalue()

    def delete(self, run_id: int) -> None:
        """Delete the logs of all attempts of a run, and remember that there were some."""
        directory = self._directory / str(run_id)
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        (directory / _DELETED).touch()

    def are_gone(self, run_id: int) -> bool:
        """Say whether the logs of a run were deleted."""
        return (self._directory / str(run_id) / _DELETED).exists()

    def _path(self, job: Job, number: int) -> Path:
        return self._directory / str(job.run_id) / str(job.attempt) / str(job.id) / f"{number}.txt"


def _file_name(name: str) -> str:
    return _UNSAFE.sub("", name).strip(" .")[:_LONGEST_NAME] or "unnamed"
